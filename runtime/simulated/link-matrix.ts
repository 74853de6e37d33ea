/**
 * What lies between places of a simulation: for each ordered pair of them how messages travel, or that they do not.
 *
 * `ref` gives an actor as it is seen from another place. A request crosses the way there and its reply the way back, each
 * by its own conditions; a cast has no way back. Without conditions messages travel at once and in order. A call that loses
 * its request or its reply ends by its own deadline, as on a real link: `runtime.call-timeout`, and it may have run.
 *
 * It does to messages what a stream socket hides by breaking; bytes are cut, delayed and held by `SimulatedNetwork`. A
 * message is handed over as it is: that it could cross a link at all (its types, its size) is not checked here.
 */
import { assert, type Failure, fail, type Result } from "#runtime/errors.ts";
import { type ErasedRef, eraseRef, typeRef } from "#runtime/link/erased-ref.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Random } from "#runtime/random.ts";
import type { CallOptions, CastOutcome, Down, Ref } from "#runtime/ref.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";

const PERCENT = 100;

/** How messages travel from one place to another. Chances are in percent, 0 … 100, for each message by itself. */
export interface LinkConditions {
  /** It never arrives. */
  readonly lossPercent: number;
  /** It arrives twice: a handler runs twice for one request. */
  readonly duplicatePercent: number;
  /** It arrives up to `reorderMs` after those that were sent behind it. */
  readonly reorderPercent: number;
  readonly reorderMs: number;
  /** Each takes so long, in its order. */
  readonly delayMs: number;
}

const CLEAR: LinkConditions = { lossPercent: 0, duplicatePercent: 0, reorderPercent: 0, reorderMs: 50, delayMs: 0 };

type Answer = Result<unknown, Failure>;

/** One way between two places. */
class Way {
  conditions: LinkConditions = CLEAR;
  isCut = false;
  #cutCount = 0;
  readonly #simulation: Simulation;
  readonly #random: Random;
  readonly #onCut = new Set<() => void>();

  constructor(simulation: Simulation, random: Random) {
    this.#simulation = simulation;
    this.#random = random;
  }

