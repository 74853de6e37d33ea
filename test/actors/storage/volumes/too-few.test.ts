/** More volumes gone than there is parity: what is on them is not there, and not damaged. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { REPAIR_RETRY_MS } from "#actors/storage/repair/repairer.ts";
import { SPACE_AGE_MS_MAX } from "#actors/storage/space.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, must, ok } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { refuseReads } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const NO_ROOM = { freeBytes: 0, totalBytes: 4 * GiB };
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

  it("does not take it for damaged, also before anybody has seen that the last of them went", async () => {
    const kit = await startSix();
    const stored = await putThree(kit);
    const [last, ...first] = THREE;
    assert(last !== undefined);
    for (const directory of first) await pull(kit, directory);
    await looked(kit);
    await pull(kit, last);

    const refused = await Promise.all(stored.map((manifest) => readObject(kit.ref, manifest)));

    const codes = new Set(refused.map((got) => (got instanceof Uint8Array ? "read" : got.code)));
    assert.deepEqual([...codes], ["storage.read-failed"]);
  });

  it("refuses it as away also where the catalog is lost too, and nobody knows what is on them", async () => {
    const kit = await startSix();
    const stored = await putThree(kit);
    for (const directory of THREE) await pull(kit, directory);
    await kit.actor.stop();
    const next = await startStorage({ disk: kit.disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
    await whole(next);
    const refused: unknown[] = [];
    for (const manifest of stored) {
      const isKnown = (await next.ref.call("getManifest", { root: manifest }, within)).ok;
      if (isKnown) refused.push(await readObject(next.ref, manifest));
    }
    for (const directory of THREE) await putBack(next, directory);
    await looked(next);

    assert(refused.length > 0, "copies of some manifests are on the others");
    assert.deepEqual(
      refused,
      refused.map(() => AWAY),
    );
    for (const manifest of stored) await mustRead(next.ref, manifest, "what was away");
  });

  it("does not name what is on them, nor where the catalog is lost too (STO-94)", async () => {
    const kit = await startSix();
    await putThree(kit);
    for (const directory of THREE) await pull(kit, directory);
    await looked(kit);
    await scrubbed(kit);
    const away = await kit.ref.call("describe", {}, within);
    await kit.actor.stop();
    const next = await startStorage({ disk: kit.disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
    await whole(next);
    await scrubbed(next);
    const nowhere = await next.ref.call("describe", {}, within);

    assert(away.ok && nowhere.ok && nowhere.value.manifestCount > 0);
    assert.deepEqual([...away.value.scrub.damaged, ...nowhere.value.scrub.damaged], []);
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

describe("storage: volumes on one file system (STO-91)", () => {
  it("have what is free there once, and not once each", async () => {
    const kit = await startSix();
    const space = kit.disk.space.bind(kit.disk);
    const freeBytes = async (fileSystem: string | undefined): Promise<number> => {
      kit.disk.space = async (directory) => ok({ ...must(await space(directory), "space"), fileSystem });
      await looked(kit);
      const described = await kit.ref.call("describe", {}, within);
      assert(described.ok);
      return described.value.freeBytes;
    };
    const [apart, together] = [await freeBytes(undefined), await freeBytes("fe01")];
    const reserveBytes = 1 * MiB;
    assert.equal(together - reserveBytes, Math.floor((apart - reserveBytes) / 6));
    assert.equal(new Set((await facts(kit)).volumes.map(({ fileSystem }) => fileSystem)).size, 1);
  });
});

describe("storage: no volume (STO-90)", () => {
  it("refuses writes because none is there, and not for want of room", async () => {
    const kit = await startSix();
    await putThree(kit);
    for (const directory of SIX) await pull(kit, directory);
    await looked(kit);
    const refused = await put(kit, randomBytes(100 * KiB, 9));
    assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "ENODEV" } });
    for (const directory of SIX) await putBack(kit, directory);
    await looked(kit);
    assert((await put(kit, randomBytes(100 * KiB, 9))).ok);
  });

  it("refuses them so where those that are back are still looked through", async () => {
    const isLookedThrough = Promise.withResolvers<void>();
    const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ name, path }, begin) => {
      if (name === "list" && path.endsWith("/packs")) await gate;
      return await begin();
    });
    let gate: Promise<void> | undefined;
    assert((await disk.makeDirectory("/pulled")).ok);
    const first = await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
    await putThree(first);
    await first.actor.stop();
    for (const directory of SIX) await pull(first, directory);
    const kit = await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
    gate = isLookedThrough.promise;
    for (const directory of SIX) await putBack(kit, directory);
    await looked(kit);

    const states = (await facts(kit)).volumes.map(({ state }) => state);
    const described = must(await kit.ref.call("describe", {}, within), "it is described");
    const refused = await put(kit, randomBytes(100 * KiB, 9));
    isLookedThrough.resolve();
    await looked(kit, SPACE_AGE_MS_MAX);

    assert.deepEqual([states, described.freeBytes], [Array.from(SIX).fill("present"), 0]);
    assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "ENODEV" } });
    assert((await put(kit, randomBytes(100 * KiB, 9))).ok);
  });

  it("refuses them so where the last of them went since it was asked how much is free", async () => {
    let isDead = false;
    const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ path }, begin) =>
      isDead && path.startsWith("/v") ? fail(diskFailure("EIO", path)) : await begin(),
    );
    const kit = await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
    await putThree(kit);
    isDead = true;
    const inTheMiddle = await put(kit, randomBytes(100 * KiB, 8));
    const refused = await put(kit, randomBytes(100 * KiB, 9));

    assert(!inTheMiddle.ok);
    assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: "ENODEV" } });
  });
});

describe("storage: what is put again while volumes are away (STO-77)", () => {
  for (const sizeBytes of [5 * MiB, 600 * KiB, 40 * KiB]) {
    it(`is acknowledged with as much redundancy as what is new: ${sizeBytes} bytes`, async () => {
      const kit = await startSix();
      const stored: Digest[] = [];
      for (const seed of [1, 2, 3, 4]) stored.push(must(await put(kit, randomBytes(sizeBytes, seed)), "put").manifest);
      await settled(kit);
      for (const directory of ["/v1", "/v2"]) await pull(kit, directory);
      await looked(kit);
      for (const seed of [1, 2, 3, 4]) assert((await put(kit, randomBytes(sizeBytes, seed))).ok);
      for (const directory of SIX.slice(2)) {
        await pull(kit, directory);
        await looked(kit);
        for (const manifest of stored) await mustRead(kit.ref, manifest, `without ${directory}`);
        await putBack(kit, directory);
        await looked(kit);
      }
    });
  }
});

describe("storage: descriptors of shards (STO-82)", () => {
  it("finds every one that has decayed, and has all of them again", async () => {
    const kit = await startSix();
    const stored = await putThree(kit);
    let decayedCount = 0;
    for (const directory of SIX) {
      const listed = await kit.disk.list(`${directory}/packs`);
      assert(listed.ok);
      for (const { name } of listed.value) {
        const path = `${directory}/packs/${name}`;
        const bytes = must(await kit.disk.readFile(path), "a pack is read");
        for (let at = 0; ; decayedCount += 1) {
          at = Buffer.from(bytes).indexOf("CpaS", at + 1);
          if (at < 0) break;
          // Not of all shards of a chunk.
          if (["/v1", "/v2"].includes(directory)) kit.disk.flipByte(path, at + 60);
        }
      }
    }
    assert(decayedCount > 6 * 6, `${decayedCount} shards`);
    await scrubbed(kit);
    const { repair } = await settled(kit);
    const described = await kit.ref.call("describe", {}, within);
    assert(described.ok);
    assert.deepEqual([repair.state, described.value.damagedChunkCount], ["idle", 0]);
    assert(repair.repairedCount >= 6, `${repair.repairedCount} repaired`);
    for (const directory of ["/v3", "/v4"]) await pull(kit, directory);
    await looked(kit);
    for (const manifest of stored) await mustRead(kit.ref, manifest, "what had lost descriptors");
  });
});

describe("storage: volumes without room (STO-83)", () => {
  it("tells at once what was written with less than it should have, waits, and repairs it when there is room", async () => {
    const kit = await startSix();
    await settled(kit);
    const full = new Set(SIX.slice(1));
    const space = kit.disk.space.bind(kit.disk);
    kit.disk.space = async (directory) => (full.has(directory) ? ok(NO_ROOM) : await space(directory));
    await looked(kit);

    const stored = [];
    for (const seed of [1, 2, 3]) stored.push(await put(kit, randomBytes(600 * KiB, seed)));
    const { profile, repair } = await facts(kit);
    assert.deepEqual([stored.every(({ ok: isStored }) => isStored), profile, repair.state], [true, "1+0", "waiting"]);
    assert(repair.backlogCount >= 6 && repair.atRiskBytes >= 3 * 600 * KiB, JSON.stringify(repair));
    await kit.clock.advance(REPAIR_RETRY_MS);
    const { repair: later } = await settled(kit);
    assert.deepEqual([later.state, later.lostCount, later.backlogCount >= 6], ["waiting", 0, true]);

    full.clear();
    await looked(kit);
    const { profile: restored, repair: end } = await settled(kit);
    assert.deepEqual([restored, end.state, end.backlogCount, end.atRiskBytes], ["4+2", "idle", 0, 0]);
    for (const directory of ["/v1", "/v5"]) await pull(kit, directory);
    await looked(kit);
    for (const done of stored) await mustRead(kit.ref, must(done, "it was stored").manifest, "what was at risk");
  });
});
