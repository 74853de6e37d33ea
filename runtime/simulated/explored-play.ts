/**
 * One run of an explored program: the line in which its actors stand, its scripts, and what may happen beside them.
 *
 * By itself it would go on with whoever ran last, or with what that one has set going, as long as there is any of it. Somebody
 * else before that is a *preemption*. Those who go on stand first in line, with a bound and without: so a failure that was
 * found within a bound is played again from its choices alone.
 */
import type { Runnable, RunQueue } from "#runtime/dispatcher.ts";
import { assert, Defect } from "#runtime/errors.ts";
import { turnsOver } from "#runtime/real/turns-over.ts";
import type { Choices } from "#runtime/simulated/choices.ts";

/** Slots of one run. More is a program that does not end. */
const SLOTS_PER_RUN = 10_000;

/** Thrown through a program whose run would repeat another. */
export const REPEATED: Defect = new Defect("this interleaving was explored already");

/**
 * One thing that a script does. The next one is in line when what it returns has settled; to be neither settled nor run at
 * the end of the program is a failure.
 */
export type Step = () => void | Promise<void>;

interface Script extends Runnable {
  readonly name: string;
  readonly left: Step[];
}

/** One run of a program: the line in which its actors stand, its scripts, and what may happen beside them. */
export class Play implements RunQueue {
  readonly #choices: Choices;
  readonly #preemptionsMax: number;
  #ready: Runnable[] = [];
  /** Those that have something to do in the next `interleave`. */
  #later: Runnable[] = [];
  readonly #trace: string[] = [];
  #slots = 0;
  #preemptions = 0;
  /** Who had the last slot in which something happened, and who came into line since then. */
  #goingOn = new Set<Runnable>();
  #isInterleaving = false;
  #isDraining = false;
  /** Those with a step that has not settled. */
  readonly #underWay = new Set<Script>();
  #alone: Promise<void> | undefined;
  #defect: { readonly error: unknown } | undefined;

  constructor(choices: Choices, preemptionsMax: number) {
    this.#choices = choices;
    this.#preemptionsMax = preemptionsMax;
  }

  /** Who had a slot while interleaving, in order, and what was chosen beside that. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** Slots in which something happened. */
  get slots(): number {
    return this.#slots;
  }

  /** Of them, those that somebody had while another one could have gone on. */
  get preemptions(): number {
    return this.#preemptions;
  }

  get isInterleaving(): boolean {
    return this.#isInterleaving;
  }

