/**
 * How long a process had to wait for a core, as Linux counts it for each thread; nothing is known elsewhere.
 *
 * On a machine that is shared this is most of the noise, and has nothing to do with what is measured.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface ThreadTimes {
  readonly ranNs: number;
  readonly waitedNs: number;
}

/** By thread, so far. */
export type CoreTimes = ReadonlyMap<string, ThreadTimes>;

/** Empty where the system does not say, or when the process has gone. */
export function readCoreTimes(pid: number, proc = "/proc"): CoreTimes {
  const folder = join(proc, String(pid), "task");
  try {
    return new Map(readdirSync(folder).map((thread) => [thread, parse(join(folder, thread, "schedstat"))]));
  } catch {
    return new Map();
  }
}

/** Three numbers: ns on a core, ns ready without one, and how many times it was given one. */
function parse(path: string): ThreadTimes {
  const [ranNs = 0, waitedNs = 0] = readFileSync(path, "utf8").split(" ").map(Number);
  return { ranNs, waitedNs };
}

/** Monotonic ms, which stand still while this process's main thread waits for a core. A reading takes some µs. */
export function coreNowMs(): number {
  return performance.now() - mainWaitedMs();
}

function mainWaitedMs(): number {
  try {
    return parse("/proc/self/schedstat").waitedNs / 1e6;
  } catch {
    return 0;
  }
}

/** Between two readings, ms that the thread waited which ran most: the one that does the work. */
export function waitedMs(before: CoreTimes, after: CoreTimes): number {
  const spent = [...after].map(([thread, { ranNs, waitedNs }]) => {
    const since = before.get(thread) ?? { ranNs: 0, waitedNs: 0 };
    return { ranNs: ranNs - since.ranNs, waitedNs: waitedNs - since.waitedNs };
  });
  const [busiest] = spent.sort((a, b) => b.ranNs - a.ranNs);
  return (busiest?.waitedNs ?? 0) / 1e6;
}
