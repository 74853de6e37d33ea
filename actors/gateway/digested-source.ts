/**
 * A body that must come to certain digests: where it does not it fails instead of ending, so that whoever stores it keeps
 * nothing. Storage commits only what has ended.
 */
import type { ChecksumMismatch, DigestMismatch } from "#actors/gateway/failures.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Hasher } from "#runtime/pool/cpu.ts";
import { createShaHasher, type ShaName } from "#runtime/pool/sha.ts";

/** What a body must come to, and how it fails otherwise. */
export interface ExpectedDigest {
  readonly sha: ShaName;
  readonly digest: Uint8Array;
  readonly mismatch: DigestMismatch | ChecksumMismatch;
}

export class DigestedSource implements ByteSource {
  readonly #inner: ByteSource;
  readonly #expected: readonly ExpectedDigest[];
  readonly #hashers: ReadonlyMap<ShaName, Hasher>;
  #mismatch: Failure | undefined;

  constructor(inner: ByteSource, expected: readonly ExpectedDigest[]) {
    this.#inner = inner;
    this.#expected = expected;
    this.#hashers = new Map(expected.map(({ sha }) => [sha, createShaHasher(sha)]));
  }

  get failure(): Failure | undefined {
    return this.#mismatch ?? this.#inner.failure;
  }

  async read(into: Uint8Array): Promise<number> {
    const count = await this.#inner.read(into);
    if (count > 0) for (const hasher of this.#hashers.values()) hasher.update(into.subarray(0, count));
    if (count !== ENDED) return count;
    this.#mismatch ??= this.#compare();
    return this.#mismatch === undefined ? ENDED : FAILED;
  }

  cancel(reason: Failure): void {
    this.#inner.cancel(reason);
  }

  #compare(): Failure | undefined {
    return this.#expected.find(({ sha, digest }) => {
      const actual = this.#hashers.get(sha)?.digest() ?? new Uint8Array(0);
      return Buffer.compare(actual, digest) !== 0;
    })?.mismatch;
  }
}
