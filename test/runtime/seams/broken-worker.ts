/** A worker file whose threads do, by the first byte that they should digest, what threads should not. */
import type { CpuMessage } from "#runtime/real/cpu-worker.ts";
import { runTask as runWell } from "#runtime/real/cpu-worker.ts";

export const dies = 1;
export const throws = 2;
export const hangs = 3;
/** Runs for 200 ms. */
export const dawdles = 4;

export function runTask(message: CpuMessage): unknown {
  const what = message.name === "digest" ? message.request.bytes[0] : undefined;
  const never = new Int32Array(new SharedArrayBuffer(4));
  if (what === dies) process.exit(7);
  if (what === throws) throw new Error("thrown in the thread");
  if (what === hangs) for (;;) Atomics.wait(never, 0, 0, 1000);
  if (what === dawdles) Atomics.wait(never, 0, 0, 200);
  return runWell(message);
}
