/**
 * What must hold, how often it was looked at, and where it did not hold. A check that was never looked at has shown nothing,
 * and counts as one that failed.
 */

/** Every check there is, and what it says. */
export const CHECKS = {
  "nothing-acknowledged-is-lost":
    "what was acknowledged is there from then on; where bytes of it were flipped on the disk it is refused as damaged, and whole when it was put again",
  "bytes-are-right": "no byte that is answered is another than what was stored",
  "names-are-linearizable":
    "what clients were told of names has an order that the model of names allows, however many answers were lost",
  "objects-are-linearizable":
    "what clients were told of objects that were put, read, removed, restored, held and let go of has an order that the model of objects allows, with collections at any time",
  "no-event-is-lost": "every event that Redis has taken is a row in the end; of some that contradict each other one is",
  "no-event-is-doubled": "of each event there is one row",
  "events-are-as-sent": "a row says what its producer sent, character by character, and there is none that nobody sent",
  "refused-events-are-told": "what may not become a row is a dead letter with its reason, and nothing else is one",
  "events-keep-their-order":
    "rows of a producer stand where it was told that they came, in the order in which it sent them",
  "events-come-to-rest": "when all has healed, no event is left to be read or acknowledged in time",
  "refusals-may-be-tried-again": "a request that could not be served is refused with a status that says: later",
  "served-while-nothing-is-wrong":
    "a request that no fault was near is served, those of one group while another is cut off too",
  "readyz-says-what-is":
    "/readyz keeps reads open and closes writes as the states of the actors say, and while there is no room, in the middle of it all",
  "ready-again": "when all has healed, the node is ready for reads and writes in time",
  "clients-are-served-again": "when all has healed, something is stored for a client of each group, in the same time",
  "everything-runs-again": "every cell, server and actor runs in the end, and nothing is quarantined",
  "supervision-keeps-its-rules":
    "each life of a part follows on the end of another, restarts are counted one by one and within their budget, and a quarantine lasts",
  "nothing-is-left": "a node that is down leaves no process, descriptor, timer or temporary file",
  "faults-took-effect": "every fault of the plan did something",
} as const;

export type CheckName = keyof typeof CHECKS;

/** First sentences that a check keeps of what did not hold. */
export const BROKEN_KEPT_MAX = 5;

export interface CheckResult {
  /** How often it was looked at. */
  readonly looked: number;
  /** How often it did not hold. */
  readonly broken: number;
  /** What did not hold, the first times. */
  readonly said: readonly string[];
}

export class Checks {
  readonly #results = new Map<CheckName, { looked: number; broken: number; said: string[] }>();
  readonly #onBroken: (what: string) => void;

  /** `onBroken` hears of each at once: a simulation ends with the first. */
  constructor(onBroken: (what: string) => void = () => undefined) {
    this.#onBroken = onBroken;
  }

  /** Looks once. Gives `holds` back, so that a client can go on where it makes sense. */
  that(name: CheckName, holds: boolean, what: () => string): boolean {
    const result = this.#results.get(name) ?? { looked: 0, broken: 0, said: [] };
    this.#results.set(name, result);
    result.looked += 1;
    if (holds) return true;
    result.broken += 1;
    const said = what();
    if (result.said.length < BROKEN_KEPT_MAX) result.said.push(said);
    this.#onBroken(`${name}: ${said}`);
    return false;
  }

  of(name: CheckName): CheckResult {
    return this.#results.get(name) ?? { looked: 0, broken: 0, said: [] };
  }
}
