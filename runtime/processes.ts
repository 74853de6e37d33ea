/** Operating-system processes, as a seam: children, and what this process knows of itself. */
import type { Failure, Result } from "#runtime/errors.ts";

export interface SpawnFailed extends Failure<"processes.spawn-failed"> {
  readonly command: string;
  readonly errno: string;
}

/** Where a child wrote something. */
export type OutputStream = "stdout" | "stderr";

export interface SpawnSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A message channel (`send`, `onMessage`). Its loss is how a child learns that its parent is gone. */
  readonly channel: boolean;
  /** Descriptor that takes the child's stdout and stderr; undefined discards them. */
  readonly outputDescriptor?: number | undefined;
  /** Hears what the child writes, up to its end, instead of a descriptor. The bytes are only lent. */
  readonly onOutput?: (bytes: Uint8Array, stream: OutputStream) => void;
  /** It is killed when this process ends, as far as the system can do that. With a channel it always is. */
  readonly diesWithParent?: boolean;
}

export interface ProcessExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

/** A child. It is the leader of a session of its own, so terminal signals do not reach it. */
export interface Process {
  readonly pid: number;
  /** JSON values only. False when the channel is gone. */
  send(message: unknown): boolean;
  onMessage(receive: (message: unknown) => void): void;
  /** Runs once, also when the exit came before the call. What is left of the child's group has been killed by then. */
  onExit(run: (exit: ProcessExit) => void): void;
  /** To the child's whole process group. False when it is gone. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGSTOP" | "SIGCONT"): boolean;
  /** Whether the child, or anything else of its group, still runs. Asked soon after the exit: ids are given again. */
  hasGroup(): boolean;
}

export interface ThisProcess {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  residentBytes(): number;
  /** Memory that the system would still give, within the limits of this process's control group. */
  availableBytes(): number;
  /** Returns an undo. */
  onSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP", run: () => void): () => void;
  /** The channel to the parent; `onParentGone` runs once when it is lost. Without a parent channel `send` is false. */
  send(message: unknown): boolean;
  onMessage(receive: (message: unknown) => void): void;
  onParentGone(run: () => void): void;
  exit(code: number): never;
}

export interface Processes {
  readonly self: ThisProcess;
  spawn(spec: SpawnSpec): Promise<Result<Process, SpawnFailed>>;
  /** Whether a process with this id exists. For messages to people, never for locking. */
  exists(pid: number): boolean;
}
