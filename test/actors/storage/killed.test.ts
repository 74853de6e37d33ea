/**
 * A real process that stores objects is killed at random moments, on a real disk, again and again. What it had
 * acknowledged reads back byte for byte; what else is listed is whole; of the rest nothing is left.
 */
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as passes } from "node:timers/promises";
import { addressOf, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNK_BYTES_MAX } from "#actors/domain/chunk-profiles.ts";
import { PACK_FRONT_BYTES, SEAL_ENTRY_BYTES, SEAL_FOOTER_BYTES } from "#actors/storage/packs/pack-format.ts";
import { RECORD_HEADER_BYTES, tableBytes } from "#actors/storage/packs/record.ts";
import type { StorageFacts } from "#actors/storage/protocol.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { PuttingProcess } from "#test/actors/storage/killed-process.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { type RealStorage, startRealStorage } from "#test/actors/storage/real-storage.ts";
import { objectOf } from "#test/actors/storage/seeded-object.ts";
import { within } from "#test/actors/storage/storage-kit.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const kills = Number(process.env["CEPA_KILLS"] ?? 15);
/** Longest life after the store is open, ms. */
const lifeMsMax = 200;

function bytesOfPacks(directory: string): number {
  const packs = join(directory, "packs");
  return readdirSync(packs).reduce((sum, name) => sum + statSync(join(packs, name)).size, 0);
}

/** What the packs may come to when they hold nothing but what is committed: headers, tables and seals on top. */
function bytesOf({ storedBytes, chunkCount, manifestCount, packCount }: StorageFacts): number {
  const perRecord = RECORD_HEADER_BYTES + tableBytes(CHUNK_BYTES_MAX) + SEAL_ENTRY_BYTES + 8;
  // Uploads this small have no manifest nodes below the root.
  return storedBytes + (chunkCount + manifestCount) * perRecord + packCount * (PACK_FRONT_BYTES + SEAL_FOOTER_BYTES);
}

async function check({ ref }: RealStorage, acknowledged: ReadonlyMap<number, Digest>): Promise<StorageFacts> {
  const listed = await ref.call("listManifests", { after: undefined, limit: 4096 }, within);
  assert(listed.ok && listed.value.done);
  const roots = new Map(listed.value.entries.map(({ manifest, address }) => [manifest, address]));
  assert.equal(roots.size, listed.value.total, "every commit is listed once");
  const known = new Set<Digest>();
  for (const [seed, manifest] of acknowledged) {
    const got = await mustRead(ref, manifest, `object ${seed}`);
    assert.equal(Buffer.compare(got, objectOf(seed)), 0, `object ${seed} is what was put`);
    assert(roots.has(manifest), `object ${seed} is listed`);
    known.add(manifest);
  }
  for (const [manifest, address] of roots) {
    if (known.has(manifest)) continue;
    const got = await mustRead(ref, manifest, "what is listed");
    assert.equal(addressOf(digestFromBytes(digestOf(got))), address);
  }
  const facts = await ref.call("describe", {}, within);
  assert(facts.ok);
  return facts.value;
}

describe("storage: a process that is killed", () => {
  it(`loses nothing that it acknowledged, over ${kills} kills, and its torn uploads are taken away (STO-1, STO-3)`, async (context) => {
    const directory = await tempDirectory(context);
    const acknowledged = new Map<number, Digest>();
    let takenAwayBytes = 0;
    let next = new PuttingProcess(directory, 0);
    context.after(() => next.end());
    for (let life = 1; life <= kills; life += 1) {
      const process = next;
      await process.begin();
      await passes(Math.random() * lifeMsMax);
      await process.kill();
      for (const [seed, manifest] of process.acknowledged) acknowledged.set(seed, manifest);
      const leftBytes = bytesOfPacks(directory);

      // The next one loads its modules meanwhile.
      next = new PuttingProcess(directory, life * 1_000_000);
      const kit = await startRealStorage(directory);
      const keptBytes = bytesOfPacks(directory);
      const facts = await check(kit, acknowledged);
      await kit.close();

      takenAwayBytes += Math.max(0, leftBytes - keptBytes);
      assert(keptBytes <= bytesOf(facts), `${keptBytes} bytes of packs for ${JSON.stringify(facts)}`);
    }

    assert(acknowledged.size > kills, "the processes got to store something");
    assert(takenAwayBytes > 0, "some kill hit an upload");
  });
});
