/** Packs that somebody removes, moves or cuts: what was in them is told of, and nothing else is lost (STO-93, STO-95, STO-120). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import { HEADER_POSITIONS } from "#actors/storage/packs/pack-format.ts";
import { PACKS_LOOK_INTERVAL_MS } from "#actors/storage/packs/pack-watch.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  type KitOptions,
  put,
  randomBytes,
  type StorageKit,
  sourceOf,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB } } as const;
const packs = "/data/packs";
/** Cut at each mebibyte. */
const FIXED = { chunker: "fixed/1" } as const;

/** Small ones, some in pieces, and one that fills several packs. */
const objects = [450, 3, 450, 300, 450, 2500, 450, 5].map((size, seed) => randomBytes(size * KiB, seed));

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function filled(kit: StorageKit): Promise<readonly StoredObject[]> {
  const stored: StoredObject[] = [];
  for (const bytes of objects) {
    const one = await put(kit, bytes);
    assert(one.ok);
    stored.push(one.value);
  }
  await turns(50);
  return stored;
}

async function scrubNow({ ref }: StorageKit): Promise<ScrubFacts> {
  assert((await ref.call("scrubNow", {}, within)).ok);
  for (let turn = 0; turn < 10_000; turn += 1) {
    const facts = await ref.call("describe", {}, within);
    assert(facts.ok);
    if (!facts.value.scrub.isRunning) return facts.value.scrub;
    await turns(1);
  }
  assert.fail("scrubbing ends");
}

async function nextLife(kit: StorageKit, options: KitOptions = sealing): Promise<StorageKit> {
  await kit.actor.stop();
  await turns(10);
  return await startStorage({ ...options, disk: kit.disk, kv: kit.kv });
}

/** The manifests that cannot be read. */
async function unreadable(kit: StorageKit, stored: readonly StoredObject[]): Promise<readonly string[]> {
  const manifests: string[] = [];
  for (const [number, { manifest }] of stored.entries()) {
    const bytes = await readObject(kit.ref, manifest);
    if (!(bytes instanceof Uint8Array)) manifests.push(manifest);
    else assert.deepEqual(Buffer.from(bytes), Buffer.from(objects[number] ?? []));
  }
  return manifests.sort();
}

function named({ damaged }: ScrubFacts): readonly string[] {
  return damaged.map(({ manifest }) => manifest).sort();
}

type Harm = (kit: StorageKit, pack: string) => Promise<unknown>;

const harms: Readonly<Record<string, Harm>> = {
  removed: ({ disk }, pack) => disk.remove(pack),
  moved: ({ disk }, pack) => disk.rename(pack, "/data/elsewhere"),
  "cut in half": (kit, pack) => cut(kit, pack, 600 * KiB),
  "cut within its front": (kit, pack) => cut(kit, pack, 100),
  emptied: (kit, pack) => cut(kit, pack, 0),
};

/** Both headers of the pack rot, or the first front that is read at the start cannot be read. */
const spoilings: Readonly<Record<string, (kit: StorageKit, pack: string) => void>> = {
  rotted: ({ disk }, pack) => HEADER_POSITIONS.forEach((position) => void disk.flipByte(pack, position + 20)),
  "short of memory": ({ disk }) => failReads(disk, "ENOMEM"),
  "refused by the disk": ({ disk }) => failReads(disk, "EIO"),
};

function failReads(disk: MemoryDisk, errno: string): void {
  // Each of the two headers is tried twice.
  for (let read = 0; read < 2 * HEADER_POSITIONS.length; read += 1) disk.failNext("read", errno);
}

async function cut({ disk }: StorageKit, pack: string, sizeBytes: number): Promise<void> {
  const opened = await disk.open(pack, "write");
  assert(opened.ok);
  await disk.truncate(opened.value, sizeBytes);
  await disk.close(opened.value);
}

async function packNames({ disk }: StorageKit): Promise<readonly string[]> {
  const listed = await disk.list(packs);
  assert(listed.ok);
  return listed.value.map(({ name }) => name).sort();
}

