/**
 * An external server (a database, a broker) as a child: an operating-system process that is started, asked whether it
 * serves, and stopped with all that it started.
 *
 * - A start prepares, spawns, and is over when the readiness probe says so; it fails when the server exits before, or the
 *   tries are used up.
 * - A stop is a signal, and then the end of the whole group; `kill` is SIGKILL to the group.
 * - What the server said last is in the reason of its exit.
 */
import type { Clock } from "#runtime/clock.ts";
import { Defect, type ExitReason, fail, ok, type Result } from "#runtime/errors.ts";
import type { Processes } from "#runtime/processes.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";
import { withWords } from "#supervisor/process-exit.ts";
import { LastLines } from "#supervisor/server/last-lines.ts";
import { awaitReady, type ReadinessSpec } from "#supervisor/server/readiness.ts";
import { ServerLife } from "#supervisor/server/server-life.ts";

/** What is run for one life. */
export interface Launch {
  /** Absolute. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the server; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How a server is begun, asked and told. */
export interface ServerProgram {
  /** Makes what the next life needs, bounded by itself; or says in a sentence why that cannot be. */
  readonly prepare: () => Promise<Launch | string>;
  readonly readiness: ReadinessSpec;
  /** What a person can do, where that is to be read from what it said before its start failed. */
  readonly adviceOn?: (lastWords: string) => string | undefined;
  /** What asks this server to end in order. */
  readonly stopSignal: "SIGTERM" | "SIGINT";
}

export interface ServerOptions extends ServerProgram {
  readonly name: string;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Log;
}

const STOPPED: ExitReason = { kind: "shutdown" };
const KILLED: ExitReason = { kind: "killed", afterMs: 0 };

export class ServerChild implements Child {
  readonly name: string;
  readonly #options: ServerOptions;
  /** From the spawn to the end of the group. */
  #life: ServerLife | undefined;
  #lastLife: ServerLife | undefined;
  #starting: Promise<unknown> | undefined;
  /** Ends the waiting for a server that is to end, or has ended, before it serves. */
  #waiting = new AbortController();
  #isUp = false;
  /** Why it is to end; the first reason counts. */
  #told: ExitReason | undefined;
  #onExit: (reason: ExitReason) => void = () => undefined;

  constructor(options: ServerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Of the life under way; 0 while there is none. */
  get pid(): number {
    return this.#life?.server.pid ?? 0;
  }

  start(): Promise<Result<void, StartFailed>> {
    this.#told = undefined;
    this.#waiting = new AbortController();
    const starting = this.#tryStart();
    this.#starting = starting;
    return starting;
  }

  async stop(): Promise<void> {
    this.#tell(STOPPED);
    if (!this.#isUp) {
      await this.#starting;
      return;
    }
    this.#life?.server.kill(this.#options.stopSignal);
    await this.#life?.ended;
  }

  kill(): void {
    this.#tell(KILLED);
    this.#life?.server.kill("SIGKILL");
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit = run;
  }

  async #tryStart(): Promise<Result<void, StartFailed>> {
    if (this.#lastLife?.isStillThere === true) return this.#failed(defect("a process of the last life is still there"));
    const { name, prepare, clock, log, processes, readiness, stopSignal, adviceOn } = this.#options;
    const launch = await prepare();
    if (typeof launch === "string") return this.#failed(defect(launch));
    if (this.#told !== undefined) return this.#failed(this.#told);
    const lines = new LastLines((line) => log.debug("server.said", { server: name, line }));
    const spawned = await processes.spawn({
      ...launch,
      channel: false,
      diesWithParent: true,
      onOutput: (bytes, stream) => lines.push(bytes, stream),
    });
    if (!spawned.ok) return this.#failed(defect(`${launch.command}: ${spawned.failure.errno}`));

    const life = new ServerLife(spawned.value, clock, lines);
    this.#life = life;
    void life.ended.then((reason) => this.#over(reason));
    life.server.onExit(() => this.#waiting.abort());
    const outcome = await awaitReady(readiness, clock, this.#waiting.signal);
    // It may have been told to end, or have ended, since it said that it serves.
    if (outcome === "ready" && !this.#waiting.signal.aborted) {
      this.#isUp = true;
      return ok();
    }
    life.server.kill(this.#told === STOPPED ? stopSignal : "SIGKILL");
    const end = await life.ended;
    const advice = this.#told === undefined ? adviceOn?.(lines.toString()) : undefined;
    if (advice !== undefined) return this.#failed(defect(advice));
    if (outcome instanceof Defect) return this.#failed(defect(withWords(outcome.message, lines.toString())));
    return this.#failed(this.#told ?? end);
  }

  #tell(reason: ExitReason): void {
    this.#told ??= reason;
    this.#waiting.abort();
  }

  #over(reason: ExitReason): void {
    const wasUp = this.#isUp;
    this.#lastLife = this.#life;
    this.#life = undefined;
    this.#isUp = false;
    if (wasUp && this.#told !== STOPPED) this.#onExit(reason);
  }

  #failed(reason: ExitReason): Result<never, StartFailed> {
    return fail({ code: "supervisor.start-failed", child: this.name, reason });
  }
}

function defect(message: string): ExitReason {
  return { kind: "crashed", defect: new Defect(message) };
}
