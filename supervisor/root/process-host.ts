/**
 * Cells as processes of their own: the same Node, the entry `cell-main.ts`, a channel for orders and reports, and a
 * file, or in amnesia mode a pipe, for whatever the process writes without being asked (a V8 abort, a warning).
 */
import type { Disk } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Process, Processes } from "#runtime/processes.ts";
import { CELL_FLAGS, CELL_THREADS } from "#supervisor/cell-flags.ts";
import { exitReasonOf } from "#supervisor/process-exit.ts";
import type { CellHost, CellLife, HostFailed } from "#supervisor/root/cell-life.ts";
import type { CellOutput } from "#supervisor/root/seams.ts";
import { parseReport, type Report } from "#supervisor/wire.ts";

export interface ProcessHostOptions {
  readonly processes: Processes;
  readonly disk: Disk;
  /** The Node binary that runs the root. */
  readonly node: string;
  /** Path of `cell-main.ts`. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Directory of compiled code. Node would make it with all above it: a cell does without while it is not there. */
  readonly compileCache: string;
  /** The directory of `<cell>.err`, or who hears it instead of a file. */
  readonly output: string | CellOutput;
}

export function processHost(options: ProcessHostOptions): CellHost {
  return { open: (cell) => open(options, cell) };
}

async function open(options: ProcessHostOptions, cell: string): Promise<Result<CellLife, HostFailed>> {
  const { processes, disk, node, entry, env, compileCache, output } = options;
  const cached = await disk.list(compileCache);
  const file = typeof output === "string" ? await openErrorFile(disk, `${output}/${cell}.err`) : undefined;
  const hear = typeof output === "string" ? undefined : output;
  const spawned = await processes.spawn({
    command: node,
    args: [...CELL_FLAGS, "--disable-warning=ExperimentalWarning", entry, cell],
    env: {
      ...env,
      ...(cached.ok ? { NODE_COMPILE_CACHE: compileCache } : {}),
      UV_THREADPOOL_SIZE: String(CELL_THREADS),
    },
    channel: true,
    outputDescriptor: file,
    ...(hear === undefined ? {} : { onOutput: (bytes) => hear(cell, Buffer.from(bytes).toString("utf8")) }),
  });
  // The child has its own copy.
  if (file !== undefined) await disk.close(file);
  if (spawned.ok) return ok(lifeOf(spawned.value));
  return fail({ code: "supervisor.host-failed", cell, cause: `${spawned.failure.command}: ${spawned.failure.errno}` });
}

/** The last life's file stays as `.err.1`. Undefined when none can be made: better a cell without it than none. */
async function openErrorFile(disk: Disk, path: string): Promise<number | undefined> {
  await disk.rename(path, `${path}.1`);
  const opened = await disk.open(path, "create-new");
  return opened.ok ? opened.value : undefined;
}

function lifeOf(child: Process): CellLife {
  return {
    pid: child.pid,
    send: (order) => child.send(order),
    onReport: (receive: (report: Report) => void) =>
      child.onMessage((message) => {
        const report = parseReport(message);
        if (report !== undefined) receive(report);
      }),
    onEnd: (run) => child.onExit((exit) => run(exitReasonOf(exit))),
    kill: () => {
      child.kill("SIGKILL");
    },
  };
}
