/** Reading everything again: what is found, when, and what is remembered of it (STO-30 … STO-33). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address, Digest } from "#actors/domain/address.ts";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import { SCRUB_LOOK_INTERVAL_MS } from "#actors/storage/scrub/scrubber.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { hour, KiB, MiB } from "#runtime/units.ts";
import {
  directory,
  put,
  randomBytes,
  type StorageKit,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB } } as const;

async function scrubFacts({ ref }: StorageKit): Promise<ScrubFacts> {
  const facts = await ref.call("describe", {}, within);
  assert(facts.ok);
  return facts.value.scrub;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function scrubNow(kit: StorageKit): Promise<ScrubFacts> {
  assert((await kit.ref.call("scrubNow", {}, within)).ok);
  for (let turn = 0; turn < 10_000; turn += 1) {
    const facts = await scrubFacts(kit);
    if (!facts.isRunning) return facts;
    await turns(1);
  }
  assert.fail("scrubbing ends");
}

/** Objects that fill some sealed packs, and part of one that is open. */
async function filled(kit: StorageKit) {
  const objects: { bytes: Uint8Array; address: Address | undefined; manifest: Digest }[] = [];
  for (let number = 0; number < 6; number += 1) {
    const bytes = randomBytes(450 * KiB, number);
    const stored = await put(kit, bytes);
    assert(stored.ok);
    objects.push({ bytes, address: stored.value.address, manifest: stored.value.manifest });
  }
  await turns(50);
  return objects;
}

async function packPaths({ disk }: StorageKit): Promise<readonly string[]> {
  const listed = await disk.list(`${directory}/packs`);
  assert(listed.ok);
  return listed.value.map(({ name }) => `${directory}/packs/${name}`).sort();
}

describe("storage: scrubbing", () => {
  it("finds nothing where nothing is wrong, and remembers when over a restart (STO-30)", async () => {
    const kit = await startStorage(sealing);
    await filled(kit);
    assert.equal((await scrubFacts(kit)).oldestVerifiedAtMs, 0);

    const facts = await scrubNow(kit);

    assert.deepEqual(facts.damaged, []);
    assert.equal(facts.dueBytes, 0);
    assert(facts.oldestVerifiedAtMs >= kit.clock.wallMs());
    kit.actor.kill("test");
    await kit.clock.settle();
    const next = await startStorage({ ...sealing, disk: kit.disk, kv: kit.kv });
    assert.equal((await scrubFacts(next)).oldestVerifiedAtMs, facts.oldestVerifiedAtMs);
  });

  for (const part of ["payload", "header", "table"] as const) {
    it(`finds a byte that turned in the ${part} of a record, and says whose it is (STO-31)`, async () => {
      const kit = await startStorage(sealing);
      const [first] = await filled(kit);
      const [pack] = await packPaths(kit);
      assert(first !== undefined && pack !== undefined);
      const at = { header: 60, table: 140, payload: 100_000 }[part];
      kit.disk.flipByte(pack, 8 * KiB + at);

      const facts = await scrubNow(kit);

      const { address, manifest } = first;
      assert.deepEqual(facts.damaged, [{ address, manifest, sizeBytes: 450 * KiB, isRemoved: false }]);
      assert((await put(kit, first.bytes)).ok);
      assert.deepEqual((await scrubNow(kit)).damaged, []);
    });
  }

  it("names what is damaged in the trash, for it can be restored, until it is given up (STO-94)", async () => {
    const kit = await startStorage(sealing);
    const [first] = await filled(kit);
    const [pack] = await packPaths(kit);
    assert(first !== undefined && pack !== undefined);
    const { address, manifest } = first;
    assert((await kit.ref.call("removeObject", { manifest }, within)).ok);
    kit.disk.flipByte(pack, 8 * KiB + 100_000);

    const facts = await scrubNow(kit);

    assert.deepEqual(facts.damaged, [{ address, manifest, sizeBytes: 450 * KiB, isRemoved: true }]);
    assert((await kit.ref.call("collectGarbage", { emptyTrash: true }, within)).ok);
    await turns(200);
    assert.deepEqual((await scrubNow(kit)).damaged, []);
  });

  it("names what refers to records that are nowhere, also where the catalog is lost with them (STO-94)", async () => {
    const kit = await startStorage(sealing);
    await filled(kit);
    const before = await packPaths(kit);
    const stored = await put(kit, randomBytes(3 * MiB, 99));
    assert(stored.ok);
    const inTheMiddle = (await packPaths(kit)).filter((path) => !before.includes(path)).at(-2);
    assert(inTheMiddle !== undefined);
    // What is behind its commit says that this was synced.
    assert((await put(kit, randomBytes(2 * MiB, 100))).ok);
    await kit.actor.stop();
    await kit.disk.remove(inTheMiddle);
    const next = await startStorage({ ...sealing, disk: kit.disk, kv: memoryKvStores({ disk: kit.disk }) });
    await whole(next);

    const facts = await scrubNow(next);

    assert.deepEqual(
      facts.damaged.map(({ manifest }) => manifest),
      [stored.value.manifest],
    );
    assert((await put(next, randomBytes(3 * MiB, 99))).ok);
    assert.deepEqual((await scrubNow(next)).damaged, []);
  });

  it("takes what the disk refuses for damage only where it refuses the place, and tries the rest again (STO-32)", async () => {
    const kit = await startStorage(sealing);
    await filled(kit);
    for (let count = 0; count < 2; count += 1) kit.disk.failNext("read", "ENOMEM");

    const facts = await scrubNow(kit);

    assert.deepEqual(facts.damaged, []);
    const described = await kit.ref.call("describe", {}, within);
    assert(described.ok && described.value.damagedChunkCount === 0);
  });

  it("comes to every pack within the period by itself, the oldest first (STO-33)", async () => {
    const kit = await startStorage({ config: { packSealBytes: 1 * MiB, scrubPeriodMs: 4 * hour } });
    await filled(kit);
    let verified = 0;
    for (let minutes = 0; minutes < 3; minutes += 1) {
      await kit.clock.advance(SCRUB_LOOK_INTERVAL_MS);
      await turns(200);
      verified = (await scrubFacts(kit)).oldestVerifiedAtMs;
    }
    assert(verified > 0, "all of it was read");
    const { totalBytes } = await scrubFacts(kit);
    assert(totalBytes > 2 * MiB);

    await kit.clock.advance(1.9 * hour);
    assert.equal((await scrubFacts(kit)).dueBytes, 0);
    await kit.clock.advance(0.2 * hour);
    await turns(500);
    for (let minutes = 0; minutes < 3; minutes += 1) {
      await kit.clock.advance(SCRUB_LOOK_INTERVAL_MS);
      await turns(200);
    }

    assert((await scrubFacts(kit)).oldestVerifiedAtMs > verified);
  });
});
