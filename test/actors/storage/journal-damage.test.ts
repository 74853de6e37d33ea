/** Journals of storage of which a byte has turned while the node was down: what goes on, and what is refused and how. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "#actors/domain/address.ts";
import { decodeManifest } from "#actors/domain/manifest.ts";
import { KEEP_RECORD_BYTES } from "#actors/storage/keeps/keep-codec.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must, type Result } from "#runtime/errors.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { append, begin, cancel, mustBegin, stagingDirectory, stat } from "#test/actors/storage/staging-kit.ts";
import {
  directory,
  put,
  randomBytes,
  readAll,
  type StorageKit,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

const KEEPS = `${directory}/keeps/000000000001.log`;
/** Of the second removal: behind the header of the file, and a batch of one record. */
const SECOND_BATCH = 32 + 32 + 4 + KEEP_RECORD_BYTES;
const UPLOADS = `${stagingDirectory}/journal/000000000001.log`;

const keepsDamage = {
  code: "storage.journal-damaged",
  journal: "keeps",
  fileName: "000000000001.log",
  position: SECOND_BATCH,
} as const;
const keepsWords =
  `keeps/000000000001.log is damaged at byte ${SECOND_BATCH}: what was removed or pinned is not known. ` +
  "Stop the node and put keeps/ back from a backup, or move it away, and what was removed is there again";

interface World {
  readonly disk: MemoryDisk;
  readonly kv: StorageKit["kv"];
  readonly kept: StoredObject;
  /** Removed one after another; what says so of the second is damaged. */
  readonly removed: readonly [StoredObject, StoredObject, StoredObject];
}

async function withDamagedKeeps(): Promise<World> {
  const kit = await startStorage();
  const kept = await mustPut(kit, randomBytes(300 * KiB, 1));
  const removed = [
    await mustPut(kit, randomBytes(1000, 2)),
    await mustPut(kit, randomBytes(1000, 3)),
    await mustPut(kit, randomBytes(1000, 4)),
  ] as const;
  for (const one of removed) await remove(kit, one);
  await kit.actor.stop();
  kit.disk.flipByte(KEEPS, SECOND_BATCH + 100);
  return { disk: kit.disk, kv: kit.kv, kept, removed };
}

function manifestOf(
  { ref }: StorageKit,
  { manifest: root, address }: StoredObject,
  by: "address" | "root",
): Promise<Result<Uint8Array>> {
  return ref.call("getManifest", by === "address" ? { root, address } : { root }, within);
}

async function readNamed(kit: StorageKit, stored: StoredObject): Promise<Uint8Array | undefined> {
  const manifest = decodeManifest(must(await manifestOf(kit, stored, "address"), "it can be read"));
  assert(manifest.ok);
  const slices = manifest.value.links.map(({ digest, length }) => ({ chunk: digest, offset: 0, lengthBytes: length }));
  const { source } = must(await kit.ref.call("readChunks", { slices }, within), "its chunks are there");
  return await readAll(source);
}

const refused = { ok: false, failure: keepsDamage };

