/**
 * A disk that does not let itself be read while a start or a put looks at the packs, for once or for ever: nothing that
 * was acknowledged is lost, and nothing that another start could read is cut.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES, PACK_HEADER_BYTES } from "#actors/storage/packs/pack-format.ts";
import { RECORD_HEADER_BYTES } from "#actors/storage/packs/record.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { catalogOfNothing, firstPack, leaveBehind } from "#test/actors/storage/left-behind.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  exitOf,
  isFirstHeader,
  life,
  mustHold,
  type Read,
  refuseReads,
  sizes,
  stored,
  touching,
  turns,
} from "#test/actors/storage/refused-reads.ts";
import { startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const objects = [randomBytes(3000, 1), randomBytes(600 * KiB, 2), randomBytes(3 * MiB, 3), randomBytes(70 * KiB, 4)];

describe("storage: recovery when one read fails", () => {
  it("loses nothing, whichever read it is (STO-1)", async () => {
    const left = await leaveBehind(...objects);
    let readCount = 0;
    const undo = refuseReads(left.disk, () => ++readCount < 0);
    await life({ disk: left.disk, kv: memoryKvStores() }, async () => undefined);
    undo();
    assert(readCount > 10);

    for (let failing = 1; failing <= readCount; failing += 1) {
      const world = await leaveBehind(...objects);
      const before = await sizes(world.disk);
      let count = 0;
      const undoOne = refuseReads(world.disk, () => ++count === failing);
      const kit = await startStorage(world);
      await whole(kit);
      undoOne();

      await mustHold(kit, world.stored, objects);
      assert.deepEqual(await sizes(world.disk), before, `read ${failing}`);
      await kit.actor.stop();
    }
  });

  it("fails the start where the process wants for something, cuts nothing, and the next start finds all", async () => {
    const world = await leaveBehind(...objects);
    const before = await sizes(world.disk);
    const undo = refuseReads(world.disk, touching(firstPack, 670 * KiB), "ENOMEM");

    const kit = await startStorage(world);
    const exit = await exitOf(kit);

    assert(exit?.kind === "crashed" && exit.defect instanceof Error);
    assert.match(exit.defect.message, /a pack can be read: .*ENOMEM/s);
    assert.deepEqual(await sizes(world.disk), before);
    undo();
    await kit.restart();
    await whole(kit);
    await mustHold(kit, world.stored, objects);
  });
});

describe("storage: recovery when the disk refuses a place for ever", () => {
  const places: readonly (readonly [name: string, isRefused: (path: string, ...read: Read) => boolean])[] = [
    ["the header of the pack", isFirstHeader],
    ["the front of the pack", touching(firstPack, 0)],
    ["the manifest of the second object", touching(firstPack, 604 * KiB)],
    ["the last record", touching(firstPack, 670 * KiB)],
    ["all of it", (path) => path === firstPack],
  ];
  for (const [name, isRefused] of places) {
    it(`sets a pack aside and goes on, where that is ${name}; all is there when it can be read (STO-1)`, async () => {
      const left = await leaveBehind(...objects);
      const before = await sizes(left.disk);
      const kv = memoryKvStores();
      const undo = refuseReads(left.disk, isRefused);

      const added: StoredObject[] = [];
      for (const seed of [10, 11]) {
        added.push(await life({ disk: left.disk, kv }, (kit) => stored(kit, randomBytes(5000, seed))));
        const now = await sizes(left.disk);
        assert.equal(now.get("00000001.pack"), before.get("00000001.pack"), "it is left as it is");
        assert((now.get("00000002.pack") ?? 0) >= (before.get("00000002.pack") ?? 0), "nothing is cut");
      }
      undo();

      await life({ disk: left.disk, kv }, async (kit) => {
        await mustHold(kit, [...left.stored, ...added], [...objects, randomBytes(5000, 10), randomBytes(5000, 11)]);
        const listed = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
        assert(listed.ok);
        assert.equal(listed.value.entries.length, objects.length + 2, "no two commits share a place in the log");
      });
    });
  }

  it("serves what it can read of a pack that is set aside", async () => {
    const left = await leaveBehind(...objects);
    const undo = refuseReads(left.disk, touching(firstPack, 400 * KiB));

    await life({ disk: left.disk, kv: memoryKvStores() }, async (kit) => {
      const read = [];
      for (const { manifest } of left.stored) read.push((await readObject(kit.ref, manifest)) instanceof Uint8Array);
      assert.deepEqual(read, [true, false, true, true]);
    });
    undo();
  });

  it("goes on without one whose name something else has, and has all of it when that is gone", async () => {
    const left = await leaveBehind(...objects);
    assert((await left.disk.rename(firstPack, "/data/elsewhere")).ok);
    assert((await left.disk.makeDirectory(firstPack)).ok);

    await life(left, async (kit) => {
      assert.equal(kit.metric("storage_packs_set_aside"), 1);
      const facts = await kit.ref.call("describe", {}, within);
      assert(facts.ok && facts.value.setAsidePackCount === 1);
      for (const { manifest } of left.stored) await readObject(kit.ref, manifest);
      await stored(kit, randomBytes(3000, 77));
    });
    assert((await left.disk.removeTree(firstPack)).ok);
    assert((await left.disk.rename("/data/elsewhere", firstPack)).ok);

    await life(left, (kit) => mustHold(kit, left.stored, objects));
  });

  it("hides nothing that lies around the place", async () => {
    const smalls = Array.from({ length: 10 }, (_, seed) => randomBytes(2000, 900 + seed));
    const left = await leaveBehind(...smalls, randomBytes(60 * KiB, 77), ...objects);
    const undo = refuseReads(left.disk, touching(firstPack, 60 * KiB));

    await life({ disk: left.disk, kv: memoryKvStores() }, (kit) =>
      mustHold(
        kit,
        left.stored.filter((_, index) => index !== smalls.length),
        [...smalls, ...objects],
      ),
    );
    undo();
  });

  it("sets nothing else aside for uploads that were cut off", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    await life(world, (kit) => stored(kit, randomBytes(3000, 1)));
    world.kv.remove("/data/catalog");
    const undo = refuseReads(world.disk, touching(firstPack, PACK_FRONT_BYTES + 6));
    const counts: unknown[] = [];
    for (let start = 1; start <= 4; start += 1) {
      await life(world, async (kit) => {
        counts.push(kit.metric("storage_packs_set_aside"));
        void kit.ref.call("putObject", { source: endless(start) }, { timeoutMs: 60_000 });
        await turns();
      });
    }
    undo();
    assert.deepEqual(counts, [1, 1, 1, 1]);
  });

  it("counts only files when it numbers a new pack", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    await world.disk.makeDirectory("/data/packs/ffffffff.pack");
    const done = await life(world, (kit) => stored(kit, randomBytes(3000, 1)));

    await life(world, (kit) => mustHold(kit, [done], [randomBytes(3000, 1)]));
  });

  it("cuts no other pack that holds a part of what may be there", async () => {
    const bytes = randomBytes(10 * MiB, 5);
    const left = await leaveBehind(bytes);
    const packs = await sizes(left.disk);
    assert(packs.size >= 3);
    const lastPack = `/data/packs/${[...packs.keys()].sort().at(-1)}`;
    const undo = refuseReads(left.disk, (path) => path === lastPack);

    await life(left, async () => undefined);
    for (const [name, sizeBytes] of await sizes(left.disk)) assert(sizeBytes >= (packs.get(name) ?? 0), name);
    undo();

    await life(left, (kit) => mustHold(kit, left.stored, [bytes]));
  });

  it("never cuts what the catalog refers to, where the commit is past its checkpoint already (STO-1)", async () => {
    const bytes = randomBytes(10 * MiB, 6);
    const left = await leaveBehind(bytes);
    const undo = refuseReads(left.disk, isFirstHeader);
    await life(left, async (kit) => {
      await mustHold(kit, left.stored, [bytes]);
      await kit.actor.stop();
    });
    undo();

    for (let start = 0; start < 2; start += 1) await life(left, (kit) => mustHold(kit, left.stored, [bytes]));
  });

  it("keeps in quarantine what was found damaged in a pack that was set aside (STO-4)", async () => {
    const left = await leaveBehind(...objects);
    const [small] = left.stored;
    assert(small !== undefined);
    left.disk.flipByte(firstPack, PACK_FRONT_BYTES + RECORD_HEADER_BYTES + 7);
    const undo = refuseReads(left.disk, isFirstHeader);
    await life(left, async (kit) => {
      assert(!((await readObject(kit.ref, small.manifest)) instanceof Uint8Array));
      await kit.actor.stop();
    });
    undo();

    await life(left, async (kit) => {
      const facts = await kit.ref.call("describe", {}, within);
      assert(facts.ok && facts.value.damagedChunkCount === 1);
      assert.equal((await stored(kit, objects[0] ?? new Uint8Array())).known, false);
      await mustHold(kit, left.stored, objects);
    });
  });

  it("does not believe a catalog of other packs, where it cannot compare their marks at once (STO-9)", async () => {
    for (const errno of ["EMFILE", "EIO"]) {
      const left = await leaveBehind(...objects);
      const before = await sizes(left.disk);
      // As if it had been copied here, it says that the first pack ends after one small object.
      const kv = memoryKvStores({ disk: left.disk });
      const other = await startStorage({ kv });
      await stored(other, randomBytes(500, 77));
      await other.actor.stop();
      // Each of the two headers is asked twice.
      let refusals = 0;
      const isHeader = (path: string, _descriptor: number, into: Uint8Array): boolean =>
        path === firstPack && into.length === PACK_HEADER_BYTES;
      const undo = refuseReads(left.disk, (...read) => isHeader(read[0], read[1], read[2]) && ++refusals <= 4, errno);
      const kit = await startStorage({ disk: left.disk, kv }).catch(() => undefined);
      undo();

      if (kit !== undefined) await exitOf(kit);
      await life({ disk: left.disk, kv }, async (next) => {
        await mustHold(next, left.stored, objects);
        assert.deepEqual(await sizes(left.disk), before);
      });
    }
  });

  it("still cuts what was read and is torn, and writes on behind it (STO-3)", async () => {
    const left = await leaveBehind(...objects);
    const size = (await sizes(left.disk)).get("00000001.pack") ?? 0;
    left.disk.flipByte(firstPack, size - 3);

    await life({ ...left, kv: await catalogOfNothing() }, async (kit) => {
      assert(((await sizes(left.disk)).get("00000001.pack") ?? 0) < size);
      await mustHold(kit, left.stored.slice(0, 3), objects);
    });
  });
});

describe("storage: a put while damage is known", () => {
  for (const [errno, damagedCount] of [
    ["EMFILE", 1],
    ["EIO", 2],
  ] as const) {
    it(`takes a record for ${damagedCount === 1 ? "neither good nor damaged" : "damaged"} on ${errno} (STO-4)`, async () => {
      const disk = new MemoryDisk();
      let isArmed = false;
      const refused = touching(firstPack, 50 * KiB);
      const undo = refuseReads(disk, (...read) => isArmed && refused(...read), errno);
      const kit = await startStorage({ disk });
      const [damaged, other] = [randomBytes(3000, 1), randomBytes(70 * KiB, 2)];
      const { manifest } = await stored(kit, damaged);
      await stored(kit, other);
      kit.disk.flipByte(firstPack, PACK_FRONT_BYTES + RECORD_HEADER_BYTES + 7);
      assert(!((await readObject(kit.ref, manifest)) instanceof Uint8Array));
      const known: number[] = [];
      isArmed = true;
      // The catalog is asked while the put waits for its sync: afterwards what was damaged is healed.
      const sync = kit.disk.sync.bind(kit.disk);
      kit.disk.sync = async (descriptor) => {
        const facts = await kit.ref.call("describe", {}, within);
        if (facts.ok) known.push(facts.value.damagedChunkCount);
        return await sync(descriptor);
      };

      await Promise.all([stored(kit, other), stored(kit, randomBytes(10, 3))]);
      undo();

      assert.equal(Math.max(...known), damagedCount);
      await mustHold(kit, [await stored(kit, other)], [other]);
    });
  }
});

/** Goes on for two megabytes, and then neither goes on nor ends. */
function endless(seed: number): ByteSource {
  let at = 0;
  return {
    failure: undefined,
    read: async (into) => {
      if (at >= 2 * MiB) return await new Promise<never>(() => undefined);
      const piece = randomBytes(Math.min(into.length, 48 * KiB), seed * 1000 + at);
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
    cancel: () => undefined,
  };
}
