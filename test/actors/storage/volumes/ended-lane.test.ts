/** Volumes that go, and lives that end, in the middle of what writes to them: nothing of it goes on, and nothing is given up. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeManifest } from "#actors/domain/manifest.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import type { LockTable } from "#runtime/simulated/lock.ts";
import { GiB, KiB, MiB, second } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { ReusingDisk } from "#test/actors/storage/reusing-disk.ts";
import { randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

/** Without redundancy: what one of them loses is lost. */
const volumes = { directories: ["/v1", "/v2", "/v3"], erasure: "none" } as const;
const one = { directories: ["/v1"], erasure: "none" } as const;
const config = { writeQuotaBytes: 64 * MiB, trashMs: 0 } as const;
/** A record of 300 KiB is copied in 10 s: two looks. */
const slow = { ...config, packSealBytes: 1 * MiB, collectBytesPerSecondMax: 60 * KiB } as const;

interface Kept {
  readonly stored: StoredObject;
  readonly bytes: Uint8Array;
}

/** A node that compacts slowly. `volume` is where it does, and `late` what was asked by a descriptor that was closed. */
async function compacting() {
  const late: string[] = [];
  let lastRead = "";
  const reusing = new ReusingDisk(new MemoryDisk({ capacityBytes: 4 * GiB }));
  const disk = watchedDisk(reusing.disk, async ({ name, path }, begin) => {
    if (name === "read" && path.endsWith(".pack")) lastRead = path;
    const outcome = await begin();
    if (JSON.stringify(outcome)?.includes("EBADF")) late.push(`${name} ${path}`);
    return outcome;
  });
  await disk.makeDirectory("/pulled");
  const kit = await startStorage({ disk, volumes, config: slow });
  const kept: Kept[] = [];
  for (let seed = 1; seed <= 24; seed += 1) {
    const bytes = randomBytes(300 * KiB, seed);
    const stored = await mustPut(kit, bytes);
    if (seed % 3 === 0) kept.push({ stored, bytes });
    else await remove(kit, stored);
  }
  await settled(kit);
  assert((await kit.ref.call("collectGarbage", { emptyTrash: true }, within)).ok);
  await passed(kit, async () => (await phaseOf(kit)) === "compacting");
  return { kit, kept, late, volume: () => lastRead.split("/packs/")[0] ?? "" };
}

