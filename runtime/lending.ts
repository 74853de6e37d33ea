/** Sources in replies: they live on after the call, and fail when the incarnation that lent them ends. */
import type { ByteSource } from "#runtime/byte-source.ts";
import { type Failure, ok, type Result } from "#runtime/errors.ts";
import { findSource, LentSource } from "#runtime/lent-source.ts";
import type { Machine } from "#runtime/machine.ts";

type Surface = Pick<Machine, "surface">;

/** What one incarnation has lent. */
export class Lending {
  readonly #machine: Surface;
  readonly #lent = new Set<LentSource>();

  constructor(machine: Surface) {
    this.#machine = machine;
  }

  /** The reply, with the source that is in it lent. */
  lend(reply: object, { key, source }: { readonly key: string; readonly source: ByteSource }): Result<unknown, never> {
    const lent = new LentSource(source, this.#machine, undefined, (settled) => this.#lent.delete(settled));
    this.#lent.add(lent);
    return ok({ ...reply, [key]: lent });
  }

  end(failure: Failure): void {
    for (const source of this.#lent) source.cancel(failure);
  }
}

/** Nobody would ever read, or cancel, a source that comes too late. */
export function dropSource(reply: unknown, machine: Surface): void {
  const found = findSource(reply);
  if (found === undefined) return;
  new LentSource(found.source, machine, undefined, undefined).cancel({ code: "runtime.call-ended" });
}
