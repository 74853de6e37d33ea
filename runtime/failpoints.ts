/**
 * Failpoints: named places in an actor's code, `ctx.maybe("name")`, at which it can be made to crash. They are always compiled
 * in, and nothing happens there until one is armed: by an operator, by a fault plan, by a test.
 *
 * They are the actor's, not its incarnation's: one that is armed five times ends five lives. A process that ends takes what was
 * armed in it along.
 */
import { Defect, type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** Passes for which a failpoint can be armed at once. */
export const FAILPOINT_TIMES_MAX = 1_000_000;

/** What an armed failpoint throws. */
export class InjectedPanic extends Defect {
  constructor(failpoint: string) {
    super(`injected at ${failpoint}`);
  }
}

/** The actor has no failpoint of that name. */
export interface NoSuchFailpoint extends Failure<"runtime.no-such-failpoint"> {
  readonly failpoint: string;
  /** Those that it has. */
  readonly known: readonly string[];
}

/** An actor as far as it has failpoints. */
interface HasFailpoints {
  readonly behavior: { readonly failpoints?: readonly string[] };
  failpoints: Failpoints | undefined;
}

/** The next `times` passes throw, instead of as many as were said before; 0 disarms it. */
export function armFailpoint(actor: HasFailpoints, failpoint: string, times: number): Result<void, NoSuchFailpoint> {
  const { failpoints: known = [] } = actor.behavior;
  if (!known.includes(failpoint)) return fail({ code: "runtime.no-such-failpoint", failpoint, known });
  actor.failpoints ??= new Failpoints();
  actor.failpoints.arm(failpoint, times);
  return ok();
}

export class Failpoints {
  /** Passes that are still to throw. */
  readonly #left = new Map<string, number>();

  arm(failpoint: string, times: number): void {
    if (times === 0) this.#left.delete(failpoint);
    else this.#left.set(failpoint, times);
  }

  pass(failpoint: string): void {
    const left = this.#left.get(failpoint);
    if (left === undefined) return;
    if (left === 1) this.#left.delete(failpoint);
    else this.#left.set(failpoint, left - 1);
    throw new InjectedPanic(failpoint);
  }
}
