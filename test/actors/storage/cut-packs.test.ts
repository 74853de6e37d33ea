/** Packs that somebody cuts, once or again: what they lack is known from then on, and counts again when it is there (STO-126, STO-127). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "#actors/domain/address.ts";
import { PACKS_LOOK_INTERVAL_MS } from "#actors/storage/packs/pack-watch.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { isScanOf, refuseReads, turns } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, type StorageKit, sourceOf, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { scrubbed } from "#test/actors/storage/volumes/spread-kit.ts";

const objects = [100, 600, 600].map((size, seed) => randomBytes(size * KiB, seed));

interface Filled {
  readonly kit: StorageKit;
  readonly config: { readonly packSealBytes: number };
  /** All of the first pack. */
  readonly file: Uint8Array;
  /** What lies behind the first object, in the same pack. */
  readonly behind: readonly StoredObject[];
  /** In the middle of a record of those. */
  readonly cutBytes: number;
}

async function filled(packSealBytes: number): Promise<Filled> {
  const config = { packSealBytes };
  const kit = await startStorage({ config });
  const stored: StoredObject[] = [];
  const ends: number[] = [];
  for (const bytes of objects) {
    stored.push(await mustPut(kit, bytes, { chunker: "fixed/1" }));
    ends.push(must(await kit.disk.readFile(firstPack), "read").length);
  }
  // The pack that is full is given back with the next one that is small.
  await mustPut(kit, randomBytes(3 * KiB, 9));
  await turns();
  const file = must(await kit.disk.readFile(firstPack), "read");
  return { kit, config, file, behind: stored.slice(1), cutBytes: (ends[0] ?? 0) + 100 };
}

async function resize({ disk }: StorageKit, sizeBytes: number): Promise<void> {
  const opened = must(await disk.open(firstPack, "write"), "opened");
  must(await disk.truncate(opened, sizeBytes), "resized");
  await disk.close(opened);
}

async function looked({ clock }: StorageKit): Promise<void> {
  await clock.advance(PACKS_LOOK_INTERVAL_MS);
  await turns();
}

async function damagedCount({ ref }: StorageKit): Promise<number> {
  return must(await ref.call("describe", {}, within), "described").damagedChunkCount;
}

async function nextLife({ kit, config }: Filled): Promise<StorageKit> {
  return await startStorage({ disk: kit.disk, kv: kit.kv, config });
}

/** Cuts the first pack; answers with the life that knows of it. */
const cuts: Readonly<Record<string, (filled: Filled) => Promise<StorageKit>>> = {
  "between two lives": async (before) => {
    await before.kit.actor.stop();
    await resize(before.kit, before.cutBytes);
    return await nextLife(before);
  },
  "while the node runs": async ({ kit, cutBytes }) => {
    await resize(kit, cutBytes);
    await looked(kit);
    return kit;
  },
};

const reads: Readonly<Record<string, (kit: StorageKit, behind: readonly StoredObject[]) => Promise<void>>> = {
  objects: async ({ ref }, behind) => {
    for (const { manifest } of behind) assert(!((await readObject(ref, manifest)) instanceof Uint8Array));
  },
  chunks: async ({ ref }, behind) => {
    for (const { address } of behind) {
      assert(address !== undefined);
      await ref.call("readChunks", { slices: [{ chunk: digestOf(address), offset: 0, lengthBytes: 10 }] }, within);
    }
    await turns();
  },
  everything: (kit) => scrubbed(kit),
};

describe("storage: what a pack that was cut has lost", () => {
  for (const [when, cut] of Object.entries(cuts)) {
    for (const [pack, packSealBytes] of [
      ["open", 4 * MiB],
      ["sealed", 1 * MiB],
    ] as const) {
      for (const [what, read] of Object.entries(reads)) {
        it(`(${pack}, ${when}, ${what} read meanwhile) is served when it is put back (STO-126)`, async () => {
          const before = await filled(packSealBytes);
          const without = await cut(before);
          assert((await damagedCount(without)) > 0);
          assert.equal(without.actor.health.state, "degraded");
          await read(without, before.behind);
          await without.actor.stop();
          must(await before.kit.disk.replaceFile(firstPack, before.file), "put back");

          const next = await nextLife(before);

          assert.deepEqual([await damagedCount(next), next.actor.health.state], [0, "ready"]);
          for (const { manifest } of before.behind) await mustRead(next.ref, manifest, "what lay behind the end");
        });
      }
    }
  }

  it("is served when it is put back, though it was read before anybody had noticed (STO-126)", async () => {
    const before = await filled(4 * MiB);
    const { behind, cutBytes, file, kit } = before;
    await resize(kit, cutBytes);
    await reads["objects"]?.(kit, behind);
    await looked(kit);
    await kit.actor.stop();
    must(await kit.disk.replaceFile(firstPack, file), "put back");

    const next = await nextLife(before);

    assert.equal(await damagedCount(next), 0);
    for (const { manifest } of behind) await mustRead(next.ref, manifest, "what lay behind the end");
  });

  it("is served when it is put back before anybody has noticed, though it was read (STO-126)", async () => {
    const { behind, cutBytes, file, kit } = await filled(4 * MiB);
    await resize(kit, cutBytes);
    await reads["objects"]?.(kit, behind);
    must(await kit.disk.replaceFile(firstPack, file), "put back");

    // Whoever asks first for a chunk is refused at once, and has it looked at anew.
    for (const { manifest } of behind) await readObject(kit.ref, manifest);
    await turns();

    for (const { manifest } of behind) await mustRead(kit.ref, manifest, "what lay behind the end");
    assert.equal(await damagedCount(kit), 0);
  });

  it("is not taken for back in a file that is as long as it was, and empty there (STO-126)", async () => {
    const before = await filled(4 * MiB);
    const without = await cuts["between two lives"]?.(before);
    assert(without !== undefined);
    const lost = await damagedCount(without);
    await without.actor.stop();
    await resize(before.kit, before.file.length);

    const next = await nextLife(before);

    assert.equal(await damagedCount(next), lost);
    for (const bytes of objects) await mustRead(next.ref, (await mustPut(next, bytes)).manifest, "what is put again");
  });
});

