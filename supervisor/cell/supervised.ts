/** Whom the supervisor of a cell keeps alive, in start order: the pool's threads, then the actors, each a rung. */
import type { Actor } from "#runtime/actor.ts";
import { assert } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import { second } from "#runtime/units.ts";
import { ActorChild } from "#supervisor/cell/actor-child.ts";
import { PoolChild } from "#supervisor/cell/pool-child.ts";
import type { Supervised } from "#supervisor/child.ts";
import type { CellSpec } from "#supervisor/child-spec.ts";

/** The threads, among the children of a cell. */
const POOL = "pool";
/** Longest wait for the tasks of a pool that is stopped; past it they are given up. */
export const POOL_STOP_MS: number = 2 * second;

/** `onStuck`: see `ActorChild`. */
export function supervisedIn(
  spec: CellSpec,
  actors: ReadonlyMap<string, Actor>,
  cpu: Cpu,
  onStuck: (child: string) => void,
): readonly (readonly Supervised[])[] {
  const workers = spec.workers.map((worker) => {
    const actor = actors.get(worker.name);
    assert(actor !== undefined, "every worker has its actor");
    return [{ spec: worker, child: new ActorChild(actor, () => onStuck(worker.name)) }];
  });
  if (cpu.lives === undefined) return workers;
  const pool = { name: POOL, restart: "permanent", budget: spec.budget, shutdownMs: POOL_STOP_MS } as const;
  return [[{ spec: pool, child: new PoolChild(POOL, cpu.lives) }], ...workers];
}
