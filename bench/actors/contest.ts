/**
 * A contest: one work, done by several arms that take turns.
 *
 * - Each arm is a process of its own for each work, so that none is compiled for another's work.
 * - Rounds are interleaved, and the order goes round too: what the machine does meanwhile meets all of them alike.
 * - What counts was handled. A round in which anything was lost ends the bench.
 * - Time in which an arm was ready but another process had its core is no time of the arm (`core-wait.ts`).
 */
import { AskedChild, type Command } from "#bench/actors/asked-child.ts";

/** What a round came to, as an arm says it. */
export interface Round {
  /** Messages, lives or actors that were asked for. */
  readonly sent: number;
  /** As the actors counted. */
  readonly handled: number;
  /** ms of a rate, bytes of a memory. */
  readonly took: number;
}

/** The same, as it was seen from outside. */
export interface SeenRound extends Round {
  readonly waitedMs: number;
}

export interface Contender {
  readonly name: string;
  /** A text says why it is absent. */
  readonly command: Command | string;
}

export interface Scored {
  /** One a round. */
  readonly samples: number[];
  /** Of each round, the share of its time that the arm waited for a core. */
  readonly waits: number[];
}

/** A text says why the arm is absent. */
export type Showing = Scored | string;

export interface Score {
  readonly sample: number;
  /** 0 … 1. */
  readonly wait: number;
}

export interface ContestOptions {
  readonly work: string;
  readonly rounds: number;
  /** Rounds of each arm that do not count. */
  readonly warmups: number;
  /** A round leaves something behind, so that the next one takes a fresh process. */
  readonly fresh: boolean;
  /** What a round is worth. */
  readonly score: (round: SeenRound) => Score;
}

export async function hold(
  contenders: readonly Contender[],
  options: ContestOptions,
): Promise<ReadonlyMap<string, Showing>> {
  const showings = new Map<string, Showing>();
  const heats = options.fresh ? options.rounds : 1;
  for (let heat = 0; heat < heats; heat += 1) await play(contenders, options, showings);
  return showings;
}

/** One set of processes, from start to end. */
async function play(
  contenders: readonly Contender[],
  { work, rounds, warmups, fresh, score }: ContestOptions,
  showings: Map<string, Showing>,
): Promise<void> {
  await using stage = new Stage(work);
  await Promise.all(contenders.map((contender) => stage.enter(contender, showings)));
  const present = [...showings].flatMap(([name, showing]) => (typeof showing === "string" ? [] : [{ name, showing }]));
  for (let round = -warmups; round < (fresh ? 1 : rounds); round += 1) {
    for (const { name, showing } of turned(present, Math.abs(round))) {
      const { sample, wait } = score(await stage.round(name));
      if (round < 0) continue;
      showing.samples.push(sample);
      showing.waits.push(wait);
    }
  }
}

/** The processes of one contest. */
class Stage implements AsyncDisposable {
  readonly #work: string;
  readonly #children = new Map<string, AskedChild>();

  constructor(work: string) {
    this.#work = work;
  }

  /** Starts the arm and waits until it is ready, or has said that it is absent. */
  async enter({ name, command }: Contender, showings: Map<string, Showing>): Promise<void> {
    if (!showings.has(name)) showings.set(name, { samples: [], waits: [] });
    if (typeof command === "string") {
      showings.set(name, command);
      return;
    }
    const child = new AskedChild(`${name} (${this.#work})`, command);
    this.#children.set(name, child);
    const { absent } = await child.heard();
    if (typeof absent === "string") showings.set(name, absent);
  }

  async round(name: string): Promise<SeenRound> {
    const watched = await this.#children.get(name)?.askWatched("round");
    return { ...checked(`${name} (${this.#work})`, watched?.said), waitedMs: watched?.waitedMs ?? 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => child[Symbol.asyncDispose]()));
  }
}

/** The round that an arm says it had. It throws where a message was lost, or nothing was done. */
export function checked(who: string, said: Readonly<Record<string, unknown>> | undefined): Round {
  const { sent, handled, took } = said ?? {};
  if (typeof sent !== "number" || typeof handled !== "number" || typeof took !== "number") {
    throw new Error(`${who} answered with what is no round: ${JSON.stringify(said)}`);
  }
  if (sent <= 0 || handled !== sent) throw new Error(`${who} lost ${sent - handled} of ${sent}`);
  return { sent, handled, took };
}

function turned<Item>(items: readonly Item[], by: number): readonly Item[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