describe("storage: a pack that is lost between two lives", () => {
  for (const [what, harm] of Object.entries(harms)) {
    for (const which of ["first", "last"] as const) {
      it(`(${which}, ${what}) leaves the rest readable; what was in it is named until it is put again (STO-93)`, async () => {
        const kit = await startStorage(sealing);
        const stored = await filled(kit);
        await turns(50);
        const names = await packNames(kit);
        assert(names.length > 1);
        await kit.actor.stop();
        await harm(kit, `${packs}/${which === "first" ? names[0] : names.at(-1)}`);

        let next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
        const told = await scrubNow(next);
        const lost = await unreadable(next, stored);

        assert(lost.length > 0 && lost.length < objects.length);
        assert.deepEqual(named(told), lost);
        assert(told.oldestVerifiedAtMs > 0, "what has nothing in it does not count as never verified");
        next = await nextLife(next);
        assert.deepEqual(named(await scrubNow(next)), lost);
        for (const bytes of objects) assert((await put(next, bytes)).ok);
        assert.deepEqual(named(await scrubNow(next)), []);
        assert.deepEqual(await unreadable(next, stored), []);
        next = await nextLife({ ...next, kv: memoryKvStores({ disk: next.disk }) });
        await whole(next);
        assert.deepEqual(await unreadable(next, stored), []);
      });
    }
  }

  it("is served again when it is put back (STO-93)", async () => {
    const kit = await startStorage(sealing);
    const stored = await filled(kit);
    const [first] = await packNames(kit);
    await kit.actor.stop();
    await kit.disk.rename(`${packs}/${first}`, "/data/elsewhere");
    const without = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
    assert((await unreadable(without, stored)).length > 0);
    await without.actor.stop();
    await kit.disk.rename("/data/elsewhere", `${packs}/${first}`);

    const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });

    assert.deepEqual(await unreadable(next, stored), []);
    assert.deepEqual(named(await scrubNow(next)), []);
  });

  it("stays known through collections until nothing needs it any more, and is forgotten then (STO-93)", async () => {
    const kit = await startStorage(sealing);
    // Its manifest is in another pack than its first chunk: the collection is not blocked.
    const stored = must(await put(kit, randomBytes(3500 * KiB, 70)), "put");
    await turns(50);
    const [first] = await packNames(kit);
    await kit.actor.stop();
    await kit.disk.remove(`${packs}/${first}`);
    const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
    const known = async () => {
      const { damagedChunkCount, packCount } = must(await next.ref.call("describe", {}, within), "described");
      return { damagedChunkCount, packCount };
    };
    const before = await known();
    assert.equal(before.damagedChunkCount, 1);

    assert.equal((await collect(next, true)).blocked, undefined);
    assert.deepEqual(await known(), before);
    assert.deepEqual(named(await scrubNow(next)), [stored.manifest]);

    await remove(next, stored);
    assert.equal((await collect(next, true)).blocked, undefined);
    assert.deepEqual(await known(), { damagedChunkCount: 0, packCount: 0 });
  });

  it("is served again when it is put back after a collection (STO-93)", async () => {
    const kit = await startStorage({ config: { packSealBytes: 3 * MiB } });
    const shared = randomBytes(1 * MiB, 71);
    const first = must(await put(kit, Buffer.concat([shared, randomBytes(2 * MiB, 72)]), FIXED), "put");
    await turns(50);
    const kept = must(await put(kit, Buffer.concat([shared, randomBytes(1 * MiB, 73)]), FIXED), "put");
    for (const seed of [74, 75, 76]) must(await put(kit, randomBytes(900 * KiB, seed)), "put");
    await turns(50);
    // What both need is copied to a pack that is written on, and has no commit.
    await remove(kit, first);
    await collect(kit, true);
    await turns(50);
    const last = (await packNames(kit)).at(-1);
    await kit.actor.stop();
    await kit.disk.rename(`${packs}/${last}`, "/data/elsewhere");
    const without = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
    assert(!(await isRead(without, kept.manifest)));
    assert.equal((await collect(without, false)).blocked, undefined);
    await without.actor.stop();
    await kit.disk.rename("/data/elsewhere", `${packs}/${last}`);

    const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });

    assert(await isRead(next, kept.manifest));
  });

  for (const [what, spoil] of Object.entries(spoilings)) {
    it(`is told of where the front of another one (${what}) says nothing: the catalog stays (STO-120)`, async () => {
      const disk = new MemoryDisk();
      const kit = await startStorage({ ...sealing, disk, kv: memoryKvStores({ disk }) });
      const stored = await filled(kit);
      const [first, second] = await packNames(kit);
      await kit.actor.stop();
      await kit.disk.remove(`${packs}/${first}`);
      spoil(kit, `${packs}/${second}`);

      const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });

      const told = await scrubNow(next);
      const lost = await unreadable(next, stored);
      assert(lost.length > 0 && lost.length < objects.length);
      assert.deepEqual(named(told), lost);
      const facts = await next.ref.call("describe", {}, within);
      assert(facts.ok && facts.value.setAsidePackCount === 0);
    });
  }

  it("is not asked of a catalog of other packs, which is thrown away: what is left is found (STO-120)", async () => {
    const disk = new MemoryDisk();
    const other = await startStorage({ ...sealing, disk, kv: memoryKvStores({ disk }) });
    await filled(other);
    await other.actor.stop();
    await disk.removeTree(packs);
    const kit = await startStorage({ ...sealing, disk, kv: memoryKvStores({ disk }) });
    const stored = await filled(kit);
    await kit.actor.stop();
    await disk.remove(`${packs}/${(await packNames(kit)).at(-1)}`);

    const next = await startStorage({ ...sealing, disk, kv: other.kv });

    await whole(next);
    assert((await unreadable(next, stored)).length < objects.length);
  });

  it("is told of where all of them are gone (STO-93)", async () => {
    const kit = await startStorage(sealing);
    const stored = await filled(kit);
    await kit.actor.stop();
    for (const name of await packNames(kit)) await kit.disk.remove(`${packs}/${name}`);

    const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });

    assert.deepEqual(named(await scrubNow(next)), stored.map(({ manifest }) => manifest).sort());
  });
});

