/** A simulated node in which one actor is wired otherwise than in the real one: how a bug is planted without touching its code. */
import type { CellEnv, Wiring } from "#runtime/actor-module.ts";
import { assert } from "#runtime/errors.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

export type AnyWiring = Wiring<unknown>;
export type Request = Readonly<Record<string, unknown>>;
/** What an actor answers, whatever it was asked. */
export type AnyResult = {
  readonly ok: boolean;
  readonly value?: unknown;
  readonly failure?: { readonly code: string } & Readonly<Record<string, unknown>>;
};
/** Asks the real actor. */
export type Proceed = (name: string, request: Request) => Promise<AnyResult>;

interface AnyRef {
  call(name: string, request: Request, options: unknown): Promise<AnyResult>;
}

/** The same node, but that one actor is wired otherwise. */
export function wired(real: LoadedCatalogue, actor: string, change: (wiring: AnyWiring) => AnyWiring): LoadedCatalogue {
  const found = real[actor];
  assert(found !== undefined, `there is an actor ${actor}`);
  const wire: ErasedModule["wire"] = (wiring) => found.wire(change(wiring as unknown as AnyWiring) as never);
  return { ...real, [actor]: { ...found, wire } };
}

/** The same node, but that one actor depends on other things. */
export function rewired<Deps>(
  real: LoadedCatalogue,
  actor: string,
  change: (deps: Deps, wiring: AnyWiring) => Deps,
): LoadedCatalogue {
  const found = real[actor];
  assert(found !== undefined, `there is an actor ${actor}`);
  const wire = async (wiring: AnyWiring): Promise<Deps> => change((await found.wire(wiring as never)) as Deps, wiring);
  return { ...real, [actor]: { ...found, wire: wire as unknown as ErasedModule["wire"] } };
}

/** With another environment. */
export function withEnv(wiring: AnyWiring, changes: (env: CellEnv) => Partial<CellEnv>): AnyWiring {
  return { ...wiring, env: { ...wiring.env, ...changes(wiring.env) } };
}

/** With a ref to `target` whose calls `answer` answers, by asking the real one or in its stead. */
export function withRef(
  wiring: AnyWiring,
  target: string,
  answer: (name: string, request: Request, proceed: Proceed) => Promise<AnyResult>,
): AnyWiring {
  const ref = (actor: string): unknown => {
    const found = wiring.ref(actor) as unknown as AnyRef;
    if (actor !== target) return found;
    const call: AnyRef["call"] = (name, request, options) =>
      answer(name, request, (other, changed) => found.call(other, changed, options));
    // Whatever else is done with it is done with the real one.
    return new Proxy(found, {
      get: (target, property) => {
        if (property === "call") return call;
        const own: unknown = Reflect.get(target, property, target);
        return typeof own === "function" ? own.bind(target) : own;
      },
    });
  };
  return { ...wiring, ref: ref as AnyWiring["ref"] };
}
