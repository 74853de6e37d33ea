/** Storage on a full disk, on one that fails to sync, and after its catalog was lost. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { UNCUT_PACKS_MAX } from "#actors/storage/packs/pack-pool.ts";
import type { CommittedManifest, StoredObject } from "#actors/storage/protocol.ts";
import { FAILED } from "#runtime/byte-source.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import {
  type KitOptions,
  packBytes,
  put,
  randomBytes,
  type StorageKit,
  sourceOf,
  startStorage,
  within,
} from "#test/actors/storage/storage-kit.ts";

describe("storage: a full disk", () => {
  it("refuses in front of the reserve, reads on, and recovers by itself (STO-7)", async () => {
    const disk = new MemoryDisk({ capacityBytes: 3 * MiB });
    const kit = await startStorage({ disk });
    const bytes = randomBytes(1 * MiB, 1);
    const stored = await put(kit, bytes, { sizeBytes: bytes.length });
    assert(stored.ok);
    await kit.clock.advance(1000);

    const refused = await put(kit, randomBytes(1 * MiB, 2), { sizeBytes: 1 * MiB });

    assert(!refused.ok);
    assert.equal(refused.failure.code, "storage.full");
    assert((await readObject(kit.ref, stored.value.manifest)) instanceof Uint8Array);
    disk.capacityBytes = 16 * MiB;
    await kit.clock.advance(1000);
    assert((await put(kit, randomBytes(1 * MiB, 2), { sizeBytes: 1 * MiB })).ok);
  });

  for (const sizeBytes of [500 * KiB, 6 * MiB]) {
    it(`keeps nothing of ${sizeBytes} bytes when the disk fills up under them (STO-5, STO-7)`, async () => {
      const disk = new MemoryDisk({ capacityBytes: 64 * MiB });
      const kit = await startStorage({ disk });
      assert((await put(kit, randomBytes(2000, 1))).ok);
      const before = await packBytes(disk);
      disk.failNext("write", "ENOSPC");

      const refused = await put(kit, randomBytes(sizeBytes, 2));

      assert(!refused.ok);
      assert.equal(refused.failure.code, "storage.full");
      assert((await packBytes(disk)) - before <= PACK_FRONT_BYTES, "nothing but the header of an empty pack");
      const again = await put(kit, randomBytes(sizeBytes, 2));
      assert(again.ok && !again.value.known);
    });
  }
});

describe("storage: a failed sync", () => {
  for (const sizeBytes of [3000, 2 * MiB]) {
    it(`acknowledges nothing of ${sizeBytes} bytes, sets the pack aside, and goes on in another (STO-8)`, async () => {
      const kit = await startStorage();
      const first = await put(kit, randomBytes(sizeBytes, 1));
      assert(first.ok);
      kit.disk.failNext("sync", "EIO");

      const refused = await put(kit, randomBytes(sizeBytes, 2));

      assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "EIO" } });
      const again = await put(kit, randomBytes(sizeBytes, 2));
      assert(again.ok && !again.value.known);
      kit.disk.crash(seededRandom(1));
      const next = await startStorage({ disk: kit.disk, kv: memoryKvStores() });
      await whole(next);
      for (const [seed, { manifest }] of [first.value, again.value].entries()) {
        const got = await readObject(next.ref, manifest);
        assert(got instanceof Uint8Array && Buffer.compare(got, randomBytes(sizeBytes, seed + 1)) === 0);
      }
    });
  }
});

describe("storage: a disk that fails every sync", () => {
  it("is given no more packs than UNCUT_PACKS_MAX, and is written again when it is well (STO-8)", async () => {
    const kit = await startStorage();
    const first = await put(kit, randomBytes(100, 0));
    assert(first.ok);
    const { open, sync } = kit.disk;
    const broken = { ok: false, failure: { code: "disk.broken", path: "", errno: "EIO" } } as const;
    // But that of a new pack, before anything is in it.
    const fresh = new Set<number>();
    kit.disk.open = async (path, mode) => {
      const opened = await open.call(kit.disk, path, mode);
      if (opened.ok && mode === "create-new") fresh.add(opened.value);
      return opened;
    };
    kit.disk.sync = async (descriptor) => (fresh.delete(descriptor) ? await sync.call(kit.disk, descriptor) : broken);
    for (let seed = 1; seed <= 3 * UNCUT_PACKS_MAX; seed += 1) {
      const refused = await put(kit, randomBytes(100, seed));
      assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "EIO" } });
    }
    const listed = await kit.disk.list("/data/packs");
    assert(listed.ok);
    assert.equal(listed.value.length, UNCUT_PACKS_MAX);

    kit.disk.sync = sync;
    const next = await put(kit, randomBytes(100, 999));
    assert(next.ok);
    for (const { manifest } of [first.value, next.value]) await mustRead(kit.ref, manifest, "what was stored");
    const again = await kit.disk.list("/data/packs");
    assert(again.ok);
    assert.equal(again.value.length, UNCUT_PACKS_MAX);
  });
});

describe("storage: an upload that filled packs and broke off", () => {
  for (const operation of ["open", "truncate"] as const) {
    it(`leaves them alone when one cannot be cut (${operation} fails), and the next start cuts them (STO-5)`, async () => {
      const kit = await startStorage({ config: { packSealBytes: 1 * MiB } });
      const kept = await put(kit, randomBytes(3000, 1));
      assert(kept.ok);
      await kit.clock.advance(2000);
      const before = await packBytes(kit.disk);
      const bytes = randomBytes(6 * MiB, 2);
      const broken = { ok: false, failure: { code: "disk.broken", path: "", errno: "EIO" } } as const;
      const real = kit.disk[operation];
      // From the moment it breaks off, for as long as its packs are given back.
      const source = sourceOf(bytes, 48 * KiB, 5 * MiB);
      const { read } = source;
      source.read = async (into) => {
        const count = await read(into);
        if (count === FAILED) Object.assign(kit.disk, { [operation]: async () => broken });
        return count;
      };

      const refused = await put(kit, bytes, { source });

      Object.assign(kit.disk, { [operation]: real });
      assert(!refused.ok && refused.failure.code === "storage.source-failed");
      assert((await packBytes(kit.disk)) - before > 1 * MiB, "what it wrote is still there");
      const next = await put(kit, randomBytes(4000, 3));
      assert(next.ok);
      kit.actor.kill("test");
      await settle();
      kit.disk.crash(seededRandom(1), { keepUnsynced: true });
      const later = await startStorage({ disk: kit.disk, kv: kit.kv });
      await whole(later);

      assert((await packBytes(kit.disk)) - before < 100 * KiB, "nothing of it is kept");
      for (const { manifest } of [kept.value, next.value]) await mustRead(later.ref, manifest, "what was stored");
    });
  }
});

describe("storage: a lost catalog", () => {
  it("is rebuilt equal from sealed and open packs, with the commits in their order (STO-9)", async () => {
    const kit = await startStorage({ config: { packSealBytes: 1 * MiB } });
    const stored = await fill(kit, 12);
    await settle();
    const before = await everything(kit);
    assert(before.packs > 3, "several packs were sealed");

    const next = await restart(kit, { config: { packSealBytes: 1 * MiB } });

    assert.deepEqual(await everything(next), before);
    for (const { manifest } of stored) assert((await readObject(next.ref, manifest)) instanceof Uint8Array);
    const again = await put(next, objectOf(3));
    assert(again.ok && again.value.known);
    const fresh = await put(next, randomBytes(10, 99));
    assert(fresh.ok);
    assert.equal((await everything(next)).commits.at(-1)?.manifest, fresh.value.manifest);
  });

  it("says rebuilding, not unknown, until it is whole (STO-9)", async () => {
    const kit = await startStorage({ config: { packSealBytes: 1 * MiB } });
    const [first] = await fill(kit, 12);
    assert(first !== undefined);

    const next = await restart(kit, { config: { packSealBytes: 1 * MiB } }, false);
    const facts = await next.ref.call("describe", {}, within);
    const unknown = await next.ref.call("getManifest", { root: first.manifest.replaceAll("0", "1") as never }, within);
    const refused = await put(next, randomBytes(10, 5));

    assert(facts.ok && facts.value.rebuilding !== undefined);
    assert(!unknown.ok && unknown.failure.code === "storage.rebuilding");
    assert(!refused.ok && refused.failure.code === "storage.rebuilding");
    await whole(next);
    assert((await readObject(next.ref, first.manifest)) instanceof Uint8Array);
  });

  it("is rebuilt when its file is damaged, and when it is of other packs", async () => {
    const kit = await startStorage();
    const stored = await fill(kit, 4);
    await kit.clock.advance(2000);
    await settle();
    kit.actor.kill("test");
    await settle();
    // A pack that is shorter than the catalog says: somebody put back an old copy.
    const opened = await kit.disk.open("/data/packs/00000001.pack", "write");
    assert(opened.ok);
    const last = stored.at(-1);
    const size = await kit.disk.sizeBytes(opened.value);
    assert(size.ok && last !== undefined);
    await kit.disk.truncate(opened.value, size.value - 64);
    await kit.disk.close(opened.value);

    await kit.restart();
    await whole(kit);

    const readable = [];
    for (const { manifest } of stored) readable.push((await readObject(kit.ref, manifest)) instanceof Uint8Array);
    assert.deepEqual(readable, [true, true, true, false]);
  });
});

describe("storage: listManifests", () => {
  it("pages through the commits, oldest first, and never past one that is under way", async () => {
    const kit = await startStorage();
    const stored = await fill(kit, 7);

    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await kit.ref.call("listManifests", { after, limit: 3 }, within);
      assert(page.ok && page.value.entries.length <= 3);
      assert.equal(page.value.total, 7);
      seen.push(...page.value.entries.map(({ manifest }) => manifest));
      assert(after === undefined || page.value.next >= after);
      after = page.value.next;
      if (page.value.done) break;
    }

    assert.deepEqual(
      seen,
      stored.map(({ manifest }) => manifest),
    );
  });
});

function objectOf(seed: number): Uint8Array {
  return randomBytes([2000, 300 * KiB, 1200 * KiB][seed % 3] ?? 0, seed);
}

async function fill(kit: StorageKit, count: number): Promise<readonly StoredObject[]> {
  const stored: StoredObject[] = [];
  for (let seed = 0; seed < count; seed += 1) {
    const one = await put(kit, objectOf(seed));
    assert(one.ok);
    stored.push(one.value);
  }
  return stored;
}

/** A new process on the same packs, without the catalog. */
async function restart(kit: StorageKit, options: KitOptions, untilWhole: boolean = true): Promise<StorageKit> {
  kit.actor.kill("test");
  await settle();
  const next = await startStorage({ ...options, disk: kit.disk, kv: memoryKvStores() });
  if (untilWhole) await whole(next);
  return next;
}

async function everything({ ref }: StorageKit): Promise<{
  readonly packs: number;
  readonly facts: unknown;
  readonly commits: readonly CommittedManifest[];
}> {
  const facts = await ref.call("describe", {}, within);
  const commits = await ref.call("listManifests", { after: undefined, limit: 1000 }, within);
  assert(facts.ok && commits.ok);
  const { packCount, freeBytes: _, packBytes: __, scrub: ___, ...counts } = facts.value;
  return { packs: packCount, facts: counts, commits: commits.value.entries };
}

async function whole({ ref }: StorageKit): Promise<void> {
  for (let turn = 0; turn < 10_000; turn += 1) {
    const facts = await ref.call("describe", {}, within);
    if (facts.ok && facts.value.rebuilding === undefined) return;
    await settle();
  }
  assert.fail("a rebuild ends");
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