describe("storage: a pack that is lost while the node runs", () => {
  for (const [what, harm] of Object.entries(harms)) {
    it(`(${what}) is not written any more within seconds, and health says so (STO-95)`, async () => {
      const kit = await startStorage(sealing);
      const stored = await filled(kit);
      for (const name of await packNames(kit)) await harm(kit, `${packs}/${name}`);
      const blind = await put(kit, randomBytes(2000, 50));
      assert(blind.ok);

      await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
      await turns(100);

      assert.equal(kit.actor.health.state, "degraded");
      const seen = await put(kit, randomBytes(2000, 51));
      assert(seen.ok);
      const told = named(await scrubNow(kit));
      for (const { manifest } of stored) assert(told.includes(manifest) || (await isRead(kit, manifest)));
      const next = await nextLife(kit);
      await next.clock.advance(PACKS_LOOK_INTERVAL_MS);
      const toldAgain = named(await scrubNow(next));
      assert(await isRead(next, seen.value.manifest));
      for (const { manifest } of [...stored, blind.value]) {
        assert.equal(toldAgain.includes(manifest), !(await isRead(next, manifest)));
      }
    });
  }

  it("is found by a scrub that is asked for at once (STO-95)", async () => {
    const kit = await startStorage(sealing);
    const stored = await filled(kit);
    for (const name of await packNames(kit)) await kit.disk.remove(`${packs}/${name}`);

    assert.deepEqual(named(await scrubNow(kit)), stored.map(({ manifest }) => manifest).sort());
  });

  for (const which of ["all of its packs", "the first of its packs, filled long ago"] as const) {
    it(`fails the upload that has it (${which}) (STO-95)`, async () => {
      const kit = await startStorage(sealing);
      const bytes = randomBytes(6000 * KiB, 60);
      const source = sourceOf(bytes);
      const { read } = source;
      let readBytes = 0;
      source.read = async (into) => {
        const count = await read(into);
        readBytes += count;
        if (readBytes < bytes.length || count <= 0) return count;
        await turns(50);
        const names = await packNames(kit);
        assert(names.length > 1);
        for (const name of which.startsWith("all") ? names : names.slice(0, 1))
          await kit.disk.remove(`${packs}/${name}`);
        await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
        await turns(100);
        return count;
      };

      const refused = await put(kit, bytes, { source });

      assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "ENOENT" } });
      const again = await put(kit, bytes);
      assert(again.ok && (await isRead(kit, again.value.manifest)));
    });
  }

  it("leaves nothing to write to where the directory itself is gone: puts are refused (STO-95)", async () => {
    const kit = await startStorage(sealing);
    await filled(kit);
    await kit.disk.removeTree(packs);
    await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
    await turns(100);

    const refused = await put(kit, randomBytes(2000, 50));

    assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "ENOENT" } });
    assert.equal(kit.actor.health.state, "degraded");
  });
});

describe("storage: the whole data directory is away (STO-104)", () => {
  it("fails reads with read-failed, marks nothing, and serves everything when it is back", async () => {
    const kit = await startStorage(sealing);
    const stored = await filled(kit);
    assert((await kit.disk.rename("/data", "/moved")).ok);
    // As a mount point shows itself.
    assert((await kit.disk.makeDirectory("/data")).ok);

    await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
    await turns(100);
    const read = await Promise.all(stored.map(({ manifest }) => readObject(kit.ref, manifest)));

    const refused = read.filter((outcome) => !(outcome instanceof Uint8Array));
    assert(refused.length > 0, "what no descriptor is open for cannot be read");
    for (const failure of refused) assert.deepEqual(failure, { code: "storage.read-failed", errno: "ENOENT" });
    const reason = "is the data directory there? its packs cannot be listed (ENOENT: /data/packs)";
    assert.deepEqual(kit.actor.health, { state: "degraded", reason });
    await kit.disk.removeTree("/data");
    assert((await kit.disk.rename("/moved", "/data")).ok);
    await kit.clock.advance(PACKS_LOOK_INTERVAL_MS);
    await turns(100);
    assert.equal(kit.actor.health.state, "ready");
    for (const { manifest } of stored) assert(await isRead(kit, manifest));
    assert.deepEqual(named(await scrubNow(kit)), []);
  });
});

async function isRead({ ref }: StorageKit, manifest: StoredObject["manifest"]): Promise<boolean> {
  return (await readObject(ref, manifest)) instanceof Uint8Array;
}
