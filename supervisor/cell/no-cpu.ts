/** The CPU of a cell that has no pool: the node's threads belong to other cells. */
import { Defect, fail } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

/** Tasks are refused. Digests are a defect: an actor that makes them belongs into a cell with a pool. */
export const noCpu: Cpu = {
  run: () => Promise.resolve(fail({ code: "pool.full", waitingMax: 0 })),
  digest: () => refuse(),
  hasher: () => refuse(),
  close: () => Promise.resolve(),
};

function refuse(): never {
  throw new Defect("this cell has no CPU pool");
}
