/**
 * Operating-system processes on `node:child_process`.
 *
 * Every child leads a session and a process group of its own (`detached`): a terminal's signals do not reach it, and
 * `kill` reaches all that it started; what is left of the group when its leader exits is killed. The message channel is JSON, so that nothing but data can cross it. On the
 * child's side a registered receiver keeps the process alive for as long as its parent lives, and no longer.
 *
 * A child with a channel ends with its parent in two ways: it hears that the channel is gone, and where `setpriv` of
 * util-linux is there the kernel kills it. The second one also reaches a child that is stopped or busy for ever, and one
 * without a channel that is spawned with `diesWithParent`.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Process, ProcessExit, Processes, SpawnFailed, SpawnSpec, ThisProcess } from "#runtime/processes.ts";
import { isGroupRunning } from "#runtime/real/process-group.ts";

/** Messages that a channel holds for a reader that does not read. One more is not sent: `send` answers false. */
export const CHANNEL_BACKLOG_MAX = 1024;

/** Longest wait for the last output of a child that has exited: somebody outside its group may hold the other end. */
export const OUTPUT_GRACE_MS = 200;

/** One value per process: `self` listens on the process's own channel. */
export function createRealProcesses(): Processes {
  return { self: new RealSelf(), spawn: spawnProcess, exists };
}

/** What both ends of a channel have in common in the platform's types. */
interface Channel {
  readonly connected: boolean;
  send?(message: object, onSent: (error: Error | null) => void): boolean;
}

/** Counts what was handed to the channel and not yet written, because the platform would queue without end. */
class Sender {
  readonly #channel: Channel;
  #backlogCount = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  send(message: unknown): boolean {
    const channel = this.#channel;
    if (channel.send === undefined || !channel.connected || this.#backlogCount >= CHANNEL_BACKLOG_MAX) return false;
    this.#backlogCount += 1;
    // In a box of its own, because the platform refuses some JSON values (null) at the top.
    channel.send({ message }, () => {
      this.#backlogCount -= 1;
    });
    return true;
  }
}

function unbox(box: unknown): unknown {
  return typeof box === "object" && box !== null && "message" in box ? box.message : undefined;
}

class RealProcess implements Process {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #sender: Sender;
  readonly #onExit: ((exit: ProcessExit) => void)[] = [];
  #hasExited = false;
  #exit: ProcessExit | undefined;

  constructor(child: ChildProcess, pid: number) {
    this.pid = pid;
    this.#child = child;
    this.#sender = new Sender(child);
    child.once("exit", (code, signal) => {
      this.#hasExited = true;
      // No other process can have its id so soon, and none gets it while anything of the group is left.
      signalTo(-pid, "SIGKILL");
      afterOutput(child, () => this.#tellExit({ code: code ?? undefined, signal: signal ?? undefined }));
    });
  }

  send(message: unknown): boolean {
    return this.#sender.send(message);
  }

  onMessage(receive: (message: unknown) => void): void {
    this.#child.on("message", (box) => receive(unbox(box)));
  }

  onExit(run: (exit: ProcessExit) => void): void {
    const exit = this.#exit;
    if (exit === undefined) this.#onExit.push(run);
    else queueMicrotask(() => run(exit));
  }

  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGSTOP" | "SIGCONT"): boolean {
    // Its id may name somebody else as soon as it was waited for.
    return !this.#hasExited && signalTo(-this.pid, signal) === undefined;
  }

  hasGroup(): boolean {
    return isGroupRunning(this.pid);
  }

  #tellExit(exit: ProcessExit): void {
    this.#exit = exit;
    for (const run of this.#onExit.splice(0)) run(exit);
  }
}

class RealSelf implements ThisProcess {
  readonly pid: number = process.pid;
  readonly env: Readonly<Record<string, string | undefined>> = process.env;
  readonly #hadChannel = process.connected === true;
  readonly #sender = new Sender(process);