  /** Once, twice, later, or never. */
  carry(arrive: () => void): void {
    const { lossPercent, duplicatePercent } = this.conditions;
    if (this.isCut || this.#happens(lossPercent)) return;
    this.#carryOne(arrive);
    if (this.#happens(duplicatePercent)) this.#carryOne(arrive);
  }

  cut(): void {
    this.isCut = true;
    this.#cutCount += 1;
    const waiting = [...this.#onCut];
    this.#onCut.clear();
    for (const run of waiting) run();
  }

  /** Runs when the way is cut, unless it is undone before. */
  onCut(run: () => void): () => void {
    this.#onCut.add(run);
    return () => this.#onCut.delete(run);
  }

  #carryOne(arrive: () => void): void {
    const { delayMs, reorderPercent, reorderMs } = this.conditions;
    const isLate = this.#happens(reorderPercent);
    const afterMs = delayMs + (isLate ? 1 + this.#random.below(Math.max(1, reorderMs)) : 0);
    const cutCount = this.#cutCount;
    // What was under way at a cut is gone with it, also where the link is healed by then.
    const unlessCut = (): void => {
      if (this.#cutCount === cutCount) arrive();
    };
    if (afterMs === 0) unlessCut();
    else this.#simulation.clock.after(afterMs, unlessCut);
  }

  #happens(percent: number): boolean {
    return percent > 0 && this.#random.below(PERCENT) < percent;
  }
}

/** All links of a simulation. Places are names that a scenario chooses; a link is there when it is named. */
export class LinkMatrix {
  readonly #simulation: Simulation;
  readonly #random: Random;
  /** By source and target; grows by the places that a scenario names. */
  readonly #ways = new Map<string, Way>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#random = simulation.fork();
  }

  /** From now on, from `source` to `target` and not back. What is not named is as on a clear link. */
  conditions(source: string, target: string, conditions: Partial<LinkConditions>): void {
    const { lossPercent, duplicatePercent, reorderPercent } = { ...CLEAR, ...conditions };
    const arePercent = [lossPercent, duplicatePercent, reorderPercent].every(
      (chance) => chance >= 0 && chance <= PERCENT,
    );
    assert(arePercent, "a chance is 0 … 100 percent");
    this.#way(source, target).conditions = { ...CLEAR, ...conditions };
  }

  /**
   * Cuts the link between two places, both ways, until `heal`. Calls under way end with `runtime.link-lost`, later ones with
   * `runtime.not-connected`, monitors with `no-connection`; casts are dropped.
   */
  cut(one: string, other: string): void {
    this.#simulation.tell("link", "cut", one, other);
    this.#way(one, other).cut();
    this.#way(other, one).cut();
  }

  heal(one: string, other: string): void {
    this.#simulation.tell("link", "healed", one, other);
    this.#way(one, other).isCut = false;
    this.#way(other, one).isCut = false;
  }

  /** The actor behind `ref`, which lives at `target`, as it is seen from `source`. */
  ref<P extends Protocol<P>>(source: string, target: string, ref: Ref<P>): Ref<P> {
    return typeRef<P>(
      new FarRef(this.#simulation, this.#way(source, target), this.#way(target, source), eraseRef(ref)),
    );
  }

  #way(source: string, target: string): Way {
    const name = `${source} ${target}`;
    const way = this.#ways.get(name) ?? new Way(this.#simulation, this.#random);
    this.#ways.set(name, way);
    return way;
  }
}

class FarRef implements ErasedRef {
  readonly name: string;
  readonly #simulation: Simulation;
  readonly #there: Way;
  readonly #back: Way;
  readonly #ref: ErasedRef;

  constructor(simulation: Simulation, there: Way, back: Way, ref: ErasedRef) {
    this.name = ref.name;
    this.#simulation = simulation;
    this.#there = there;
    this.#back = back;
    this.#ref = ref;
  }

  call(name: string, request: unknown, options: CallOptions): Promise<Answer> {
    const actor = this.name;
    if (this.#there.isCut) return Promise.resolve(fail({ code: "runtime.not-connected", actor, executed: "no" }));
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const nowMs = this.#simulation.clock.nowMs();
    // The callee has a deadline of its own, so the caller's is kept here: its request may never get there.
    const waitMs = Math.max(
      0,
      Math.min(options.timeoutMs, (options.within?.deadlineMs ?? Number.POSITIVE_INFINITY) - nowMs),
    );
    const timer = this.#simulation.clock.after(waitMs, () =>
      answer(fail({ code: "runtime.call-timeout", actor, executed: "maybe" })),
    );
    const forget = this.#there.onCut(() => answer(fail({ code: "runtime.link-lost", actor, executed: "maybe" })));
    const answer = (given: Answer): void => {
      timer.cancel();
      forget();
      resolve(given);
    };
    this.#there.carry(() => {
      void this.#ref.call(name, request, options).then((given) => this.#back.carry(() => answer(given)));
    });
    return promise;
  }

  cast(name: string, request: unknown): CastOutcome {
    if (this.#there.isCut) return "dropped";
    this.#there.carry(() => void this.#ref.cast(name, request));
    return "accepted";
  }

  /** Signals are not lost: a link gives them again or breaks. */
  monitor(onDown: (down: Down) => void): () => void {
    const down: Down = { actor: this.name, incarnation: 0, reason: "no-connection" };
    if (this.#there.isCut) {
      onDown(down);
      return () => undefined;
    }
    let isOver = false;
    const once = (given: Down): void => {
      if (isOver) return;
      isOver = true;
      stop();
      onDown(given);
    };
    const forget = this.#there.onCut(() => once(down));
    const undo = this.#ref.monitor((given) => void Promise.resolve().then(() => once(given)));
    const stop = (): void => {
      isOver = true;
      forget();
      undo();
    };
    return stop;
  }
}
