/**
 * The last turns of a cell, so that a defect which no actor owns can be told with what ran before it. Noting one costs
 * two stores.
 */
export interface RecentTurn {
  readonly actor: string;
  /** A message's name, or `settle`, `timer`, `down`. */
  readonly turn: string;
}

/** Turns that are remembered. A power of two. */
export const RECENT_TURNS = 64;

export class RecentTurns {
  readonly #actors = new Array<string>(RECENT_TURNS).fill("");
  readonly #turns = new Array<string>(RECENT_TURNS).fill("");
  #next = 0;

  note(actor: string, turn: string): void {
    const index = this.#next & (RECENT_TURNS - 1);
    this.#actors[index] = actor;
    this.#turns[index] = turn;
    this.#next = index + 1;
  }

  /** Oldest first; the last one may still be under way. */
  list(): readonly RecentTurn[] {
    const turns: RecentTurn[] = [];
    for (let step = 0; step < RECENT_TURNS; step += 1) {
      const index = (this.#next + step) & (RECENT_TURNS - 1);
      const actor = this.#actors[index] ?? "";
      if (actor !== "") turns.push({ actor, turn: this.#turns[index] ?? "" });
    }
    return turns;
  }
}
