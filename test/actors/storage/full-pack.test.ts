/** The limit of records in one pack, at it and one before it: what bounds the memory of a rebuild. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { PACK_RECORDS_MAX } from "#actors/storage/packs/pack-pool.ts";
import { readFront, readSeal } from "#actors/storage/packs/pack-scan.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { MiB } from "#runtime/units.ts";
import { leaveBehind } from "#test/actors/storage/left-behind.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { put, type StorageKit, startStorage } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const small = (seed: number): Buffer => randomBytes(1000, seed);
const filesOf = (disk: MemoryDisk): PackFiles => new PackFiles(disk, "/data/packs", 4);

/** Storage just after a recovery that found the first pack to hold exactly `recordCount` records. */
async function startWith(recordCount: number): Promise<StorageKit & { readonly stored: readonly StoredObject[] }> {
  const left = await leaveBehind(small(1), small(2));
  const { mark } = await readFront(filesOf(left.disk), 1, mustBeReadable);
  const opened = await left.kv.open("/data/catalog", { mapBytesMax: 1 * MiB });
  assert(mark !== undefined && opened.ok);
  const catalog = new Catalog(opened.value);
  // Each small object is two records: a chunk and a manifest.
  const decided = { recordCount: recordCount - 4, checkpoint: PACK_FRONT_BYTES };
  catalog.setPack({ ...decided, pack: 1, mark, epoch: 0, sealed: false });
  catalog.setComplete();
  await catalog.flush();
  await opened.value.close();
  const kit = await startStorage({ disk: left.disk, kv: left.kv, config: { packSealBytes: 64 * MiB } });
  await turns();
  return Object.assign(kit, { stored: left.stored });
}

async function packCount({ disk }: StorageKit): Promise<number> {
  const listed = await filesOf(disk).list();
  assert(listed.ok);
  return listed.value.length;
}

async function isSealed({ disk }: StorageKit): Promise<boolean> {
  const files = filesOf(disk);
  const [{ mark }, listed] = [await readFront(files, 1, mustBeReadable), await files.list()];
  assert(mark !== undefined && listed.ok);
  return (await readSeal(files, 1, mark, listed.value[0]?.sizeBytes ?? 0, mustBeReadable)) !== undefined;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("storage: a pack that is full of records", () => {
  it("is sealed by recovery at PACK_RECORDS_MAX, and written further one record before it (STO-13)", async () => {
    const [at, before] = [await startWith(PACK_RECORDS_MAX), await startWith(PACK_RECORDS_MAX - 1)];

    assert.deepEqual([await isSealed(at), await isSealed(before)], [true, false]);
    for (const kit of [at, before]) assert((await put(kit, small(3))).ok);
    assert.deepEqual([await packCount(at), await packCount(before)], [2, 1]);
    for (const kit of [at, before]) {
      for (const { manifest } of kit.stored) assert((await readObject(kit.ref, manifest)) instanceof Uint8Array);
    }
  });

  it("takes the batch that reaches the limit, and the next one begins another pack (STO-13)", async () => {
    const kit = await startWith(PACK_RECORDS_MAX - 1);

    assert((await put(kit, small(3))).ok);
    const countAt = await packCount(kit);
    assert((await put(kit, small(4))).ok);
    await turns();

    assert.deepEqual([countAt, await packCount(kit)], [1, 2]);
    assert(await isSealed(kit));
  });

  it("is left by a large upload with the chunk that reaches the limit (STO-13)", async () => {
    const kit = await startWith(PACK_RECORDS_MAX - 1);
    const bytes = randomBytes(5 * MiB, 5);

    const stored = await put(kit, bytes);
    await turns();

    assert(stored.ok && stored.value.chunkCount > 1);
    assert.equal(await packCount(kit), 2);
    assert(await isSealed(kit));
    const got = await readObject(kit.ref, stored.value.manifest);
    assert(got instanceof Uint8Array && Buffer.compare(got, bytes) === 0);
  });
});
