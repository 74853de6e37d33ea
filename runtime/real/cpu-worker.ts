/**
 * What a pool thread runs. It answers expected problems as data: a promise of the pool that rejects therefore always means
 * that the thread, or the pool, is broken.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import type { CpuTasks, PoolTaskFailed } from "#runtime/pool/cpu.ts";
import { createRangeDigest, pieceSizeBytes } from "#runtime/pool/range-digest.ts";

/** A request as it travels to the thread. */
export type CpuMessage = {
  readonly [Name in keyof CpuTasks]: { readonly name: Name; readonly request: CpuTasks[Name]["request"] };
}[keyof CpuTasks];

type Range = CpuTasks["digestFileRange"];

/** Found by its name: see `cpu.ts`. */
export function runTask(message: CpuMessage): Result<unknown, Failure> {
  switch (message.name) {
    case "digest":
      return ok(digestOf(message.request.bytes));
    case "digestFileRange":
      return digestFileRange(message.request);
  }
}

/** Reads synchronously: this thread has nothing else to do, and its loop nobody to serve. */
function digestFileRange({ path, position, lengthBytes }: Range["request"]): Result<Range["answer"], PoolTaskFailed> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const digest = createRangeDigest(lengthBytes);
    const piece = new Uint8Array(Math.min(pieceSizeBytes, lengthBytes));
    for (let doneBytes = 0; doneBytes < lengthBytes; ) {
      const wanted = piece.subarray(0, Math.min(piece.length, lengthBytes - doneBytes));
      if (!readFully(descriptor, wanted, position + doneBytes)) return taskFailed("the file is shorter than the range");
      digest.update(wanted);
      doneBytes += wanted.length;
    }
    return ok(digest.finish());
  } catch (error) {
    return taskFailed(error instanceof Error ? error.message : String(error));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Whether the file held enough. A read may come short before the end. */
function readFully(descriptor: number, into: Uint8Array, position: number): boolean {
  let doneBytes = 0;
  while (doneBytes < into.length) {
    const count = readSync(descriptor, into, doneBytes, into.length - doneBytes, position + doneBytes);
    if (count === 0) return false;
    doneBytes += count;
  }
  return true;
}

function taskFailed(cause: string): Result<never, PoolTaskFailed> {
  return fail({ code: "pool.task-failed", cause });
}
