/**
 * Records that puts under way rely on instead of writing them again. None of them is given up meanwhile, whether or not
 * any commit refers to it yet.
 */
import type { Digest } from "#actors/domain/address.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";

type Name = `${RecordKind} ${Digest}`;

export class InUse {
  readonly #counts = new Map<Name, number>();
  #onLetGo: ((kind: RecordKind, digest: Digest) => void) | undefined;

  /** Hears of every record that a put lets go of: by then a commit may refer to it. One at a time listens. */
  listen(onLetGo: (kind: RecordKind, digest: Digest) => void): void {
    this.#onLetGo = onLetGo;
  }

  /** Nothing is left of who listened: a function that does nothing, written where that one was, would hold what it held. */
  deafen(): void {
    this.#onLetGo = undefined;
  }

  has(kind: RecordKind, digest: Digest): boolean {
    return this.#counts.has(`${kind} ${digest}`);
  }

  hold(kind: RecordKind, digest: Digest): void {
    const name: Name = `${kind} ${digest}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  letGo(kind: RecordKind, digest: Digest): void {
    const name: Name = `${kind} ${digest}`;
    const count = this.#counts.get(name) ?? 0;
    if (count > 1) this.#counts.set(name, count - 1);
    else this.#counts.delete(name);
    this.#onLetGo?.(kind, digest);
  }
}
