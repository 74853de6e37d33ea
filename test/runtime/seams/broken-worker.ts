/** A worker file whose threads do, by the first byte that they should digest, what threads should not. */
import type { CpuMessage } from "#runtime/real/cpu-worker.ts";
import { runTask as runWell } from "#runtime/real/cpu-worker.ts";

export const dies = 1;
export const throws = 2;
export const hangs = 3;
/** Runs for 200 ms. */
export const dawdles = 4;
/** Says that it ran, in the second of the bytes: seen where they are shared. */
export const marks = 5;
/** Runs until the last word of its shared bytes, which begin at a buffer's start, is no longer zero. */
export const waits = 6;

export function runTask(message: CpuMessage): unknown {
  const what = message.name === "digest" ? message.request.bytes[0] : undefined;
  const never = new Int32Array(new SharedArrayBuffer(4));
  if (what === dies) process.exit(7);
  if (what === throws) throw new Error("thrown in the thread");
  if (what === hangs) for (;;) Atomics.wait(never, 0, 0, 1000);
  if (what === dawdles) Atomics.wait(never, 0, 0, 200);
  if (what === waits && message.name === "digest") Atomics.wait(lastWord(message.request.bytes), 0, 0);
  if (what === marks && message.name === "digest") message.request.bytes[1] = 1;
  return runWell(message);
}

/** A task that waits is waiting on this word; whoever stores another value and notifies lets it end. */
export function lastWord(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteLength - 4, 1);
}
