/** The SHA family, for what speaks of digests in the names of others: HTTP digest fields, checksums of tus. */
import { createHash } from "node:crypto";
import type { Hasher } from "#runtime/pool/cpu.ts";

/** Names as Node has them. */
export type ShaName = "sha1" | "sha256" | "sha512";

/** An incremental digest. It lives on the thread that made it. */
export function createShaHasher(name: ShaName): Hasher {
  const hash = createHash(name);
  return {
    update(bytes) {
      hash.update(bytes);
    },
    // A hash is over once it has answered; its copy is.
    digest: () => new Uint8Array(hash.copy().digest()),
  };
}
