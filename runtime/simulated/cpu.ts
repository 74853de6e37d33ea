/**
 * The CPU pool without threads: every task runs at once, on this thread, in the order of the calls. Admission never
 * refuses here; deadline and signal do, before the task starts.
 */
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { createHasher, digestOf } from "#runtime/pool/blake3.ts";
import type { Cpu, CpuTasks, PoolTaskFailed } from "#runtime/pool/cpu.ts";
import { createRangeDigest, pieceSizeBytes } from "#runtime/pool/range-digest.ts";

export interface InlineCpuOptions {
  /** Without it only `within.signal` ends a task early, never its deadline. */
  readonly clock?: Clock;
  /** What `digestFileRange` reads. Without it that task fails with `pool.task-failed`. */
  readonly disk?: Disk;
}

type Tasks = {
  readonly [Name in keyof CpuTasks]: (
    request: CpuTasks[Name]["request"],
  ) => Promise<Result<CpuTasks[Name]["answer"], PoolTaskFailed>>;
};

/** A pool for simulations and tests. It has nothing to close. */
export function inlineCpu({ clock, disk }: InlineCpuOptions = {}): Cpu {
  const tasks: Tasks = {
    digest: async ({ bytes }) => ok(digestOf(bytes)),
    digestFileRange: async (request) =>
      disk === undefined ? taskFailed("no disk was given") : await digestFileRange(disk, request),
  };

  return {
    async run(name, request, { deadlineMs, signal }) {
      const isLate = clock !== undefined && clock.nowMs() >= deadlineMs;
      if (isLate || signal.aborted) return fail({ code: "pool.expired", executed: "no" });
      return await tasks[name](request);
    },
    digest: digestOf,
    hasher: createHasher,
    close: async () => undefined,
  };
}

async function digestFileRange(
  disk: Disk,
  { path, position, lengthBytes }: CpuTasks["digestFileRange"]["request"],
): Promise<Result<CpuTasks["digestFileRange"]["answer"], PoolTaskFailed>> {
  const opened = await disk.open(path, "read");
  if (!opened.ok) return taskFailed(opened.failure.code);
  const digest = createRangeDigest(lengthBytes);
  const piece = new Uint8Array(Math.min(pieceSizeBytes, lengthBytes));
  let problem: string | undefined;
  for (let done = 0; done < lengthBytes && problem === undefined; done += piece.length) {
    const wanted = piece.subarray(0, Math.min(piece.length, lengthBytes - done));
    const read = await disk.read(opened.value, wanted, position + done);
    if (!read.ok) problem = read.failure.code;
    else if (read.value < wanted.length) problem = "the file is shorter than the range";
    else digest.update(wanted);
  }
  await disk.close(opened.value);
  return problem === undefined ? ok(digest.finish()) : taskFailed(problem);
}

function taskFailed(cause: string): Result<never, PoolTaskFailed> {
  return fail({ code: "pool.task-failed", cause });
}
