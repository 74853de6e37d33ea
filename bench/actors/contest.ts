/**
 * A contest: one work, done by several arms that take turns.
 *
 * - Each arm is a process of its own for each work, so that none is compiled for another's work.
 * - Rounds are interleaved, and the order goes round too: what the machine does meanwhile meets all of them alike.
 * - What counts was handled. A round in which anything was lost ends the bench.
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

export interface Contender {
  readonly name: string;
  /** A text says why it is absent. */
  readonly command: Command | string;
}

/** The samples of an arm, one a round; a text says why it is absent. */
export type Showing = readonly number[] | string;

export interface ContestOptions {
  readonly work: string;
  readonly rounds: number;
  /** Rounds of each arm that do not count. */
  readonly warmups: number;
  /** A round leaves something behind, so that the next one takes a fresh process. */
  readonly fresh: boolean;
  /** What a round is worth. */
  readonly sampleOf: (round: Round) => number;
}

export async function hold(
  contenders: readonly Contender[],
  options: ContestOptions,
): Promise<ReadonlyMap<string, Showing>> {
  const samples = new Map<string, number[]>();
  const absent = new Map<string, string>();
  for (let heat = 0; heat < (options.fresh ? options.rounds : 1); heat += 1) {
    await using stage = new Stage(options.work);
    const reasons = await Promise.all(contenders.map((contender) => stage.enter(contender)));
    for (const [index, { name }] of contenders.entries()) {
      const reason = reasons[index];
      if (reason !== undefined) absent.set(name, reason);
      else if (!samples.has(name)) samples.set(name, []);
    }
    const present = contenders.map(({ name }) => name).filter((name) => samples.has(name));
    for (let round = -options.warmups; round < (options.fresh ? 1 : options.rounds); round += 1) {
      for (const name of turned(present, Math.abs(round))) {
        const result = await stage.round(name);
        if (round >= 0) samples.get(name)?.push(options.sampleOf(result));
      }
    }
  }
  return new Map<string, Showing>([...samples, ...absent]);
}

/** The processes of one contest. */
class Stage implements AsyncDisposable {
  readonly #work: string;
  readonly #children = new Map<string, AskedChild>();

  constructor(work: string) {
    this.#work = work;
  }

  /** Starts the arm and waits until it is ready. Answers with why it is absent. */
  async enter({ name, command }: Contender): Promise<string | undefined> {
    if (typeof command === "string") return command;
    const child = new AskedChild(`${name} (${this.#work})`, command);
    this.#children.set(name, child);
    const { absent } = await child.heard();
    return typeof absent === "string" ? absent : undefined;
  }

  async round(name: string): Promise<Round> {
    const said = await this.#children.get(name)?.ask("round");
    return checked(`${name} (${this.#work})`, said);
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
