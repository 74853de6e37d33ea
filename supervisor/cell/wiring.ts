/**
 * Puts the actors of a cell together: their code, their refs to those below them, what they depend on.
 *
 * In start order, so that an actor finds those that it calls.
 */
import { Actor } from "#runtime/actor.ts";
import type { CellEnv, Wiring } from "#runtime/actor-module.ts";
import { assert, Defect } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Scope } from "#runtime/scope.ts";
import type { Catalogue, ErasedModule } from "#supervisor/catalogue.ts";
import { wireAtData } from "#supervisor/cell/at-data.ts";
import type { Links } from "#supervisor/cell/seams.ts";
import type { Sections } from "#supervisor/cell/sections.ts";
import type { CellSpec, WorkerSpec } from "#supervisor/child-spec.ts";
import { awayIn, type DataCheck } from "#supervisor/data-mark.ts";

/** By actor, in start order. */
export type Modules = ReadonlyMap<string, ErasedModule>;

/** Where an actor of this node is found from inside one cell. */
export interface Neighbourhood {
  readonly cell: string;
  /** Actor → cell. */
  readonly cellOf: Readonly<Record<string, string>>;
  /** Of this cell; filled by `wireActors`. */
  readonly actors: Map<string, Actor>;
  readonly links: Links;
}

export interface WiringOptions {
  readonly spec: CellSpec;
  readonly modules: Modules;
  readonly sections: Sections;
  readonly env: CellEnv;
  readonly checkData: DataCheck;
  /** For what outlives an incarnation. */
  readonly scope: Scope;
}

/** The code of the cell's own actors, and of no other. */
export async function loadModules(spec: CellSpec, catalogue: Catalogue): Promise<Modules> {
  const loaded = spec.workers.map(async ({ name }) => {
    const find = catalogue[name];
    if (find === undefined) throw new Defect(`${name} is in the tree and not in the catalogue`);
    return [name, await find()] as const;
  });
  return new Map(await Promise.all(loaded));
}

/** The first thing that keeps an actor from working on this machine. A data directory that is away has its own word. */
export async function checkPlaces({
  modules,
  sections,
  env,
  checkData,
}: Omit<WiringOptions, "spec" | "scope">): Promise<string | undefined> {
  const isAway = awayIn(await checkData()) !== undefined;
  for (const [name, actorModule] of modules) {
    if (actorModule.storesData && isAway) continue;
    const problem = await actorModule.checkPlace?.(env, sections.view(name).current);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

export async function wireActors(where: Neighbourhood, options: WiringOptions): Promise<void> {
  const { spec, modules, sections, env, checkData, scope } = options;
  const machine = new Machine(env);
  for (const worker of spec.workers) {
    const actorModule = modules.get(worker.name);
    assert(actorModule !== undefined, "every worker was loaded");
    const wiring: Wiring<never> = {
      env,
      config: sections.view(worker.name),
      ref: <P extends Protocol<P>>(actor: string) => refTo<P>(where, actor),
      refIfAny: <P extends Protocol<P>>(actor: string) => {
        return where.cellOf[actor] === undefined ? undefined : refTo<P>(where, actor);
      },
      scope,
    };
    const [behavior, deps] = actorModule.storesData
      ? [await wireAtData(actorModule, wiring, checkData), undefined]
      : [actorModule.behavior, await actorModule.wire(wiring)];
    where.actors.set(worker.name, makeActor(worker, behavior, deps, machine));
  }
}

/** A stable ref, over a link where the actor lives in another cell. */
export function refTo<P extends Protocol<P>>({ cell, cellOf, actors, links }: Neighbourhood, actor: string): Ref<P> {
  const home = cellOf[actor];
  assert(home !== undefined, `${actor} is in the tree`);
  if (home !== cell) return links.ref<P>(actor, home);
  const local = actors.get(actor);
  assert(local !== undefined, `${actor} starts before those who call it`);
  return local.ref<P>();
}

function makeActor(worker: WorkerSpec, behavior: ErasedModule["behavior"], deps: unknown, machine: Machine): Actor {
  const { name, mailbox, laterMax, shutdownMs } = worker;
  return new Actor({ name, behavior, deps, mailbox, laterMax, shutdownMs }, machine);
}
