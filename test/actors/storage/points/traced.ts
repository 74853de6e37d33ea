/** A process under `strace`, which lets the system call number N of a kind end it, or fail. */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { runWorkload, type Told, type Workload } from "#test/actors/storage/points/workload.ts";

/** Every call by which something becomes durable, or goes. */
export const PERSISTING = [
  "pwrite64",
  "pwritev",
  "writev",
  "fdatasync",
  "fsync",
  "ftruncate",
  "rename",
  "unlink",
  "mkdir",
] as const;

export type Persisting = (typeof PERSISTING)[number];

export interface Injection {
  readonly call: Persisting;
  /** Which one of them, from 1; counted in each thread. */
  readonly when: number;
  readonly what: "signal=KILL" | "error=EIO" | "error=ENOSPC";
}

/** How many calls of each kind one thread makes, at most, in an undisturbed run: as many points are there. */
export async function countCalls(workload: Workload): Promise<ReadonlyMap<Persisting, number>> {
  const trace = `${workload.directory}.trace`;
  assert((await run(workload, [], trace)).isDone, "an undisturbed run comes to its end");
  const counts = new Map<string, number>();
  for (const line of readFileSync(trace, "utf8").split("\n")) {
    const [, thread, call] = /^(\d+) +([a-z0-9]+)\(/.exec(line) ?? [];
    const key = `${call} ${thread}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  rmSync(trace);
  const most = (call: Persisting): number =>
    Math.max(0, ...[...counts].filter(([key]) => key.startsWith(`${call} `)).map(([, count]) => count));
  return new Map(PERSISTING.map((call) => [call, most(call)]));
}

export async function runTraced(workload: Workload, { call, what, when }: Injection): Promise<Told> {
  return await run(workload, ["-e", `inject=${call}:${what}:when=${when}`], "/dev/null");
}

async function run(workload: Workload, inject: readonly string[], trace: string): Promise<Told> {
  const args = ["-f", "-qq", "-o", trace, "-e", `trace=${PERSISTING.join(",")}`, ...inject];
  // With a filter only these calls are stopped, which is faster; but a signal is not delivered from such a stop.
  const filter = inject.some((what) => what.includes("signal=")) ? [] : ["--seccomp-bpf"];
  return await runWorkload(workload, { under: ["strace", ...filter, ...args] });
}
