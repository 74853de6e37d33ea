/** An object that is whole in memory, cut as an upload would have cut it: its links are the same. */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { ChunkProfile } from "#actors/domain/chunk-profiles.ts";
import { type ChunkDigests, digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { ChunkScanner } from "#actors/storage/chunks/chunk-scanner.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

/** A chunk in memory: its bytes are in the slabs they arrived in. */
export interface SmallChunk {
  readonly digest: Digest;
  readonly payload: readonly Uint8Array[];
  readonly digests: ChunkDigests;
}

/** In order; the empty object has none. */
export function cutSmall(
  parts: readonly Uint8Array[],
  profile: ChunkProfile,
  gearTable: Int32Array,
  cpu: Pick<Cpu, "digest" | "hasher">,
): readonly SmallChunk[] {
  const chunks: SmallChunk[] = [];
  const scanner = new ChunkScanner(profile, gearTable);
  let payload: Uint8Array[] = [];
  const end = (): void => {
    if (payload.length === 0) return;
    const digests = digestChunk(payload, cpu);
    chunks.push({ digest: digestFromBytes(digests.digest), payload, digests });
    payload = [];
  };
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const cut = scanner.advance(part, at);
      payload.push(part.subarray(at, cut));
      at = cut;
      if (scanner.atCut) end();
    }
  }
  end();
  return chunks;
}
