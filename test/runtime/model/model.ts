/**
 * What a command may count on, and what must be seen after it: the small model beside the real system.
 */
import { CELLS, type CellName, type ClerkName, cellOf, clerksOf } from "#test/runtime/model/plan.ts";
import type { System } from "#test/runtime/model/system.ts";

export class Model {
  readonly up: Set<CellName> = new Set(CELLS);
  /** Stopped by command: only a command, or a new life of the cell, brings them back. */
  readonly held: Set<ClerkName> = new Set();

  isUp(cell: CellName): boolean {
    return this.up.has(cell);
  }

  /** Takes over what commands do not decide: a cell ends by its own intensity, and is back when nothing is left of it. */
  observe(system: System): void {
    for (const cell of CELLS) {
      const isUp = system.cell(cell).isUp;
      if (isUp && !this.up.has(cell)) this.up.add(cell);
      if (isUp || !this.up.delete(cell)) continue;
      for (const clerk of clerksOf(cell)) this.held.delete(clerk);
    }
  }

  /** Where clerks stand that the model knows about. */
  wrongs(system: System): readonly string[] {
    return [...this.up].flatMap((cell) => {
      const children = system.cell(cell).supervisor.status();
      // One waits until another has stopped, or has started, before its own turn comes.
      const mayWait = children.some(({ state }) => state === "stopping" || state === "starting");
      return children.flatMap(({ name, state }) => {
        const isDown = state === "stopped" || state === "stopping";
        const isHeld = this.held.has(name as ClerkName);
        if (isDown === isHeld || mayWait) return [];
        return [`${name} is ${state}, and ${isHeld ? "held" : "nobody holds it"}`];
      });
    });
  }

  hold(clerk: ClerkName): void {
    if (this.isUp(cellOf(clerk))) this.held.add(clerk);
  }
}
