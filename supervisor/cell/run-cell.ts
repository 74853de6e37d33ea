/**
 * A cell as a process: orders and reports over the channel to the root.
 *
 * It ends with code 70 after a defect that no actor could own, and at once when the root is gone: nothing may run that
 * nobody supervises.
 */
import { inspect } from "node:util";
import type { Catalogue } from "#supervisor/catalogue.ts";
import { Cell, EXIT } from "#supervisor/cell/cell.ts";
import type { CellSeams } from "#supervisor/cell/seams.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { parseOrder } from "#supervisor/wire.ts";

export interface CellRun {
  readonly tree: NodeSpec;
  readonly catalogue: Catalogue;
  readonly seams: CellSeams;
  /** See `CellOptions`. */
  readonly buildId: () => string;
  /** Calls with what nothing caught. */
  readonly onDefect: (run: (defect: unknown) => void) => void;
  /** To the file that takes what the process writes. */
  readonly writeError: (line: string) => void;
  readonly onStarted: () => void;
}

export function runCell({ tree, catalogue, seams, buildId, onDefect, writeError, onStarted }: CellRun): void {
  const { self } = seams.base.processes;
  const cell = new Cell({
    tree,
    catalogue,
    seams,
    buildId,
    send: (report) => void self.send(report),
    onEnd: (code) => self.exit(code),
    onStarted,
  });
  onDefect((defect) => {
    cell.logDefect(defect);
    writeError(`${new Date(seams.base.clock.wallMs()).toISOString()} defect: ${inspect(defect)}`);
    cell.closeLog();
    self.exit(EXIT.stuck);
  });
  self.onParentGone(() => self.exit(EXIT.orphaned));
  self.onMessage((message) => {
    const order = parseOrder(message);
    if (order !== undefined) cell.receive(order);
  });
}