  /** Outside `interleave`, while a program sets up or ends, it is first come, first served. */
  enqueue(actor: Runnable): void {
    this.#ready.push(actor);
    this.#goingOn.add(actor);
    if (!this.#isInterleaving && !this.#isDraining) void this.#drain();
  }

  mayTime(): boolean {
    return false;
  }

  /** Something that acts beside the actors, one step a slot: a client, a publisher. */
  script(name: string, ...steps: readonly Step[]): void {
    const script: Script = {
      name,
      left: [...steps],
      runSlot: () => {
        this.#take(script);
        return 1;
      },
    };
    if (steps.length > 0) this.#lineUp(script);
  }

  /**
   * Something that happens once, at any moment from now on while interleaving: a timer, the end of an operation of the disk.
   * Answers with an undo.
   */
  event(name: string, happen: () => void): () => void {
    const event: Runnable = {
      name,
      runSlot: () => {
        try {
          happen();
        } catch (error) {
          this.#defect ??= { error };
        }
        return 1;
      },
    };
    this.#lineUp(event);
    return () => {
      this.#ready = this.#ready.filter((other) => other !== event);
      this.#later = this.#later.filter((other) => other !== event);
    };
  }

  /** One of `count` outcomes, from 0, another one in every run: of what is left to chance. It is no preemption. */
  choose(what: string, count: number): number {
    let chosen = 0;
    this.#choices.take(count, (index) => {
      chosen = index;
      return true;
    });
    this.#trace.push(`${what}=${chosen}`);
    return chosen;
  }

  /** A step during which nobody else has a turn, however long it takes: time that passes. */
  alone(step: Step): Step {
    return () => {
      const taken = (async () => step())();
      this.#alone = taken.catch(() => undefined);
      return taken;
    };
  }

  /** Lets everybody run, in an order that is another one in every run, until nobody has anything to do. */
  async interleave(): Promise<void> {
    this.#isInterleaving = true;
    this.#goingOn.clear();
    this.#ready.push(...this.#later.splice(0));
    for (;;) {
      await this.#alone;
      await turnsOver();
      if (this.#defect !== undefined) throw this.#defect.error;
      if (this.#ready.length === 0) break;
      this.#runNext();
    }
    this.#isInterleaving = false;
  }

  /** The program is over, as `explore` sees it: what its scripts have not done by now is a failure. */
  async finish(): Promise<void> {
    if (this.#underWay.size > 0) await turnsOver();
    if (this.#defect !== undefined) throw this.#defect.error;
    const undone = [
      ...[...this.#underWay].map(({ name, left }) => {
        const after = left.length === 0 ? "" : `, and ${left.length} after it`;
        return `the script ${name} has a step that never settled${after}`;
      }),
      ...this.#later.filter(isScript).map(({ name, left }) => {
        const steps = left.length === 1 ? "1 step" : `${left.length} steps`;
        return `the script ${name} has ${steps} that never ran`;
      }),
    ];
    if (undone.length > 0) throw new Defect(undone.join("\n"));
  }

  #runNext(): void {
    const first = this.#ready.filter((runnable) => this.#goingOn.has(runnable));
    const line = [...first, ...this.#ready.filter((runnable) => !this.#goingOn.has(runnable))];
    // Whether one of them has anything to do is not known before it is asked.
    const mayGoOn = new Set(first);
    const isChosen = this.#choices.take(
      line.length,
      (index) => {
        const runnable = line[index];
        assert(runnable !== undefined, "those in line are there");
        this.#ready = this.#ready.filter((other) => other !== runnable);
        const before = this.#goingOn;
        this.#goingOn = new Set([runnable]);
        const at = this.#trace.length;
        if (runnable.runSlot(1) > 0) {
          this.#ran(runnable.name, at, index >= first.length && mayGoOn.size > 0);
          return true;
        }
        this.#goingOn = before;
        mayGoOn.delete(runnable);
        return false;
      },
      this.#preemptions < this.#preemptionsMax ? 0 : first.length,
    );
    if (!isChosen) throw REPEATED;
  }

  /** What it chose stands behind it. */
  #ran(name: string | undefined, at: number, isPreemption: boolean): void {
    this.#trace.splice(at, 0, name ?? "?");
    this.#slots += 1;
    if (isPreemption) this.#preemptions += 1;
    assert(this.#slots <= SLOTS_PER_RUN, `a run ends within ${SLOTS_PER_RUN} slots`);
  }

  /** Scripts and events have their slots while interleaving, and at no other time. */
  #lineUp(runnable: Runnable): void {
    (this.#isInterleaving ? this.#ready : this.#later).push(runnable);
    this.#goingOn.add(runnable);
  }

  #take(script: Script): void {
    const step = script.left.shift();
    assert(step !== undefined, "a script in line has a step");
    this.#underWay.add(script);
    const taken = async (): Promise<void> => step();
    taken().then(
      () => {
        this.#underWay.delete(script);
        if (script.left.length > 0) this.#lineUp(script);
      },
      (error: unknown) => {
        this.#underWay.delete(script);
        this.#defect ??= { error };
      },
    );
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    await undefined;
    while (!this.#isInterleaving) {
      const next = this.#ready.shift();
      if (next === undefined) break;
      next.runSlot(1);
      await undefined;
    }
    this.#isDraining = false;
  }
}

function isScript(runnable: Runnable): runnable is Script {
  return "left" in runnable;
}
