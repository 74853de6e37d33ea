/**
 * CPU work off the main thread, as a seam: the real one is a thread pool behind our own admission, the simulated one
 * runs inline. A task is worth a hop (15–25 µs) only when it is larger than the hop.
 */
import type { ExitReason, Failure, Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { KiB } from "#runtime/units.ts";

/**
 * From this size on, bytes in *shared* memory are digested on the pool; smaller ones at once, with `digest`.
 *
 * Measured on 2 cores with one thread, µs a digest and (main thread only), medians of 5:
 *
 * | size | inline | pool, 1 caller | pool, 64 callers |
 * |---|---|---|---|
 * | 4 KiB | 4 | 36–109 | 38–60 |
 * | 64 KiB | 9 | 50 (18) | 49 (22) |
 * | 256 KiB | 32 | 58 (18) | 59 (18) |
 * | 1 MiB | 120 | 149 (18) | 156 (21) |
 * | 4 MiB | 475 | 495 (20) | 636 (33); 335 with two threads |
 *
 * A hop costs the main thread 20 µs whatever the size, so 256 KiB is where it starts to gain, at twice the latency; at
 * twice that it gains 40 µs and costs 30. Bytes that are not shared cost it a copy as long as the digest itself
 * (1 MiB: 67–180 µs, 4 MiB: 400–680): never worth the hop for the sake of the main thread.
 */
export const POOL_DIGEST_BYTES_MIN: number = 512 * KiB;

/** All permits are taken and the waiting line is full. Retry after a pause. Nothing has run. */
export interface PoolFull extends Failure<"pool.full"> {
  readonly waitingMax: number;
}
/** The deadline passed or the caller gave up. */
export interface PoolExpired extends Failure<"pool.expired"> {
  readonly executed: "no" | "maybe";
}
/** The thread died, or was given up, under the task. It is replaced: retry, but not for ever, it may have been the task. */
export interface PoolCrashed extends Failure<"pool.crashed"> {
  readonly cause: string;
  readonly executed: "maybe";
}
/** The threads are quarantined or stopped; nothing has run. Do without, or retry later. */
export interface PoolDown extends Failure<"pool.down"> {
  readonly executed: "no";
}
/** The task could not be done: a file that is missing, unreadable or shorter than asked. The pool is fine. */
export interface PoolTaskFailed extends Failure<"pool.task-failed"> {
  readonly cause: string;
}
export type PoolFailure = PoolFull | PoolExpired | PoolCrashed | PoolDown | PoolTaskFailed;

/** What the pool can do. One member per kind of task: request and answer. */
export interface CpuTasks {
  /** BLAKE3-256 of `bytes`, which may be backed by a `SharedArrayBuffer` (not copied) or not (copied). */
  digest: { readonly request: { readonly bytes: Uint8Array }; readonly answer: Uint8Array };
  /** Reads `lengthBytes` at `position` of the file at `path` and digests them: whole, and per 64 KiB segment. */
  digestFileRange: {
    readonly request: { readonly path: string; readonly position: number; readonly lengthBytes: number };
    readonly answer: { readonly digest: Uint8Array; readonly segments: Uint8Array };
  };
}

export interface Cpu {
  run<Name extends keyof CpuTasks>(
    name: Name,
    request: CpuTasks[Name]["request"],
    within: Within,
  ): Promise<Result<CpuTasks[Name]["answer"], PoolFailure>>;
  /** BLAKE3-256 at once on this thread, for what is smaller than a hop. */
  digest(bytes: Uint8Array): Uint8Array;
  /** An incremental BLAKE3-256 on this thread. */
  hasher(): Hasher;
  close(): Promise<void>;
  /** Of its threads, where it has any. */
  readonly lives?: CpuLives;
}

/**
 * The lives of a pool's threads, for whoever keeps them alive. A life begins with the pool; it ends when a thread is lost,
 * because it died or hangs. Tasks then wait for the next one. A pool that nobody watches begins it at once.
 */
export interface CpuLives {
  /** Begins the next life. Its threads come with the first task. What healthy threads of the last one do, they finish. */
  start(): void;
  /** Sends away who waits, and who comes; settles when no thread is left. */
  stop(): Promise<void>;
  /** Gives up what runs (`pool.crashed`), which is an exit. */
  kill(): void;
  /** No life will follow soon: sends away who waits, and who comes before the next start. */
  refuse(): void;
  /** Runs once for every life that ended by itself or by `kill`. */
  onExit(run: (reason: ExitReason) => void): void;
}

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** 32 bytes. The hasher may be updated further. */
  digest(): Uint8Array;
}
