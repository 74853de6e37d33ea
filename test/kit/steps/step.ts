/**
 * The steps of an event on its way through a node, as the servers beside it see them, and a watch on them.
 *
 * `asked`: the server has heard nothing of it. `done`: it has done it, and the node has not heard so.
 */
import { eventually } from "#test/kit/node.ts";

/** In the order in which an event comes to them. */
export const STEPS = [
  "new entries given",
  "own entries given again",
  "entries of another claimed",
  "tokens asked",
  "tokens done",
  "bindings asked",
  "bindings done",
  "insert asked",
  "insert executed, not committed",
  "insert done",
  "dead letter asked",
  "dead letter done",
  "acknowledge asked",
  "acknowledge done",
  "trim asked",
  "trim done",
] as const;

export type Step = (typeof STEPS)[number];

export type ServerName = "redis" | "postgres";

/** What becomes of what was held: it goes on, or the connection is broken and it is nowhere. */
export type Fate = "pass" | "cut";

/** While it runs, what `server` or the node said at the step is held. */
export type AtStep = (server: ServerName) => Promise<Fate>;

interface Awaited {
  readonly step: Step;
  readonly act: AtStep;
  /** Occurrences until it is the one. */
  leftCount: number;
  fate: "open" | "acting" | "over";
}

export class StepWatch {
  readonly #seen = new Map<Step, number>();
  readonly #awaited = new Set<Awaited>();

  /** How often a step was come to. */
  get seen(): ReadonlyMap<Step, number> {
    return this.#seen;
  }

  /** Runs `act` at the `nth` occurrence from now on, once, and comes back when it has; one that never comes is a failure. */
  async at(step: Step, nth: number, act: AtStep): Promise<void> {
    const awaited: Awaited = { step, act, leftCount: nth, fate: "open" };
    this.#awaited.add(awaited);
    try {
      await eventually(20_000, `the step "${step}" is come to ${nth} times`, () => awaited.fate === "over");
    } finally {
      this.#awaited.delete(awaited);
    }
  }

  /** Told by whoever holds what was said there. */
  async come(step: Step, server: ServerName): Promise<Fate> {
    this.#seen.set(step, (this.#seen.get(step) ?? 0) + 1);
    const awaited = [...this.#awaited].find((one) => one.step === step && one.fate === "open");
    if (awaited === undefined) return "pass";
    awaited.leftCount -= 1;
    if (awaited.leftCount > 0) return "pass";
    awaited.fate = "acting";
    const fate = await awaited.act(server);
    awaited.fate = "over";
    return fate;
  }
}
