/**
 * A cell as a child of the root: a life is a host's life plus the conversation with it.
 *
 * - A start is over when the cell says `started`; it is bounded by `CELL_START_MS`.
 * - A stop is `drain`, `drained`, `leave`, and then the end of the host.
 * - A cell that is not heard of for 5 s is degraded, for 20 s is killed.
 */
import type { ActorStatus, NodeAddresses } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import type { ConfigSnapshot } from "#runtime/config/snapshot.ts";
import { Defect, describeExit, type ExitReason, fail, ok, type Result } from "#runtime/errors.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { second } from "#runtime/units.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";
import type { CellEvent } from "#supervisor/events.ts";
import type { CellHost, CellLife } from "#supervisor/root/cell-life.ts";
import { ConfigTalk } from "#supervisor/root/config-talk.ts";
import { Watchdog } from "#supervisor/root/watchdog.ts";
import type { ActorCommand, CellFacts, CommandAnswer, Order, Report } from "#supervisor/wire.ts";

/** Longest time from opening a place to `started`; past it the cell is killed. */
export const CELL_START_MS: number = 60 * second;
/** What a cell leaves of its stop for the way back, so that its own deadlines pass before the root's. */
export const DRAIN_MARGIN_MS = 500;
/** Longest wait for the answer to an operator's command. */
export const COMMAND_MS: number = 2 * second;
/** Commands under way to one cell; one more is refused. */
export const COMMANDS_MAX = 64;

export interface CellChildOptions {
  readonly name: string;
  readonly host: CellHost;
  readonly clock: Clock;
  readonly log: Log;
  /** What the next life has to know. */
  readonly facts: () => CellFacts;
  /** The cell cannot begin with the configuration in force. */
  readonly onConfigRefused: (problem: string) => void;
  /** The cell cannot begin on this machine before a person has mended what it names. */
  readonly onMisplaced: (problem: string) => void;
  /** The cell does not begin, because its sources are not those that the root runs. */
  readonly onBuildChanged: (problem: string) => void;
  readonly onEvent: (event: CellEvent) => void;
  /** Where its actors answer those outside. */
  readonly onListens: (addresses: NodeAddresses) => void;
  /** A line of its log, in amnesia mode. */
  readonly onLog: (line: string) => void;
  /** Something in `actors` or `residentBytes` is new. */
  readonly onChange: () => void;
}

export class CellChild implements Child {
  readonly name: string;
  readonly #options: CellChildOptions;
  readonly #config: ConfigTalk;
  readonly #answers = new Map<number, (answer: CommandAnswer) => void>();
  #life: CellLife | undefined;
  #opening = false;
  #killed = false;
  #watchdog: Watchdog | undefined;
  #started: ((failure: string | undefined) => void) | undefined;
  #ended: (() => void)[] = [];
  #isUp = false;
  #isStopping = false;
  #commandCount = 0;
  #actors: readonly ActorStatus[] = [];
  #residentBytes = 0;
  #onExit: (reason: ExitReason) => void = () => undefined;
  #onHealth: (state: "ready" | "degraded", reason: string | undefined) => void = () => undefined;

