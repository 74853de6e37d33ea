/**
 * Writes down what clients ask and what they are told, in the order in which that happens: a moment is the count of those
 * before it, so no two are the same, and time that stands still in a simulation does no harm.
 */
import type { Incident, Operation, Outcome } from "#chaos/checkers/operation.ts";
import { assert } from "#runtime/errors.ts";

/** Operations of one history. A checker is done with as many in seconds. */
export const OPERATIONS_MAX = 1_000_000;

/** Incidents of one history that are kept, the newest. */
export const INCIDENTS_MAX = 10_000;

/** An operation that was begun, in the hands of its client. */
export interface Begun<Asked> {
  readonly key: string;
  readonly client: string;
  readonly asked: Asked;
  readonly invokedAt: number;
}

interface Entry<Asked, Answer> extends Begun<Asked> {
  /** Undefined until its client was told, or gave up. */
  outcome: Outcome<Answer> | undefined;
  returnedAt: number;
  /** From then on nothing comes of it, whatever its client knows. */
  overAt: number;
}

export class HistoryRecorder<Asked, Answer> {
  readonly #entries: Entry<Asked, Answer>[] = [];
  /** Those that may yet take effect, as far as anybody has said. */
  readonly #open = new Set<Entry<Asked, Answer>>();
  readonly #incidents: Incident[] = [];
  #now = 0;

  get operationCount(): number {
    return this.#entries.length;
  }

  /** In the order in which they came. */
  get incidents(): readonly Incident[] {
    return this.#incidents;
  }

  /** Something went wrong, now. */
  note(what: string): void {
    this.#incidents.push({ at: this.#tick(), what });
    if (this.#incidents.length > INCIDENTS_MAX) this.#incidents.shift();
  }

  begin(client: string, key: string, asked: Asked): Begun<Asked> {
    assert(this.#entries.length < OPERATIONS_MAX, `a history has at most ${OPERATIONS_MAX} operations`);
    const invokedAt = this.#tick();
    const { POSITIVE_INFINITY: never } = Number;
    const entry = { key, client, asked, invokedAt, outcome: undefined, returnedAt: never, overAt: never };
    this.#entries.push(entry);
    this.#open.add(entry);
    return entry;
  }

  end(begun: Begun<Asked>, outcome: Outcome<Answer>): void {
    const entry = begun as Entry<Asked, Answer>;
    assert(entry.outcome === undefined, "an operation ends once");
    entry.outcome = outcome;
    if (outcome.kind === "unknown") return;
    entry.returnedAt = this.#tick();
    this.#open.delete(entry);
  }

  /**
   * What `isOver` picks has no effect from now on, if it was begun before: the process is gone that would have had it, or it is
   * promised.
   */
  settle(isOver: (begun: Begun<Asked>) => boolean): void {
    const now = this.#tick();
    for (const entry of this.#open) {
      if (!isOver(entry)) continue;
      entry.overAt = now;
      this.#open.delete(entry);
    }
  }

  /** What is under way is unknown. */
  operations(): readonly Operation<Asked, Answer>[] {
    return this.#entries.map(
      ({ key, client, asked, invokedAt, outcome = { kind: "unknown" }, returnedAt, overAt }) => ({
        key,
        client,
        asked,
        outcome,
        invokedAt,
        returnedAt: Math.min(returnedAt, overAt),
      }),
    );
  }

  #tick(): number {
    this.#now += 1;
    return this.#now;
  }
}
