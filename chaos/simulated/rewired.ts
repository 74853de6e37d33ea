/** A simulated node in which one actor is wired otherwise than in the real one: how a bug is planted without touching its code. */
import type { CellEnv, Wiring } from "#runtime/actor-module.ts";
import { assert } from "#runtime/errors.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

export type AnyWiring = Wiring<unknown>;
type AnyRef = { call(name: string, request: Readonly<Record<string, unknown>>, options: unknown): Promise<unknown> };

/** The same node, but that one actor is wired otherwise. */
export function wired(
  catalogue: LoadedCatalogue,
  actor: string,
  change: (wiring: AnyWiring) => AnyWiring,
): LoadedCatalogue {
  const real = catalogue[actor];
  assert(real !== undefined, `a node has an actor ${actor}`);
  const wire: ErasedModule["wire"] = (wiring) => real.wire(change(wiring as unknown as AnyWiring) as never);
  return { ...catalogue, [actor]: { ...real, wire } };
}

/** With another environment. */
export function withEnv(wiring: AnyWiring, changes: (env: CellEnv) => Partial<CellEnv>): AnyWiring {
  return { ...wiring, env: { ...wiring.env, ...changes(wiring.env) } };
}

/** With a ref to overlay that does something before each call, or changes the request. */
export function withOverlay(wiring: AnyWiring, change: (name: string, request: object) => object): AnyWiring {
  const ref = (actor: string): unknown => {
    const real = wiring.ref(actor) as unknown as AnyRef;
    if (actor !== "overlay") return real;
    return {
      call: (name: string, request: object, given: unknown) => real.call(name, { ...change(name, request) }, given),
    };
  };
  return { ...wiring, ref: ref as AnyWiring["ref"] };
}
