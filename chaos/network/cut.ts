/** A cut between groups of clients and the node, for as long as it lasts. */
import type { FaultOf } from "#chaos/fault.ts";
import { lasting } from "#chaos/injection.ts";
import { type Barrier, DIRECTIONS, type Direction } from "#chaos/network/barrier.ts";
import type { Injection } from "#chaos/world.ts";

export type Cut = FaultOf<"partition" | "one-way-cut">;

/** What cannot pass. */
export function directionsOf(cut: Cut): readonly Direction[] {
  return cut.kind === "partition" ? DIRECTIONS : [cut.lost];
}

export function cutAt(barrier: Barrier, cut: Cut): Injection {
  const { groups } = cut;
  const directions = directionsOf(cut);
  const before = barrier.heldUp(groups, directions);
  barrier.cut(groups, directions);
  return lasting(
    () => barrier.heal(groups, directions),
    () => barrier.heldUp(groups, directions) - before,
  );
}
