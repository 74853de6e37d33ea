/**
 * Processes that exist only in memory: a registry of children whose insides a test, or a simulated node, provides.
 *
 * A child is a function: it is handed what it would know of itself, and behaves. Messages are copied as JSON and
 * delivered as macrotasks, in order; everything ends when the child exits, is killed, or its parent goes.
 */
import { Defect, fail, ok, type Result } from "#runtime/errors.ts";
import type { Process, ProcessExit, Processes, SpawnFailed, SpawnSpec, ThisProcess } from "#runtime/processes.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** Messages that wait for a stopped child (SIGSTOP). One more is not sent: `send` answers false. */
export const SIMULATED_BACKLOG_MAX = 1024;

const firstPid = 1000;
/** Reported for every simulated process. */
const simulatedResidentBytes = 48 * 1024 * 1024;
const simulatedAvailableBytes = 8 * 1024 * 1024 * 1024;

/** What a command does. It runs once, in a macrotask of its own, and lives until `self.exit` or a kill. */
export type Program = (self: SimulatedSelf, spec: SpawnSpec) => void;

export interface SimulatedProcessesOptions {
  readonly scheduler: Scheduler;
  /** By command. An unknown command fails to spawn with ENOENT. */
  readonly programs: Readonly<Record<string, Program>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Thrown by a simulated `exit`, because what calls it must not go on. Past an `await` it is a rejection. */
export class SimulatedExit extends Defect {}

/** Runs a piece of a simulated process, to its end or to its `exit`. */
function runInside(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof SimulatedExit)) throw error;
  }
}

export class SimulatedProcesses implements Processes {
  readonly self: SimulatedSelf;
  readonly #options: SimulatedProcessesOptions;
  readonly #programs: Map<string, Program>;
  /** The living, by pid. */
  readonly #children = new Map<number, SimulatedChild>();
  #spawnedCount = 0;

  constructor(options: SimulatedProcessesOptions) {
    this.#options = options;
    this.#programs = new Map(Object.entries(options.programs));
    this.self = new SimulatedSelf(firstPid, options.env ?? {}, options.scheduler, undefined);
  }

