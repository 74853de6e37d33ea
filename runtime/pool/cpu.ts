/**
 * CPU work off the main thread, as a seam: the real one is a thread pool behind our own admission, the simulated one
 * runs inline. A task is worth a hop (15–25 µs) only when it is larger than the hop.
 */
import type { Failure, Result } from "#runtime/errors.ts";
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
/** The thread died under the task. It is replaced. */
export interface PoolCrashed extends Failure<"pool.crashed"> {
  readonly cause: string;
}
/** The task could not be done: a file that is missing, unreadable or shorter than asked. The pool is fine. */
export interface PoolTaskFailed extends Failure<"pool.task-failed"> {
  readonly cause: string;
}
export type PoolFailure = PoolFull | PoolExpired | PoolCrashed | PoolTaskFailed;

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
}

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** 32 bytes. The hasher may be updated further. */
  digest(): Uint8Array;
}