describe("storage: a pack that is cut while the node runs (STO-127)", () => {
  it("is found again when it is cut again: no put relies on what it has lost since (STO-95)", async () => {
    const { cutBytes, file, kit } = await filled(1 * MiB);
    // In its seal: no record is lost.
    await resize(kit, file.length - 10);
    await looked(kit);
    assert.deepEqual([await damagedCount(kit), kit.actor.health.state], [0, "degraded"]);

    await resize(kit, cutBytes);
    await looked(kit);

    assert((await damagedCount(kit)) > 0);
    for (const bytes of objects) await mustRead(kit.ref, (await mustPut(kit, bytes)).manifest, "what is put again");
  });

  it("is found also where a put comes before the next look, and is written no more (STO-132)", async () => {
    const before = await filled(4 * MiB);
    const { cutBytes, kit } = before;
    await resize(kit, cutBytes);
    const between = await mustPut(kit, randomBytes(3 * KiB, 77));

    await looked(kit);

    assert((await damagedCount(kit)) > 0);
    assert.equal(kit.actor.health.state, "degraded");
    assert.equal(must(await kit.disk.readFile(firstPack), "read").length, cutBytes);
    await kit.actor.stop();
    const next = await nextLife(before);
    for (const bytes of objects) await mustRead(next.ref, (await mustPut(next, bytes)).manifest, "what is put again");
    await mustRead(next.ref, between.manifest, "what was put in between");
  });

  for (const [what, leftBytes] of [
    ["what it held before", 500 * KiB],
    ["what the upload has written", 3000 * KiB],
  ] as const) {
    it(`fails the upload that has it, at once, where it lacks ${what} (STO-132)`, async () => {
      const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
      await mustPut(kit, randomBytes(2000 * KiB, 59));
      const before = must(await kit.disk.readFile(firstPack), "read").length;
      const bytes = randomBytes(6000 * KiB, 60);
      const source = sourceOf(bytes);
      const { read } = source;
      let readBytes = 0;
      source.read = async (into) => {
        const isCut = readBytes > bytes.length / 2;
        const count = await read(into);
        readBytes += count;
        if (isCut || readBytes <= bytes.length / 2) return count;
        await turns();
        assert(must(await kit.disk.readFile(firstPack), "read").length > leftBytes);
        await resize(kit, leftBytes);
        return count;
      };

      const refused = await put(kit, bytes, { source });

      assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "ENOENT" } });
      // What it held before is neither lengthened nor cut.
      assert.equal(must(await kit.disk.readFile(firstPack), "read").length, Math.min(leftBytes, before));
      await mustRead(kit.ref, (await mustPut(kit, bytes)).manifest, "what is put again");
    });
  }

  for (const isNoticed of [true, false]) {
    it(`is not sealed where it is full (${isNoticed ? "noticed" : "before anybody has noticed"})`, async () => {
      const config = { packSealBytes: 1 * MiB };
      const disk = new MemoryDisk();
      const kit = await startStorage({ config, disk });
      const fill = async (from: number): Promise<void> => {
        for (let seed = from; seed < from + 8; seed += 1) await mustPut(kit, randomBytes(450 * KiB, seed));
        await turns();
      };
      let failedCount = 0;
      const isSeal = isScanOf(firstPack);
      const mend = refuseReads(disk, (path, ...read) => isSeal(path, ...read) && ++failedCount > 0, "ENOMEM");
      await fill(1);
      mend();
      assert(failedCount > 0, "its seal has failed once");
      await resize(kit, 600 * KiB);
      if (isNoticed) await looked(kit);

      // Others are full, and it is in line with them.
      await fill(20);

      assert.equal(must(await disk.readFile(firstPack), "read").length, 600 * KiB);
    });
  }
});
