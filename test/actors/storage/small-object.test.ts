/** `readSmallObject`: all of an object in one answer, from memory where it was read lately (STO-88). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { GRAVE_AGE_MS_MIN } from "#actors/storage/collection/grave-sweep.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { firstPack, firstPayload } from "#test/actors/storage/left-behind.ts";
import { refuseReads } from "#test/actors/storage/refused-reads.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";

const bytes = randomBytes(4 * KiB, 1);
const chunk = digestFromBytes(digestOf(bytes));

async function read({ ref }: StorageKit, { manifest }: StoredObject) {
  return await ref.call("readSmallObject", { chunk, root: manifest }, within);
}

describe("storage: readSmallObject", () => {
  it("answers from the disk, and then from memory", async () => {
    const kit = await startStorage();
    const stored = await mustPut(kit, bytes);
    assert.deepEqual(await read(kit, stored), { ok: true, value: bytes });

    const mend = refuseReads(kit.disk, () => true);
    assert.deepEqual(await read(kit, stored), { ok: true, value: bytes });
    mend();
    assert.equal(kit.metric("storage_bytes_out_total"), 2 * bytes.length);
  });

  it("is refused from the moment the object is removed, though its bytes are in memory", async () => {
    const kit = await startStorage();
    const stored = await mustPut(kit, bytes);
    await read(kit, stored);

    await remove(kit, stored);

    const failure = { code: "storage.removed", root: stored.manifest };
    assert.deepEqual(await read(kit, stored), { ok: false, failure });
  });

  it("is refused also when it is no longer remembered that the object was removed, and another has its bytes", async () => {
    const kit = await startStorage({ config: { packSealBytes: 1 * MiB, collectBytesPerSecondMax: 1024 * 1024 * MiB } });
    const stored = await mustPut(kit, bytes);
    await read(kit, stored);
    await remove(kit, stored);
    await collect(kit, true);
    await kit.clock.advance(GRAVE_AGE_MS_MIN);
    const other = await mustPut(kit, bytes, { enc: { format: "test/1" }, chunker: "fixed/1" });
    // Packs that are full are given up, and with the last that could hold the object goes its grave.
    for (let seed = 2; seed < 6; seed += 1) await mustPut(kit, randomBytes(900 * KiB, seed));
    await collect(kit, false);
    assert.equal(kit.metric("storage_keeps"), 0);
    assert.deepEqual(await read(kit, other), { ok: true, value: bytes });

    const failure = { code: "storage.manifest-not-found", root: stored.manifest };
    assert.deepEqual(await read(kit, stored), { ok: false, failure });
  });

  it("is not there yet, and not said to be removed, while the catalog is rebuilt", async () => {
    const kit = await startStorage({ config: { packSealBytes: 1 * MiB } });
    const stored = await mustPut(kit, bytes);
    await remove(kit, await mustPut(kit, randomBytes(1 * KiB, 2)));
    for (let seed = 3; seed < 12; seed += 1) await mustPut(kit, randomBytes(900 * KiB, seed));
    kit.actor.kill("test");
    await kit.clock.settle();

    const next = await startStorage({ config: { packSealBytes: 1 * MiB }, disk: kit.disk });
    const got = await read(next, stored);

    assert(!got.ok);
    assert.equal(got.failure.code, "storage.rebuilding");
    await whole(next);
    assert.deepEqual(await read(next, stored), { ok: true, value: bytes });
  });

  it("is never answered with other bytes than were stored, and again when they are put again (STO-4)", async () => {
    const kit = await startStorage();
    const stored = await mustPut(kit, bytes);
    kit.disk.flipByte(firstPack, firstPayload(bytes.length) + 100, 1);
    assert.deepEqual(await read(kit, stored), { ok: false, failure: { code: "storage.corrupt", digest: chunk } });

    const again = await mustPut(kit, bytes);
    assert.deepEqual(await read(kit, again), { ok: true, value: bytes });
  });

  it("says that it could not be read now, where the disk refuses", async () => {
    const kit = await startStorage();
    const stored = await mustPut(kit, bytes);
    const mend = refuseReads(kit.disk, () => true, "ENOMEM");
    assert.deepEqual(await read(kit, stored), { ok: false, failure: { code: "storage.read-failed", errno: "ENOMEM" } });
    mend();
    assert.deepEqual(await read(kit, stored), { ok: true, value: bytes });
  });
});
