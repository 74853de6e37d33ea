/**
 * All interleavings of a small program, each of them once.
 *
 *     await explore(async (play) => {
 *       const { ref } = await new ExploredCell(play).start(behavior, deps);
 *       play.script("client", () => void ref.cast("note", 1), () => void ref.cast("note", 2));
 *       await play.interleave();
 *       assert(…);  // what must hold in every order
 *     });
 *
 * The program is played from its beginning again and again, depth first; wherever more than one of its actors and
 * scripts has something to do, the search branches (a stateless search: nothing is saved between two runs but the
 * choices). Between two slots promise turns run until they are still, in the order of the platform; a timer runs when
 * the program moves its clock.
 *
 * - A program is a function of the choices made for it, or the search says so.
 * - A slot in which nothing happens is no interleaving of its own: such runs are cut off and counted apart.
 */
import type { Runnable, RunQueue } from "#runtime/dispatcher.ts";
import { assert, Defect } from "#runtime/errors.ts";
import { Choices } from "#runtime/simulated/choices.ts";

/** Runs of one search unless the caller says otherwise. A program with more interleavings is too large for it. */
export const exploredRunsMax = 200_000;
/** Slots of one run. More is a program that does not end. */
const slotsPerRunMax = 10_000;
/** Promise turns between two slots: the longest await chain expected of one turn. */
const settleTurnsMax = 64;
/** Rounds of settling for a step that is under way while nobody else has anything to do. */
const patienceRoundsMax = 64;

/** How far a search goes. */
export interface ExploreOptions {
  /** Runs, those that are cut off included; one more is a defect. Default 200 000. */
  readonly runsMax?: number;
  /** One interleaving alone, as a failure named it. Choices that the program does not have are a defect. */
  readonly only?: readonly number[];
}

/** What a search has seen. */
export interface Explored {
  /** Interleavings, no two of them the same. */
  readonly runs: number;
  /** Runs cut off because they would have repeated another. */
  readonly cutOff: number;
  /** Slots of the longest one. */
  readonly slotsMax: number;
}

/**
 * One thing that a script does. The next one is in line when what it returns has settled; to be neither settled nor run at
 * the end of the program is a failure.
 */
export type Step = () => void | Promise<void>;

interface Script extends Runnable {
  readonly name: string;
  readonly left: Step[];
}

/** Plays `program` in every order. What it throws is thrown, with the interleaving that led to it. */
export async function explore(program: (play: Play) => Promise<void>, options: ExploreOptions = {}): Promise<Explored> {
  const { runsMax = exploredRunsMax, only } = options;
  const choices = new Choices(only);
  let runs = 0;
  let cutOff = 0;
  let slotsMax = 0;
  do {
    if (runs + cutOff >= runsMax) throw new Defect(`the program has more than ${runsMax} runs: make it smaller`);
    const play = new Play(choices);
    try {
      await program(play);
      await play.finish();
      choices.finish();
      runs += 1;
      slotsMax = Math.max(slotsMax, play.trace.length);
    } catch (error) {
      if (error !== REPEATED) throw failedIn(play, choices, error);
      cutOff += 1;
    }
  } while (only === undefined && choices.advance());
  return { runs, cutOff, slotsMax };
}

/** One run of a program: the line in which its actors stand, and its scripts. */
export class Play implements RunQueue {
  readonly #choices: Choices;
  #ready: Runnable[] = [];
  /** Those that have something to do in the next `interleave`. */
  readonly #scripts: Script[] = [];
  readonly #trace: string[] = [];
  #isInterleaving = false;
  #isDraining = false;
  /** Those with a step that has not settled. */
  readonly #underWay = new Set<Script>();
  #alone: Promise<void> | undefined;
  #defect: { readonly error: unknown } | undefined;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  /** Who had a slot while interleaving, in order. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** Outside `interleave`, while a program sets up or ends, it is first come, first served. */
  enqueue(actor: Runnable): void {
    this.#ready.push(actor);
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
    this.#ready.push(...this.#scripts.splice(0));
    for (let rounds = 0; rounds < patienceRoundsMax; rounds += 1) {
      await this.#alone;
      await settle();
      if (this.#defect !== undefined) throw this.#defect.error;
      if (this.#ready.length > 0) {
        this.#runNext();
        rounds = 0;
      } else if (this.#underWay.size === 0) break;
    }
    this.#isInterleaving = false;
  }

  /** The program is over, as `explore` sees it: what its scripts have not done by now is a failure. */
  async finish(): Promise<void> {
    for (let rounds = 0; rounds < patienceRoundsMax && this.#underWay.size > 0; rounds += 1) await settle();
    if (this.#defect !== undefined) throw this.#defect.error;
    const undone = [
      ...[...this.#underWay].map(({ name, left }) => {
        const after = left.length === 0 ? "" : `, and ${left.length} after it`;
        return `the script ${name} has a step that never settled${after}`;
      }),
      ...this.#scripts.map(({ name, left }) => {
        const steps = left.length === 1 ? "1 step" : `${left.length} steps`;
        return `the script ${name} has ${steps} that never ran`;
      }),
    ];
    if (undone.length > 0) throw new Defect(undone.join("\n"));
  }

  #runNext(): void {
    const line = this.#ready;
    const isChosen = this.#choices.take(line.length, (index) => {
      const runnable = line[index];
      assert(runnable !== undefined, "those in line are there");
      this.#ready = this.#ready.filter((other) => other !== runnable);
      const turns = runnable.runSlot(1);
      if (turns > 0) this.#trace.push(runnable.name ?? "?");
      return turns > 0;
    });
    if (!isChosen) throw REPEATED;
    assert(this.#trace.length <= slotsPerRunMax, `a run ends within ${slotsPerRunMax} slots`);
  }

  /** A script acts while interleaving, and at no other time. */
  #lineUp(script: Script): void {
    if (this.#isInterleaving) this.#ready.push(script);
    else this.#scripts.push(script);
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

/** Thrown through a program whose run would repeat another. */
const REPEATED = new Defect("this interleaving was explored already");

async function settle(): Promise<void> {
  for (let turn = 0; turn < settleTurnsMax; turn += 1) await undefined;
}

function failedIn(play: Play, choices: Choices, error: unknown): Defect {
  const message = error instanceof Error ? error.message : String(error);
  const path = JSON.stringify(choices.path);
  return new Defect(`${message}\n  in the interleaving ${play.trace.join(" ")}\n  { only: ${path} }`, { cause: error });
}