  constructor(options: CellChildOptions) {
    this.name = options.name;
    this.#options = options;
    this.#config = new ConfigTalk({
      clock: options.clock,
      send: (order) => this.send(order),
      onUnfit: (problem) => {
        options.log.error("root.config-refused", { cell: this.name, problem });
        // The next life begins with it, and what then goes wrong has a name.
        this.kill();
      },
    });
  }

  /** 0 while there is none. */
  get pid(): number {
    return this.#life?.pid ?? 0;
  }

  /** As last told by the cell; empty while there is none. */
  get actors(): readonly ActorStatus[] {
    return this.#actors;
  }

  get residentBytes(): number {
    return this.#residentBytes;
  }

  async start(): Promise<Result<void, StartFailed>> {
    this.#isStopping = false;
    this.#isUp = false;
    this.#killed = false;
    this.#opening = true;
    const opened = await this.#options.host.open(this.name);
    this.#opening = false;
    if (!opened.ok) {
      this.#settleEnded();
      return this.#failed(opened.failure.cause);
    }
    const problem = await this.#converse(opened.value);
    if (problem === undefined) return ok();
    if (this.#life !== undefined) opened.value.kill();
    await this.#end();
    return this.#failed(problem);
  }

  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true;
    const life = this.#life;
    if (life === undefined) return this.#end();
    const draining = this.#isUp && life.send({ kind: "drain", withinMs: Math.max(0, withinMs - DRAIN_MARGIN_MS) });
    // One that is still starting has nothing to drain yet.
    if (!draining) life.kill();
    return this.#end();
  }

  kill(): void {
    this.#killed = true;
    this.#life?.kill();
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit = run;
  }

  onHealth(run: (state: "ready" | "degraded", reason: string | undefined) => void): void {
    this.#onHealth = run;
  }

  send(order: Order): boolean {
    return this.#life?.send(order) ?? false;
  }

  /** Has the cell do something with one of its actors. */
  command(command: ActorCommand): Promise<CommandAnswer> {
    if (this.#answers.size >= COMMANDS_MAX) {
      const message = `${this.name} has ${COMMANDS_MAX} commands to do`;
      return Promise.resolve({ refusal: { code: "supervisor.busy", message } });
    }
    this.#commandCount += 1;
    const id = this.#commandCount;
    return new Promise((resolve) => {
      const done = (answer: CommandAnswer): void => {
        this.#answers.delete(id);
        timer.cancel();
        resolve(answer);
      };
      const silent = { code: "supervisor.cell-silent", message: `cell ${this.name} does not answer` };
      const timer = this.#options.clock.after(COMMAND_MS, () => done({ refusal: silent }));
      this.#answers.set(id, done);
      if (this.send({ ...command, id })) return;
      done({ refusal: { code: "supervisor.cell-down", message: `cell ${this.name} is down` } });
    });
  }

  /** See `ConfigTaker`. */
  offer(config: ConfigSnapshot, withinMs: number): Promise<string | undefined> {
    return this.#config.offer(config, withinMs);
  }

  /** See `ConfigTaker`. */
  commit(config: ConfigSnapshot): void {
    this.#config.commit(config);
  }

  /** The conversation up to `started`; answers with what went wrong. */
  #converse(life: CellLife): Promise<string | undefined> {
    const { clock, facts } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(CELL_START_MS, () => this.#started?.(`not started within ${CELL_START_MS} ms`));
      this.#started = (problem) => {
        this.#started = undefined;
        timer.cancel();
        this.#isUp = problem === undefined;
        resolve(problem);
      };
      this.#life = life;
      this.#watchdog = new Watchdog({
        clock,
        onSilent: (silentMs) => this.#onHealth("degraded", `silent for ${silentMs / second} s`),
        onBack: () => this.#onHealth("ready", undefined),
        onDead: () => this.kill(),
      });
      life.onReport((report) => this.#receive(report));
      life.onEnd((reason) => this.#over(life, reason));
      // Told to end while its place was being made.
      if (this.#killed || this.#isStopping) life.kill();
      else this.#begin(life, facts());
    });
  }

  #begin(life: CellLife, facts: CellFacts): void {
    this.#config.begin(facts.config);
    life.send({ kind: "begin", facts });
  }

  #receive(report: Report): void {
    this.#watchdog?.heard();
    switch (report.kind) {
      case "started":
        this.#started?.(undefined);
        if (this.#isUp) this.#config.started(this.#options.facts().config);
        break;
      case "failed":
        if (report.cause === "config") this.#options.onConfigRefused(report.message);
        if (report.cause === "place") this.#options.onMisplaced(report.message);
        if (report.cause === "build-changed") this.#options.onBuildChanged(report.message);
        this.#started?.(report.message);
        break;
      case "listens":
        this.#options.onListens(report.addresses);
        break;
      case "beat":
        this.#residentBytes = report.residentBytes;
        break;
      case "status":
        this.#actors = report.actors;
        this.#options.onChange();
        break;
      case "event":
        this.#options.onEvent(report.event);
        break;
      case "log":
        this.#options.onLog(report.line);
        break;
      case "answer":
        this.#answers.get(report.id)?.(report.answer);
        break;
      case "config-answer":
        this.#config.answer(report.problem);
        break;
      case "drained":
        this.send({ kind: "leave" });
        break;
      case "hello":
        break;
    }
  }

  #over(life: CellLife, reason: ExitReason): void {
    if (this.#life !== life) return;
    const wasUp = this.#isUp;
    this.#life = undefined;
    this.#isUp = false;
    this.#actors = [];
    this.#residentBytes = 0;
    this.#watchdog?.close();
    for (const answered of [...this.#answers.values()]) {
      answered({ refusal: { code: "supervisor.cell-down", message: `cell ${this.name} went down` } });
    }
    this.#config.over();
    this.#started?.(reason.kind === "crashed" ? describeExit(reason) : reason.kind);
    this.#settleEnded();
    if (wasUp && !this.#isStopping) this.#onExit(reason);
    this.#options.onChange();
  }

  /** Settles when there is no life. */
  #end(): Promise<void> {
    if (this.#life === undefined && !this.#opening) return Promise.resolve();
    return new Promise((resolve) => this.#ended.push(resolve));
  }

  #settleEnded(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const resolve of ended) resolve();
  }

  #failed(message: string): Result<never, StartFailed> {
    this.#options.log.error("root.cell-start-failed", { cell: this.name, message });
    const reason: ExitReason = { kind: "crashed", defect: new Defect(message) };
    return fail({ code: "supervisor.start-failed", child: this.name, reason });
  }
}
