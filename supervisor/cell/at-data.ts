/**
 * Keeps an actor whose store is in the data directory out of what is there instead while that is away (SUP-30).
 *
 * The cell goes on without the actor, so that there is somebody to say why. What the actor takes for the life of the cell, a
 * lock for example, is in the directory too: where that was away when the cell began, the first life takes it.
 */
import type { Wiring } from "#runtime/actor-module.ts";
import { Defect, must } from "#runtime/errors.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";
import { awayIn, type DataCheck, describeAway } from "#supervisor/data-mark.ts";

/** The behavior of the actor, which looks for the directory before every life, and has its own dependencies. */
export async function wireAtData(
  { behavior, wire }: ErasedModule,
  wiring: Wiring<never>,
  checkData: DataCheck,
): Promise<ErasedModule["behavior"]> {
  const there = await checkData();
  let wired = there.ok ? { deps: await wire(wiring) } : undefined;
  return {
    ...behavior,
    init: async (_deps, ctx) => {
      const found = await checkData();
      const away = awayIn(found);
      if (away !== undefined) throw new Defect(describeAway(away));
      // A life makes what it makes through the disk of the cell, which looks again. What an actor is wired with does not.
      if (wired === undefined) must(found, "the data directory can be looked at");
      wired ??= { deps: await wire(wiring) };
      return behavior.init(wired.deps, ctx);
    },
  };
}
