/**
 * The catalogue of a simulation: every actor's code is loaded beforehand, because loading is real input, and what an actor
 * announces on its cell's bus is told.
 */
import type { EventBus } from "#runtime/behavior.ts";
import type { Life } from "#runtime/simulated/life.ts";
import type { Catalogue, ErasedModule } from "#supervisor/catalogue.ts";

export type LoadedCatalogue = Readonly<Record<string, ErasedModule>>;

/** Once for a process of tests: it reads files, so never inside a guarded run. */
export async function loadCatalogue(catalogue: Catalogue): Promise<LoadedCatalogue> {
  const loaded: [string, ErasedModule][] = [];
  for (const [name, load] of Object.entries(catalogue)) loaded.push([name, await load()]);
  return Object.fromEntries(loaded);
}

/** For one life: the events of every bus in it are events of the life. */
export function overheard(modules: LoadedCatalogue, life: Life): Catalogue {
  const heard = new Set<EventBus>();
  const hear = (bus: EventBus): void => {
    if (heard.has(bus)) return;
    heard.add(bus);
    void retell(bus, life);
  };
  const entries = Object.entries(modules).map(([name, actorModule]) => {
    const wire: ErasedModule["wire"] = (wiring) => {
      hear((wiring as { readonly env: { readonly bus: EventBus } }).env.bus);
      return actorModule.wire(wiring);
    };
    return [name, () => Promise.resolve({ ...actorModule, wire })] as const;
  });
  return Object.fromEntries(entries);
}

async function retell(bus: EventBus, life: Life): Promise<void> {
  const subscription = bus.subscribe();
  for (let next = await subscription.next(); next !== undefined && !life.isOver; next = await subscription.next()) {
    life.tell("bus", next.event);
  }
}
