/** Where each actor's code is. A cell loads only the actors that it hosts; the root loads none. */
import type { ActorModule } from "#runtime/actor-module.ts";

/** The types inside a module are the actor's own business: here they are erased. */
export type ErasedModule = ActorModule;

export type Catalogue = Readonly<Record<string, () => Promise<ErasedModule>>>;

export const catalogue: Catalogue = {
  storage: () => import("#actors/storage/actor.ts").then((actor) => erase(actor.actorModule)),
  index: () => import("#actors/index/actor.ts").then((actor) => erase(actor.actorModule)),
  overlay: () => import("#actors/overlay/actor.ts").then((actor) => erase(actor.actorModule)),
  gateway: () => import("#actors/gateway/actor.ts").then((actor) => erase(actor.actorModule)),
  auth: () => import("#actors/auth/actor.ts").then((actor) => erase(actor.actorModule)),
  ingest: () => import("#actors/ingest/actor.ts").then((actor) => erase(actor.actorModule)),
  telemetry: () => import("#actors/telemetry/actor.ts").then((actor) => erase(actor.actorModule)),
};

/** The one place where the types of an actor are forgotten. */
function erase(actorModule: { readonly behavior: { readonly name: string } }): ErasedModule {
  return actorModule as ErasedModule;
}