describe("storage: a damaged journal of what is kept (STO-96)", () => {
  it("is told of by health, and stays as it is", async () => {
    const { disk, kv } = await withDamagedKeeps();
    const damaged = await disk.readFile(KEEPS);

    const kit = await startStorage({ disk, kv });

    assert.deepEqual(kit.actor.health, { state: "degraded", reason: keepsWords });
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok && facts.value.rebuilding === undefined);
    await kit.actor.stop();
    assert.deepEqual(await disk.readFile(KEEPS), damaged);
  });

  it("leaves objects readable for who names them, unless it says before the damage that they were removed", async () => {
    const { disk, kv, kept, removed } = await withDamagedKeeps();

    const kit = await startStorage({ disk, kv });

    assert.deepEqual(await readNamed(kit, kept), Buffer.from(randomBytes(300 * KiB, 1)));
    assert.deepEqual(await manifestOf(kit, removed[0], "address"), refused);
    const small = { chunk: digestOf(removed[0].address ?? assert.fail("it has one")), root: removed[0].manifest };
    assert.deepEqual(await kit.ref.call("readSmallObject", small, within), refused);
  });

  it("leaves nothing readable by a root, and holds nothing: only who names an object has heard of its removal", async () => {
    const { disk, kv, kept, removed } = await withDamagedKeeps();

    const kit = await startStorage({ disk, kv });

    for (const one of [kept, ...removed]) {
      assert.deepEqual(await manifestOf(kit, one, "root"), refused);
      assert.deepEqual(await kit.ref.call("isHeld", { root: one.manifest }, within), { ok: true, value: false });
    }
    const nowhere = await kit.ref.call("getManifest", { root: "0".repeat(64) as never }, within);
    assert.equal(nowhere.ok ? "" : nowhere.failure.code, "storage.manifest-not-found");
  });

  it("refuses whatever writes, removes, pins, lists or collects, also with a catalog that is rebuilt", async () => {
    for (const isLost of [false, true]) {
      const { disk, kv, kept } = await withDamagedKeeps();
      const kit = await startStorage(isLost ? { disk } : { disk, kv });
      await whole(kit);

      const { ref } = kit;
      const answers = [
        await put(kit, randomBytes(10, 9)),
        await ref.call("removeObject", kept, within),
        await ref.call("restoreObject", { root: kept.manifest }, within),
        await ref.call("pinObject", kept, within),
        await ref.call("unpinObject", kept, within),
        await ref.call("listTrash", { limit: 10 }, within),
        await ref.call("listManifests", { after: undefined, limit: 10 }, within),
        await ref.call("collectGarbage", { emptyTrash: true }, within),
        await ref.call("scrubNow", {}, within),
        await begin(kit),
      ];

      for (const answer of answers) assert.deepEqual(answer, refused);
    }
  });

  it("is read again when it was put back: what was removed is, and what was kept is there", async () => {
    const { disk, kv, kept, removed } = await withDamagedKeeps();
    const kit = await startStorage({ disk, kv });
    await kit.actor.stop();
    disk.flipByte(KEEPS, SECOND_BATCH + 100);

    const mended = await startStorage({ disk, kv });

    assert.deepEqual(mended.actor.health, { state: "ready", reason: undefined });
    assert.deepEqual(await readNamed(mended, kept), Buffer.from(randomBytes(300 * KiB, 1)));
    for (const one of removed) {
      const got = await manifestOf(mended, one, "address");
      assert.equal(got.ok ? "" : got.failure.code, "storage.removed");
    }
    assert.equal((await collect(mended, true)).buriedCount, 3);
  });

  it("that is found by a life that has read it before ends changes only: what is known is true", async () => {
    const kit = await startStorage();
    const kept = await mustPut(kit, randomBytes(1000, 1));
    const gone = await mustPut(kit, randomBytes(1000, 2));
    const other = await mustPut(kit, randomBytes(1000, 3));
    for (const one of [gone, other]) await remove(kit, one);
    kit.disk.flipByte(KEEPS, 32 + 100);
    kit.disk.failNext("sync", "EIO");
    assert(!(await kit.ref.call("removeObject", kept, within)).ok);

    const late = await kit.ref.call("removeObject", kept, within);

    assert.deepEqual(late, { ok: false, failure: { ...keepsDamage, position: 32 } });
    assert.equal(kit.actor.health.state, "degraded");
    assert((await manifestOf(kit, kept, "root")).ok);
    const got = await manifestOf(kit, gone, "root");
    assert.equal(got.ok ? "" : got.failure.code, "storage.removed");
  });
});

describe("storage: a damaged journal of the uploads in pieces (STO-97)", () => {
  it("is told of by health and by every answer, is not read again, and everything else goes on", async () => {
    const before = await startStorage();
    const upload = await mustBegin(before);
    await mustBegin(before);
    await before.actor.stop();
    const { disk, kv } = before;
    disk.flipByte(UPLOADS, 32 + 40);

    const kit = await startStorage({ disk, kv });
    const answers = [
      await begin(kit),
      await append(kit, upload, 0, randomBytes(10, 1)),
      await stat(kit, upload),
      await cancel(kit, upload),
    ];
    disk.failNext("open", "EIO");
    answers.push(await stat(kit, upload));

    const failure = {
      code: "storage.journal-damaged",
      journal: "staging/journal",
      fileName: "000000000001.log",
      position: 32,
    };
    for (const answer of answers) assert.deepEqual(answer, { ok: false, failure });
    assert.deepEqual(kit.actor.health, {
      state: "degraded",
      reason:
        "staging/journal/000000000001.log is damaged at byte 32: uploads in pieces cannot be gone on with. " +
        "Stop the node and put staging/ back from a backup, or move it away and begin them anew",
    });
    assert.equal(disk.faultCount, 1);
    assert(await put(kit, randomBytes(10, 1)).then(({ ok }) => !ok), "the fault was still to come");
    assert((await put(kit, randomBytes(10, 1))).ok);
  });
});
