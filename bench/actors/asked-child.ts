/** The parent's half: a child process that answers each line with one line of JSON. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { readCoreTimes, waitedMs } from "#bench/actors/core-wait.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { minute, second } from "#runtime/units.ts";

/** Longest wait for an answer. Past it the child is killed and the bench fails. */
const ANSWER_TIMEOUT_MS: number = 2 * minute;
/** Longest wait for its end, once its input has ended. Past it it is killed. */
const EXIT_TIMEOUT_MS: number = 2 * second;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Watched {
  readonly said: Readonly<Record<string, unknown>>;
  readonly waitedMs: number;
  readonly elapsedMs: number;
}

export class AskedChild implements AsyncDisposable {
  readonly #name: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(name: string, { file, args, env = {} }: Command) {
    this.#name = name;
    const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.#process = child;
    child.stderr.pipe(process.stderr);
    // Writing to a child that has gone; that it has gone is seen where its answer is awaited.
    child.stdin.on("error", () => undefined);
    this.#reader = createInterface({ input: child.stdout });
    // It could not be started, and has nothing to say.
    child.on("error", () => this.#reader.close());
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** What it says next, asked for or not. */
  async heard(): Promise<Readonly<Record<string, unknown>>> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), ANSWER_TIMEOUT_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    const said = done === true ? undefined : parseJson(value);
    if (!isRecord(said)) throw new Error(`${this.#name} ended, or said what is no answer: ${value ?? "nothing"}`);
    return said;
  }

  async ask(line: string): Promise<Readonly<Record<string, unknown>>> {
    this.#process.stdin.write(`${line}\n`);
    return this.heard();
  }

  /** As `ask`, and what of the time meanwhile the child had no core for. */
  async askWatched(line: string): Promise<Watched> {
    const pid = this.#process.pid ?? 0;
    const before = readCoreTimes(pid);
    const startedMs = performance.now();
    const said = await this.ask(line);
    const elapsedMs = performance.now() - startedMs;
    return { said, waitedMs: waitedMs(before, readCoreTimes(pid)), elapsedMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#process;
    child.stdin.end();
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
      await once(child, "exit");
      clearTimeout(timer);
    }
    this.#reader.close();
  }
}

/** A list of numbers in an answer. It throws where there is none. */
export function numbersOf(values: unknown, what: string): readonly number[] {
  if (Array.isArray(values) && values.every((value) => typeof value === "number")) return values;
  throw new Error(`${what} are no numbers`);
}
