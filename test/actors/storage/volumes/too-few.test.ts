/** More volumes gone than there is parity: what is on them is not there, and not damaged. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, MiB } from "#runtime/units.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { refuseReads } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const AWAY = { code: "storage.read-failed", errno: "ENODEV" };
const THREE = ["/v1", "/v3", "/v4"];

async function startSix(): Promise<StorageKit> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  assert((await disk.makeDirectory("/pulled")).ok);
  return await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
}

async function putThree(kit: StorageKit): Promise<readonly Digest[]> {
  const stored: Digest[] = [];
  for (const seed of [1, 2, 3]) {
    const done = await put(kit, randomBytes(5 * MiB, seed));
    assert(done.ok);
    stored.push(done.value.manifest);
  }
  await settled(kit);
  return stored;
}

describe("storage: too few volumes (STO-85)", () => {
  it("refuses what is on those that are away for now, and serves it as soon as they are back", async () => {
    const kit = await startSix();
    const stored = await putThree(kit);
    for (const directory of THREE) await pull(kit, directory);
    await looked(kit);
    for (const manifest of stored) assert.deepEqual(await readObject(kit.ref, manifest), AWAY);
    for (const directory of THREE) await putBack(kit, directory);
    await looked(kit);
    for (const manifest of stored) await mustRead(kit.ref, manifest, "what was away");
  });

  it("does not hold for damaged what a disk refused before it went", async () => {
    const kit = await startSix();
    const stored = await putThree(kit);
    // It dies under the reads, and nobody has missed it yet.
    const mend = refuseReads(kit.disk, (path) => THREE.some((directory) => path.startsWith(`${directory}/packs`)));
    for (const manifest of stored) assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));
    for (const directory of THREE) await pull(kit, directory);
    await looked(kit);
    for (const manifest of stored) assert.deepEqual(await readObject(kit.ref, manifest), AWAY);
    mend();
    for (const directory of THREE) await putBack(kit, directory);
    await looked(kit);
    for (const manifest of stored) await mustRead(kit.ref, manifest, "what was refused");
    const described = await kit.ref.call("describe", {}, within);
    assert(described.ok);
    assert.equal(described.value.damagedChunkCount, 0);
  });
});