  residentBytes(): number {
    return process.memoryUsage.rss();
  }

  availableBytes(): number {
    return process.availableMemory();
  }

  onSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP", run: () => void): () => void {
    const listener = (): void => run();
    process.on(signal, listener);
    return () => {
      process.off(signal, listener);
    };
  }

  send(message: unknown): boolean {
    return this.#sender.send(message);
  }

  onMessage(receive: (message: unknown) => void): void {
    if (this.#hadChannel) process.on("message", (box) => receive(unbox(box)));
  }

  onParentGone(run: () => void): void {
    if (!this.#hadChannel) return;
    if (process.connected) process.once("disconnect", () => run());
    else queueMicrotask(() => run());
  }

  exit(code: number): never {
    process.exit(code);
  }
}

/** When the child's output has ended, or nobody waits for it any longer. */
function afterOutput(child: ChildProcess, run: () => void): void {
  const outputs = [child.stdout, child.stderr].filter((output) => output !== null && !output.closed);
  if (outputs.length === 0) {
    run();
    return;
  }
  const grace = setTimeout(() => {
    for (const output of outputs) output?.destroy();
  }, OUTPUT_GRACE_MS);
  child.once("close", () => {
    clearTimeout(grace);
    run();
  });
}

function spawnProcess(spec: SpawnSpec): Promise<Result<Process, SpawnFailed>> {
  const { command, onOutput } = spec;
  const output = onOutput === undefined ? (spec.outputDescriptor ?? "ignore") : "pipe";
  return new Promise((resolve) => {
    let child: ChildProcess;
    const [file, args] =
      (spec.channel || spec.diesWithParent === true) && isThere(command) && canDieWithParent()
        ? dyingWithParent(spec)
        : [command, spec.args];
    try {
      child = spawn(file, [...args], {
        env: { ...spec.env },
        ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
        detached: true,
        serialization: "json",
        stdio: ["ignore", output, output, ...(spec.channel ? (["ipc"] as const) : [])],
      });
    } catch (error) {
      // Some errors (a bad descriptor, a zero byte in a string) are thrown instead of emitted.
      resolve(fail({ code: "processes.spawn-failed", command, errno: errnoOf(error) }));
      return;
    }
    child.stdout?.on("data", (bytes: Buffer) => onOutput?.(bytes, "stdout"));
    child.stderr?.on("data", (bytes: Buffer) => onOutput?.(bytes, "stderr"));
    // Stays: it also fires when a message cannot be written, which `send` and `onExit` tell well enough.
    child.on("error", (error) => resolve(fail({ code: "processes.spawn-failed", command, errno: errnoOf(error) })));
    child.once("spawn", () => {
      if (child.pid !== undefined) resolve(ok(new RealProcess(child, child.pid)));
    });
  });
}

/** `setpriv` becomes the command by `exec`: the process id, the group and the channel are the command's own. */
function dyingWithParent({ command, args }: SpawnSpec): readonly [string, readonly string[]] {
  return [SETPRIV, ["--pdeathsig", "KILL", "--", command, ...args]];
}

const SETPRIV = "/usr/bin/setpriv";
let isSetprivFit: boolean | undefined;

/** A command that cannot be started is to fail by its own name, not by a `setpriv` that started well. */
function isThere(command: string): boolean {
  try {
    accessSync(command, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Asked once, by trying: a busybox has a `setpriv` without the option. */
function canDieWithParent(): boolean {
  isSetprivFit ??= spawnSync(SETPRIV, ["--pdeathsig", "KILL", "--", "true"], { stdio: "ignore" }).status === 0;
  return isSetprivFit;
}

function exists(pid: number): boolean {
  const errno = signalTo(pid, 0);
  return errno === undefined || errno === "EPERM";
}

/** Undefined when it was delivered, else why not. */
function signalTo(pid: number, signal: NodeJS.Signals | 0): string | undefined {
  try {
    process.kill(pid, signal);
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "EUNKNOWN";
}
