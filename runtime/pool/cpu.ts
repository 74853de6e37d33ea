/**
 * CPU work off the main thread, as a seam: the real one is a thread pool behind our own admission, the simulated one
 * runs inline. A task is worth a hop (15–25 µs) only when it is larger than the hop.
 */
import type { Failure, Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

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
export type PoolFailure = PoolFull | PoolExpired | PoolCrashed;

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
