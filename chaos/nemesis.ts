/** Brings the faults of a plan about, each at its time, and heals them. */
import type { Calm } from "#chaos/calm.ts";
import { endsNode, type Fault, type FaultKind, groupsOf, lastsMs, titleOf } from "#chaos/fault.ts";
import type { FaultTally } from "#chaos/outcome.ts";
import { type Injection, passed, type World } from "#chaos/world.ts";

/** A fault that was brought about. */
export interface Done {
  readonly fault: Fault;
  readonly injection: Injection;
}

export class Nemesis {
  readonly #world: World;
  readonly #calm: Calm;
  readonly #faults: readonly Fault[];
  readonly #onInjected: (done: Done) => void;
  readonly #done: Done[] = [];
  #epoch = 0;
  /** Faults under way that end the node. */
  #endings = 0;

  /** `onInjected` hears of each fault when it was brought about, before it heals. */
  constructor(world: World, calm: Calm, faults: readonly Fault[], onInjected: (done: Done) => void) {
    this.#onInjected = onInjected;
    this.#world = world;
    this.#calm = calm;
    this.#faults = faults.toSorted((one, other) => one.atMs - other.atMs);
  }

  /** Settles when every fault came and was healed. Rejects at once where one cannot be brought about. */
  async run(): Promise<void> {
    await Promise.all(this.#faults.map((fault) => this.#bring(fault)));
  }

  async #bring(fault: Fault): Promise<void> {
    await passed(this.#world, fault.atMs);
    this.#calm.disturbed(groupsOf(fault));
    const isEnding = endsNode(fault);
    if (isEnding) this.#endings += 1;
    if (isEnding || fault.kind === "resume-actor") this.#epoch += 1;
    const injection = await this.#world.inject(fault);
    const done = { fault, injection };
    this.#onInjected(done);
    this.#done.push(done);
    const forMs = lastsMs(fault);
    if (forMs > 0) await passed(this.#world, forMs);
    await injection.heal();
    if (isEnding) this.#endings -= 1;
    this.#calm.healed(groupsOf(fault));
  }

  /**
   * Another one where a supervisor may be another, or was told to begin anew; undefined while it is not known when the node ends.
   */
  get epoch(): number | undefined {
    return this.#endings > 0 ? undefined : this.#epoch;
  }

  /** The faults that did nothing, a few words each: a plan with one of them has not been tried. */
  get withoutEffect(): readonly string[] {
    return this.#done.filter(({ injection }) => injection.effects() === 0).map(({ fault }) => titleOf(fault));
  }

  get tally(): Readonly<Partial<Record<FaultKind, FaultTally>>> {
    const kinds = [...new Set(this.#faults.map(({ kind }) => kind))];
    return Object.fromEntries(kinds.map((kind) => [kind, this.#tallyOf(kind)]));
  }

  #tallyOf(kind: FaultKind): FaultTally {
    const injected = this.#done.filter(({ fault }) => fault.kind === kind);
    return {
      planned: this.#faults.filter((fault) => fault.kind === kind).length,
      injected: injected.length,
      effects: injected.reduce((sum, { injection }) => sum + injection.effects(), 0),
    };
  }
}