  /** Living children, oldest first: what a test drives. */
  get children(): readonly SimulatedChild[] {
    return [...this.#children.values()];
  }

  /** From now on there is such a command. */
  install(command: string, program: Program): void {
    this.#programs.set(command, program);
  }

  spawn(spec: SpawnSpec): Promise<Result<Process, SpawnFailed>> {
    const program = this.#programs.get(spec.command);
    if (program === undefined) {
      return Promise.resolve(fail({ code: "processes.spawn-failed", command: spec.command, errno: "ENOENT" }));
    }
    this.#spawnedCount += 1;
    const pid = firstPid + this.#spawnedCount;
    const child = new SimulatedChild(pid, spec, this.#options.scheduler, () => this.#children.delete(pid));
    this.#children.set(pid, child);
    this.#options.scheduler.macrotask(() => child.run(program));
    return Promise.resolve(ok(child));
  }

  exists(pid: number): boolean {
    return pid === this.self.pid || this.#children.has(pid);
  }

  /** What `kill -9` of this process does to its children: their channels break, and nothing else. */
  vanish(): void {
    for (const child of this.#children.values()) child.self.losesParent();
  }
}

/** One direction of a channel: messages in order, held while the receiving side is stopped or not listening. */
class Pipe {
  readonly #scheduler: Scheduler;
  readonly #waiting: string[] = [];
  #receive: ((message: unknown) => void) | undefined;
  #isOpen: boolean;
  #isStopped = false;
  #isScheduled = false;

  constructor(scheduler: Scheduler, isOpen: boolean) {
    this.#scheduler = scheduler;
    this.#isOpen = isOpen;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(message: unknown): boolean {
    if (!this.#isOpen || this.#waiting.length >= SIMULATED_BACKLOG_MAX) return false;
    this.#waiting.push(JSON.stringify({ message }));
    this.#wake();
    return true;
  }

  receive(receive: (message: unknown) => void): void {
    const earlier = this.#receive;
    this.#receive = (message) => {
      earlier?.(message);
      receive(message);
    };
    this.#wake();
  }

  stop(isStopped: boolean): void {
    this.#isStopped = isStopped;
    this.#wake();
  }

  close(): void {
    this.#isOpen = false;
    this.#waiting.length = 0;
  }

  #wake(): void {
    if (this.#isScheduled || this.#isStopped || this.#waiting.length === 0 || this.#receive === undefined) return;
    this.#isScheduled = true;
    this.#scheduler.macrotask(() => {
      this.#isScheduled = false;
      if (this.#isStopped) return;
      const line = this.#waiting.shift();
      if (line !== undefined) runInside(() => this.#receive?.((JSON.parse(line) as { message: unknown }).message));
      this.#wake();
    });
  }
}

/** A child as its parent sees it, and as a test drives it. */
export class SimulatedChild implements Process {
  readonly pid: number;
  readonly spec: SpawnSpec;
  /** The child's own view of itself. */
  readonly self: SimulatedSelf;
  readonly #toParent: Pipe;
  readonly #scheduler: Scheduler;
  readonly #onGone: () => void;
  readonly #onExit: ((exit: ProcessExit) => void)[] = [];
  #exit: ProcessExit | undefined;

  constructor(pid: number, spec: SpawnSpec, scheduler: Scheduler, onGone: () => void) {
    this.pid = pid;
    this.spec = spec;
    this.#scheduler = scheduler;
    this.#onGone = onGone;
    this.#toParent = new Pipe(scheduler, spec.channel);
    this.self = new SimulatedSelf(pid, spec.env, scheduler, {
      send: (message) => this.#toParent.send(message),
      exit: (code) => this.end({ code, signal: undefined }),
      isOpen: spec.channel,
    });
  }

  /** What it started outlives its end: for tests of those who wait for that. */
  leavesGroupBehind = false;

  get hasExited(): boolean {
    return this.#exit !== undefined;
  }

  /** Runs the child's program, unless it was killed before it began. */
  run(program: Program): void {
    if (this.#exit === undefined) runInside(() => program(this.self, this.spec));
  }

  send(message: unknown): boolean {
    return this.self.deliver(message);
  }

  onMessage(receive: (message: unknown) => void): void {
    this.#toParent.receive(receive);
  }

  onExit(run: (exit: ProcessExit) => void): void {
    const exit = this.#exit;
    if (exit === undefined) this.#onExit.push(run);
    else this.#scheduler.microtask(() => run(exit));
  }

  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGSTOP" | "SIGCONT"): boolean {
    if (this.#exit !== undefined) return false;
    if (signal === "SIGSTOP" || signal === "SIGCONT") this.self.stop(signal === "SIGSTOP");
    else if (signal === "SIGKILL" || !this.self.signal(signal)) this.end({ code: undefined, signal });
    return true;
  }

  hasGroup(): boolean {
    return this.#exit === undefined || this.leavesGroupBehind;
  }

  /** Ends the child from outside, as a crash or an exit of its own would. */
  end(exit: ProcessExit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    this.#onGone();
    this.self.close();
    this.#scheduler.macrotask(() => {
      for (const run of this.#onExit.splice(0)) run(exit);
    });
  }
}

interface ToParent {
  send(message: unknown): boolean;
  exit(code: number): void;
  readonly isOpen: boolean;
}

/** What a simulated process knows of itself. */
export class SimulatedSelf implements ThisProcess {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly #parent: ToParent | undefined;
  readonly #scheduler: Scheduler;
  readonly #inbox: Pipe;
  readonly #onSignal = new Map<string, Set<() => void>>();
  readonly #onParentGone: (() => void)[] = [];
  readonly #onGone: (() => void)[] = [];
  readonly #hadParent: boolean;

  constructor(
    pid: number,
    env: Readonly<Record<string, string | undefined>>,
    scheduler: Scheduler,
    parent: ToParent | undefined,
  ) {
    this.pid = pid;
    this.env = env;
    this.#scheduler = scheduler;
    this.#parent = parent;
    this.#hadParent = parent?.isOpen === true;
    this.#inbox = new Pipe(scheduler, this.#hadParent);
  }

  residentBytes(): number {
    return simulatedResidentBytes;
  }

  availableBytes(): number {
    return simulatedAvailableBytes;
  }

  onSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP", run: () => void): () => void {
    const listeners = this.#onSignal.get(signal) ?? new Set();
    this.#onSignal.set(signal, listeners);
    listeners.add(run);
    return () => {
      listeners.delete(run);
    };
  }

  send(message: unknown): boolean {
    return this.#inbox.isOpen && this.#parent?.send(message) === true;
  }

  onMessage(receive: (message: unknown) => void): void {
    this.#inbox.receive(receive);
  }

  onParentGone(run: () => void): void {
    if (!this.#hadParent) return;
    if (this.#inbox.isOpen) this.#onParentGone.push(run);
    else this.#scheduler.microtask(() => runInside(run));
  }

  exit(code: number): never {
    this.#parent?.exit(code);
    throw new SimulatedExit(`exit with code ${code}`);
  }

  /** For the parent: a message for this process. */
  deliver(message: unknown): boolean {
    return this.#inbox.send(message);
  }

  /** For tests and the parent: false when no one here listens to the signal, so that its default happens. */
  signal(signal: string): boolean {
    const listeners = [...(this.#onSignal.get(signal) ?? [])];
    for (const run of listeners) this.#scheduler.macrotask(() => runInside(run));
    return listeners.length > 0;
  }

  stop(isStopped: boolean): void {
    this.#inbox.stop(isStopped);
  }

  /** The channel breaks, as it does when the parent is killed. */
  losesParent(): void {
    if (!this.#inbox.isOpen) return;
    this.#inbox.close();
    for (const run of this.#onParentGone.splice(0)) this.#scheduler.macrotask(() => runInside(run));
  }

  /** `run` is what the system does when this process is gone, however that came about: it closes what was open. */
  onGone(run: () => void): void {
    this.#onGone.push(run);
  }

  /** This process has ended: nothing arrives any more. */
  close(): void {
    this.#inbox.close();
    for (const run of this.#onGone.splice(0)) run();
    this.#onParentGone.length = 0;
    this.#onSignal.clear();
  }
}
