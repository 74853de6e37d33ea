/**
 * What a cell did last, so that a defect which no actor owns can be told with what ran before it. One note is made for a
 * slot, which is up to 16 turns of one actor.
 */
export interface RecentSlot {
  readonly actor: string;
  /** The last turn of the slot: a message's name, or `settle`, `timer`, `down`. */
  readonly turn: string;
  /** Turns in the slot. */
  readonly count: number;
}

/** Slots that are remembered. A power of two. */
export const RECENT_SLOTS = 64;

export class RecentSlots {
  readonly #actors = new Array<string>(RECENT_SLOTS).fill("");
  readonly #turns = new Array<string>(RECENT_SLOTS).fill("");
  readonly #counts = new Array<number>(RECENT_SLOTS).fill(0);
  #next = 0;

  note(actor: string, turn: string, count: number): void {
    const index = this.#next;
    this.#actors[index] = actor;
    this.#turns[index] = turn;
    this.#counts[index] = count;
    this.#next = (index + 1) & (RECENT_SLOTS - 1);
  }

  /** Oldest first. A slot under way is not among them. */
  list(): readonly RecentSlot[] {
    const slots: RecentSlot[] = [];
    for (let step = 0; step < RECENT_SLOTS; step += 1) {
      const index = (this.#next + step) & (RECENT_SLOTS - 1);
      const [actor = "", turn = "", count = 0] = [this.#actors[index], this.#turns[index], this.#counts[index]];
      if (count > 0) slots.push({ actor, turn, count });
    }
    return slots;
  }
}
