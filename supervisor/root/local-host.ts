/**
 * Cells in the root's own process (profile `single`): the same cell, the same orders and reports, no channel between.
 *
 * Its end is the end of a life like that of a process: killed, its incarnations end without `terminate`.
 */
import { type ExitReason, ok } from "#runtime/errors.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { Catalogue } from "#supervisor/catalogue.ts";
import { Cell, EXIT } from "#supervisor/cell/cell.ts";
import type { CellSeams } from "#supervisor/cell/seams.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import type { CellHost, CellLife } from "#supervisor/root/cell-life.ts";
import type { Report } from "#supervisor/wire.ts";

export interface LocalHostOptions {
  readonly tree: NodeSpec;
  readonly catalogue: Catalogue;
  readonly seams: CellSeams;
  /** See `CellOptions`. */
  readonly buildId: () => string;
  readonly scheduler: Scheduler;
}

export function localHost(options: LocalHostOptions): CellHost {
  return { open: () => Promise.resolve(ok(openLife(options))) };
}

function openLife({ tree, catalogue, seams, buildId, scheduler }: LocalHostOptions): CellLife {
  let receive: (report: Report) => void = () => undefined;
  let onEnd: (reason: ExitReason) => void = () => undefined;
  let ended = false;

  const end = (reason: ExitReason): void => {
    if (ended) return;
    ended = true;
    // The same way out whoever ends it: nothing of the life is left when its end is known.
    void cell.abort().then(() => onEnd(reason));
  };
  const cell: Cell = new Cell({
    tree,
    catalogue,
    seams,
    buildId,
    // As over a channel, the other side hears it later, never in the middle of what it is doing.
    send: (report) => scheduler.microtask(() => receive(report)),
    onEnd: (code) => end(code === EXIT.left ? { kind: "normal" } : { kind: "crashed", defect: `exit code ${code}` }),
  });
  return {
    pid: seams.base.processes.self.pid,
    send: (order) => {
      if (ended) return false;
      scheduler.microtask(() => cell.receive(order));
      return true;
    },
    onReport: (run) => {
      receive = run;
    },
    onEnd: (run) => {
      onEnd = run;
    },
    kill: () => end({ kind: "killed", afterMs: 0 }),
  };
}
