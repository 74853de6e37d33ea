/**
 * `Repr-Digest`, `Content-Digest` and `Want-Repr-Digest` (RFC 9530), in the algorithms of their registry that are not
 * held to be insecure.
 *
 * A put has no content coding that is taken off, and no range: its representation and its content are the same bytes.
 */
import { parseDictionary } from "#actors/gateway/dictionary.ts";
import type { ExpectedDigest } from "#actors/gateway/digested-source.ts";
import type { BadDigest } from "#actors/gateway/failures.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { createShaHasher } from "#runtime/pool/sha.ts";

const ALGORITHMS = {
  "sha-256": { sha: "sha256", sizeBytes: 32 },
  "sha-512": { sha: "sha512", sizeBytes: 64 },
} as const;

export type DigestAlgorithm = keyof typeof ALGORITHMS;

const isKnown = (key: string): key is DigestAlgorithm => Object.hasOwn(ALGORITHMS, key);

/** All digests that a put must match; those of other algorithms are ignored, as the RFC has it. */
export function expectedDigests(
  headers: Readonly<Record<string, string | undefined>>,
): Result<readonly ExpectedDigest[], BadDigest> {
  const expected: ExpectedDigest[] = [];
  for (const field of ["repr-digest", "content-digest"]) {
    const said = headers[field];
    if (said === undefined) continue;
    const members = parseDictionary(said, "bytes");
    if (members === undefined) return fail({ code: "gateway.bad-digest", field });
    for (const [algorithm, value] of members) {
      if (!isKnown(algorithm)) continue;
      const digest = Buffer.from(value.slice(1, -1), "base64");
      const { sha, sizeBytes } = ALGORITHMS[algorithm];
      if (digest.length !== sizeBytes) return fail({ code: "gateway.bad-digest", field });
      expected.push({ sha, digest, mismatch: { code: "gateway.digest-mismatch", algorithm } });
    }
  }
  return ok(expected);
}

/** The algorithm that a reader asks for most; undefined where it asks for none that we have, or not in order. */
export function wantedAlgorithm(field: string | undefined): DigestAlgorithm | undefined {
  let wanted: DigestAlgorithm | undefined;
  let most = 0;
  for (const [key, value] of parseDictionary(field ?? "", "integer") ?? []) {
    const weight = Number(value);
    if (!isKnown(key) || weight > 10 || weight <= most) continue;
    wanted = key;
    most = weight;
  }
  return wanted;
}

/** The field's value for a body that is whole in memory. */
export function digestField(algorithm: DigestAlgorithm, bytes: Uint8Array): string {
  const hasher = createShaHasher(ALGORITHMS[algorithm].sha);
  hasher.update(bytes);
  return `${algorithm}=:${Buffer.from(hasher.digest()).toString("base64")}:`;
}
