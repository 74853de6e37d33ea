/** What the store says of itself while volumes are away or refuse: never that all is well when it is not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { ABANDONED_COLLECT_MS } from "#actors/storage/collection/collector.ts";
import { REPAIR_RETRY_MS } from "#actors/storage/repair/repairer.ts";
import { SCRUB_LOOK_INTERVAL_MS } from "#actors/storage/scrub/scrubber.ts";
import { fail, must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB, minute } from "#runtime/units.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { refuseReads } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, type StorageKit, sourceOf, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const TWO = { directories: ["/v1", "/v2"], erasure: { dataShards: 1, parityShards: 1 } } as const;

async function startMirror(): Promise<{ readonly kit: StorageKit; readonly stored: readonly Digest[] }> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  assert((await disk.makeDirectory("/pulled")).ok);
  const kit = await startStorage({
    disk,
    volumes: TWO,
    config: { writeQuotaBytes: 64 * MiB, packSealBytes: 16 * MiB },
  });
  const stored: Digest[] = [];
  for (const seed of [1, 2, 3]) stored.push(must(await put(kit, randomBytes(600 * KiB, seed)), "put").manifest);
  await settled(kit);
  return { kit, stored };
}

async function scrub(kit: StorageKit) {
  const described = await kit.ref.call("describe", {}, within);
  assert(described.ok);
  return described.value.scrub;
}

describe("storage: a shard that comes back decayed (STO-82)", () => {
  it("is made again when it is not read back: repair ends, and another volume may go", async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
    assert((await disk.makeDirectory("/pulled")).ok);
    const volumes = { directories: ["/v1", "/v2", "/v3"], erasure: { dataShards: 2, parityShards: 1 } } as const;
    const kit = await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
    // The first of them in packs that are sealed: those are not read when their volume is back.
    const stored: Digest[] = [];
    for (let seed = 1; seed <= 12; seed += 1) {
      stored.push(must(await put(kit, randomBytes(900 * KiB, seed)), "put").manifest);
    }
    await settled(kit);
    await pull(kit, "/v3");
    for (const { name } of must(await disk.list("/pulled/v3/packs"), "listed")) {
      disk.flipByte(`/pulled/v3/packs/${name}`, 100_000);
    }
    // What is written anew without it leaves, when it is back, more than is needed.
    await kit.clock.advance(15 * minute);
    await looked(kit);
    await settled(kit);

    await putBack(kit, "/v3");
    await looked(kit);
    await kit.clock.advance(REPAIR_RETRY_MS);
    const { repair } = await settled(kit);

    assert.deepEqual([repair.state, repair.backlogCount], ["idle", 0]);
    await pull(kit, "/v1");
    await looked(kit);
    for (const manifest of stored) await mustRead(kit.ref, manifest, "an object");
  });
});

describe("storage: scrubbing while a volume is away (STO-86)", () => {
  it("verifies nothing that is not there, says so, and reads it when it is back", async () => {
    const { kit, stored } = await startMirror();
    await pull(kit, "/v1");
    await looked(kit);
    const listed = must(await kit.disk.list("/pulled/v1/packs"), "listed");
    for (const { name, sizeBytes } of listed) {
      for (let at = 9000; at < sizeBytes; at += 100_000) kit.disk.flipByte(`/pulled/v1/packs/${name}`, at);
    }
    await scrubbed(kit);
    const away = await scrub(kit);
    assert(away.awayBytes > 1 * MiB && away.dueBytes === away.awayBytes, JSON.stringify(away));

    await putBack(kit, "/v1");
    await looked(kit);
    await kit.clock.advance(SCRUB_LOOK_INTERVAL_MS);
    for (let turn = 0; turn < 2000 && (await scrub(kit)).dueBytes > 0; turn += 1) await kit.clock.advance(1);
    const { repair } = await settled(kit);
    const { awayBytes, dueBytes, damaged } = await scrub(kit);
    assert.deepEqual([awayBytes, dueBytes, damaged, repair.state], [0, 0, [], "idle"]);
    assert(repair.repairedCount > 0, "what had decayed meanwhile was found");
    await pull(kit, "/v2");
    await looked(kit);
    for (const manifest of stored) await mustRead(kit.ref, manifest, "what had decayed");
  });
});

describe("storage: a mirror with one volume left (STO-83)", () => {
  it("is at risk and waits, also when repair was told not to wait for the other, which counts once", async () => {
    const { kit } = await startMirror();
    await pull(kit, "/v1");
    await looked(kit);
    assert.equal((await settled(kit)).repair.state, "delayed");
    assert((await kit.ref.call("repair", { action: "now" }, within)).ok);
    const { profile, repair } = await settled(kit);
    assert.deepEqual([profile, repair.state, repair.lostCount], ["1+0", "waiting", 0]);
    assert(repair.atRiskBytes >= 3 * 600 * KiB, JSON.stringify(repair));

    await putBack(kit, "/v1");
    await looked(kit);
    assert.equal((await settled(kit)).repair.state, "idle");
    await kit.clock.advance(1 * minute);
    await pull(kit, "/v1");
    await looked(kit);
    assert.equal((await settled(kit)).repair.state, "delayed");
  });
});

describe("storage: a volume that comes back and takes no writes (STO-76)", () => {
  it("is failing, with the reason, until it takes some", async () => {
    const { kit, stored } = await startMirror();
    await pull(kit, "/v1");
    await looked(kit);
    const { open, replaceFile } = kit.disk;
    const isRefused = (path: string): boolean => path.startsWith("/v1/");
    kit.disk.open = async (path, mode) =>
      isRefused(path) && mode !== "read" ? readOnly(path) : await open.call(kit.disk, path, mode);
    kit.disk.replaceFile = async (path, bytes) =>
      isRefused(path) ? readOnly(path) : await replaceFile.call(kit.disk, path, bytes);
    await putBack(kit, "/v1");
    await looked(kit);
    await looked(kit);
    const { profile, volumes } = await facts(kit);
    const [first] = volumes;
    assert.deepEqual([profile, first?.state, kit.actor.health.state], ["1+0", "failing", "degraded"]);
    assert.match(first?.problem ?? "", /EROFS/);

    Object.assign(kit.disk, { open, replaceFile });
    for (let look = 0; look < 3; look += 1) await looked(kit);
    const after = await settled(kit);
    assert.deepEqual([after.profile, after.repair.state], ["1+1", "idle"]);
    for (const manifest of stored) await mustRead(kit.ref, manifest, "what was there all the time");
  });
});

describe("storage: a volume that refuses, at the moment when it goes (STO-85)", () => {
  it("is no word about the bytes", async () => {
    const { kit, stored } = await startMirror();
    const mend = refuseReads(kit.disk, (path) => path.includes("/packs/"));
    for (const manifest of stored) {
      const refused = await readObject(kit.ref, manifest);
      assert(!(refused instanceof Uint8Array) && refused.code === "storage.read-failed", JSON.stringify(refused));
    }
    mend();
  });
});

describe("storage: its health while volumes are away (STO-87)", () => {
  it("is ready as long as what is written survives as much as ever, and degraded with fewer volumes", async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
    assert((await disk.makeDirectory("/pulled")).ok);
    const directories = ["/v1", "/v2", "/v3"];
    const kit = await startStorage({ disk, volumes: { directories, erasure: { dataShards: 1, parityShards: 1 } } });
    await settled(kit);
    const states: string[] = [];
    for (const step of ["/v1", "/v2"]) {
      await pull(kit, step);
      await looked(kit);
      states.push(kit.actor.health.state);
    }
    for (const step of ["/v1", "/v2"]) {
      await putBack(kit, step);
      await looked(kit);
      await looked(kit);
      states.push(kit.actor.health.state);
    }
    assert.deepEqual(states, ["ready", "degraded", "ready", "ready"]);
  });
});

describe("storage: puts that come to nothing on volumes (STO-78)", () => {
  it("are collected before the time of collections when they are many", async () => {
    const { kit, stored } = await startMirror();
    const packBytes = async (): Promise<number> =>
      (await facts(kit)).volumes.reduce((sum, volume) => sum + volume.packBytes, 0);
    const before = await packBytes();
    for (let seed = 10; seed < 20; seed += 1) {
      const source = sourceOf(randomBytes(8 * MiB, seed), 64 * KiB, 7 * MiB);
      assert(!(await kit.ref.call("putObject", { source }, within)).ok);
    }
    assert((await packBytes()) > before + 64 * MiB, "there is garbage");
    await kit.clock.advance(ABANDONED_COLLECT_MS);
    for (let turn = 0; turn < 3000 && (await packBytes()) > before + 8 * MiB; turn += 1) await kit.clock.advance(1);
    const after = await packBytes();
    assert(after <= before + 8 * MiB, `${before} before, ${after} after`);
    for (const manifest of stored) await mustRead(kit.ref, manifest, "what was put before");
  });
});

function readOnly(path: string) {
  return fail({ code: "disk.broken", path, errno: "EROFS" } as const);
}