async function passed(kit: StorageKit, isSo: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 5000; turn += 1) {
    if (await isSo()) return;
    await kit.clock.advance(5000);
    for (let more = 0; more < 20; more += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  assert.fail("it comes to that");
}

async function phaseOf(kit: StorageKit): Promise<string> {
  const facts = await kit.ref.call("describe", {}, within);
  assert(facts.ok);
  return facts.value.collection.phase;
}

describe("storage: a volume that goes while a pack of it is compacted (STO-105)", () => {
  for (const isBack of [true, false]) {
    it(`is written by nothing that began before (${isBack ? "back" : "away"} when that goes on)`, async () => {
      const { kit, kept, late, volume } = await compacting();

      for (let seed = 101; seed <= 108 && (await phaseOf(kit)) === "compacting"; seed += 1) {
        await kit.clock.advance(12_000);
        const directory = volume();
        await pull(kit, directory);
        await looked(kit);
        const bytes = randomBytes(300 * KiB, seed);
        kept.push({ stored: await mustPut(kit, bytes), bytes });
        if (!isBack) await kit.clock.advance(20_000);
        await putBack(kit, directory);
        await looked(kit);
        await looked(kit);
      }
      await passed(kit, async () => (await phaseOf(kit)) === "idle");

      assert.deepEqual(late, []);
      for (const { stored, bytes } of kept) {
        assert.equal(Buffer.compare(await mustRead(kit.ref, stored.manifest, "what was put"), bytes), 0);
      }
      assert.equal(kit.exits.length, 0);
    });
  }
});

describe("storage: a volume that goes while a pack of it that was given up is still read (STO-105)", () => {
  it("keeps the pack, which is written again by then", async () => {
    const kit = await startStorage({ volumes: one, config });
    await kit.disk.makeDirectory("/pulled");
    const bytes = randomBytes(300 * KiB, 1);
    const stored = await mustPut(kit, bytes);
    for (let seed = 2; seed <= 6; seed += 1) await remove(kit, await mustPut(kit, randomBytes(300 * KiB, seed)));
    const node = await kit.ref.call("getManifest", { root: stored.manifest }, within);
    const { links } = must(decodeManifest(must(node, "a manifest is read")), "it is one");
    const slices = links.map(({ digest, length }) => ({ chunk: digest, offset: 0, lengthBytes: length }));
    const reading = must(await kit.ref.call("readChunks", { slices }, within), "its chunks can be read");
    assert.equal((await collect(kit, true)).packsCompacted, 1);

    await pull(kit, "/v1");
    await looked(kit);
    await putBack(kit, "/v1");
    await looked(kit);
    await looked(kit);
    const later = randomBytes(300 * KiB, 100);
    const { manifest } = await mustPut(kit, later);
    reading.source.cancel({ code: "test.read-enough" });
    await looked(kit);

    for (const [root, expected] of [[stored.manifest, bytes] as const, [manifest, later] as const]) {
      assert.equal(Buffer.compare(await mustRead(kit.ref, root, "what was put"), expected), 0);
    }
  });
});

describe("storage: the lock of a volume (STO-100)", () => {
  it("is held until what was begun to recover it is over", async () => {
    const locks: LockTable = new Map();
    let cutting: PromiseWithResolvers<void> | undefined;
    const disk = watchedDisk(new MemoryDisk({ capacityBytes: 1 * GiB }), async ({ name }, begin) => {
      if (name === "truncate") await cutting?.promise;
      return await begin();
    });
    await disk.makeDirectory("/pulled");
    const kit = await startStorage({ disk, volumes: one, config, locks });
    await mustPut(kit, randomBytes(1000, 1));
    await pull(kit, "/v1");
    await looked(kit);
    await addTail(disk, "/pulled/v1/packs/00100001.pack");
    cutting = Promise.withResolvers();
    await putBack(kit, "/v1");
    await looked(kit);

    kit.actor.kill("killed by the test");
    await turns();
    const whileCutting = [...locks.keys()];
    cutting.resolve();
    await turns();

    assert.deepEqual([whileCutting, [...locks.keys()]], [["/v1/VOLUME.lock"], []]);
  });
});

/** What a recovery cuts. */
async function addTail(disk: MemoryDisk, path: string): Promise<void> {
  const descriptor = must(await disk.open(path, "write"), "the pack can be opened");
  const sizeBytes = must(await disk.sizeBytes(descriptor), "it has a size");
  must(await disk.write(descriptor, [new Uint8Array(100)], sizeBytes), "it can be written");
  await disk.close(descriptor);
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("storage: a volume that goes and comes while another one is recovered (STO-105)", () => {
  it("is not written before it was recovered itself", async () => {
    const written: string[] = [];
    const [listed, read] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isHeld = false;
    const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ name, path }, begin) => {
      if (isHeld && path.startsWith("/v2/packs")) await (name === "list" ? listed : read).promise;
      if (name === "write" && path.includes("/packs/")) written.push(path.slice(0, 3));
      return await begin();
    });
    await disk.makeDirectory("/pulled");
    const kit = await startStorage({ disk, volumes, config });
    for (let seed = 1; seed <= 12; seed += 1) await mustPut(kit, randomBytes(300 * KiB, seed));
    await settled(kit);

    await pull(kit, "/v2");
    await looked(kit);
    isHeld = true;
    await putBack(kit, "/v2");
    await looked(kit);
    // So that it is being recovered over two looks, and no operation of its disk for too long.
    await kit.clock.advance(4 * second);
    listed.resolve();
    await looked(kit, 0);
    await pull(kit, "/v3");
    await looked(kit, 1 * second);
    await putBack(kit, "/v3");
    await looked(kit);
    const states = (await facts(kit)).volumes.map(({ state }) => state);
    written.length = 0;
    for (let seed = 201; seed <= 212; seed += 1) await mustPut(kit, randomBytes(300 * KiB, seed));
    const meanwhile = new Set(written);
    read.resolve();
    await looked(kit);
    await settled(kit);
    for (let seed = 301; seed <= 312; seed += 1) await mustPut(kit, randomBytes(300 * KiB, seed));

    assert.deepEqual(states, ["present", "present", "present"]);
    assert.deepEqual(meanwhile, new Set(["/v1"]));
    assert.deepEqual(new Set(written), new Set(["/v1", "/v2", "/v3"]));
  });
});
