/** A process under `strace`, which lets the system call number N of a kind end it, or fail. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Digest, parseDigest } from "#actors/domain/address.ts";
import type { Layout } from "#test/actors/storage/points/layout.ts";

/** Every call by which something becomes durable, or goes. */
export const PERSISTING = [
  "pwrite64",
  "pwritev",
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

/** What is known of the objects of a workload that ended somewhere. */
export interface Told {
  /** It came to its end. */
  readonly isDone: boolean;
  /** Must be there. */
  readonly held: ReadonlyMap<number, Digest>;
  /** Must not be there. */
  readonly removed: ReadonlyMap<number, Digest>;
  /** Of either, the change that nobody heard the end of. */
  readonly uncertain: ReadonlySet<number>;
  readonly errors: string;
}

/** `recover` only opens the store. */
export type Mode = "work" | "recover";

/** A workload takes three seconds; one that hangs is a bug that is to be told, not waited for, ms. */
const WORKLOAD_MS_MAX = 120_000;

const HOST = join(import.meta.dirname, "workload-host.ts");

export function hasStrace(): boolean {
  return spawnSync("strace", ["-V"]).status === 0;
}

/** How many calls of each kind one thread makes, at most, in an undisturbed run: as many points are there. */
export async function countCalls(
  directory: string,
  mode: Mode,
  layout: Layout,
): Promise<ReadonlyMap<Persisting, number>> {
  const trace = `${directory}.trace`;
  assert((await run(directory, [], trace, [mode, layout])).isDone, "an undisturbed run comes to its end");
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

export async function runTraced(
  directory: string,
  { call, what, when }: Injection,
  mode: Mode,
  layout: Layout,
): Promise<Told> {
  return await run(directory, ["-e", `inject=${call}:${what}:when=${when}`], "/dev/null", [mode, layout]);
}

/** One thread for the file system, so that the count says which call it is. */
async function run(
  directory: string,
  inject: readonly string[],
  trace: string,
  how: readonly [Mode, Layout],
): Promise<Told> {
  const args = ["-f", "-qq", "-o", trace, "-e", `trace=${PERSISTING.join(",")}`, ...inject];
  const child = spawn("strace", [...args, process.execPath, HOST, directory, ...how], {
    // Node's own cache of compiled code is no store of ours: its renames are no points.
    env: { ...process.env, UV_THREADPOOL_SIZE: "1", NODE_DISABLE_COMPILE_CACHE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    // The whole group: what is traced outlives its tracer.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, WORKLOAD_MS_MAX);
  const [out, errors] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise((resolve) => child.once("close", resolve)),
  ]);
  clearTimeout(late);
  assert(!isLate, `a workload with ${inject.join(" ")} hangs after: ${out.trimEnd().split("\n").at(-1)}\n${errors}`);
  return { ...tell(out), errors };
}

function tell(out: string): Omit<Told, "errors"> {
  const [held, removed] = [new Map<number, Digest>(), new Map<number, Digest>()];
  const known = new Map<number, Digest>();
  const uncertain = new Set<number>();
  let isDone = false;
  for (const line of out.split("\n")) {
    const [what, number, root = ""] = line.split(" ");
    const seed = Number(number);
    if (what === "done") isDone = true;
    if (what === "putting" || what === "removing") {
      uncertain.add(seed);
      held.delete(seed);
      removed.delete(seed);
    }
    const manifest = parseDigest(root) ?? known.get(seed);
    if (what === "put" && manifest !== undefined) {
      known.set(seed, manifest);
      held.set(seed, manifest);
      uncertain.delete(seed);
    }
    if (what === "removed") {
      assert(manifest !== undefined, "what is removed was put");
      removed.set(seed, manifest);
      uncertain.delete(seed);
    }
  }
  return { isDone, held, removed, uncertain };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
