/**
 * One commit of a manifest at a time: whoever arrives with the same object meanwhile waits, and finds it known.
 *
 * Bounded by the uploads, each of which commits once.
 */
import type { Digest } from "#actors/domain/address.ts";

export class CommitsUnderWay {
  readonly #ends = new Map<Digest, Promise<void>>();

  /** Runs `commit` when no other of the same manifest is under way. */
  async inTurn<Value>(manifest: Digest, commit: () => Promise<Value>): Promise<Value> {
    for (let end = this.#ends.get(manifest); end !== undefined; end = this.#ends.get(manifest)) await end;
    const committing = commit();
    // Those who wait look for themselves whether it succeeded.
    const end = committing.then(ignore, ignore).then(() => {
      this.#ends.delete(manifest);
    });
    this.#ends.set(manifest, end);
    return await committing;
  }
}

function ignore(): void {}
