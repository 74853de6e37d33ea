/** Packs that somebody removes from volumes, their directory too, under a running node or while it is down. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { fail, must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const KILLED = "killed by the test";
const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB };

async function startSix(): Promise<StorageKit> {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  for (const directory of ["/pulled", "/moved"]) assert((await disk.makeDirectory(directory)).ok);
  return await startStorage({ disk, kv: memoryKvStores({ disk }), volumes, config });
}

async function putSome(kit: StorageKit, from: number = 1): Promise<Digest[]> {
  const stored: Digest[] = [];
  for (let seed = from; seed < from + 8; seed += 1) {
    stored.push(must(await put(kit, randomBytes(seed % 2 === 0 ? 900 * KiB : 20 * KiB, seed)), "put").manifest);
  }
  await settled(kit);
  return stored;
}

async function movePacks({ disk }: StorageKit, from: string, to: string): Promise<void> {
  for (const { name } of must(await disk.list(from), "listed")) {
    assert((await disk.rename(`${from}/${name}`, `${to}/${name}`)).ok);
  }
}

async function removePacks({ disk }: StorageKit, directory: string): Promise<void> {
  for (const { name } of must(await disk.list(`${directory}/packs`), "listed")) {
    assert((await disk.remove(`${directory}/packs/${name}`)).ok);
  }
}

/** Answers with what they were. */
async function cutPacks({ disk }: StorageKit, directory: string, percent: number): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { name, sizeBytes } of must(await disk.list(`${directory}/packs`), "listed")) {
    const path = `${directory}/packs/${name}`;
    files.set(path, must(await disk.readFile(path), "read"));
    const opened = must(await disk.open(path, "write"), "opened");
    must(await disk.truncate(opened, Math.floor((sizeBytes * percent) / 100)), "cut");
    await disk.close(opened);
  }
  return files;
}

async function damagedCount(kit: StorageKit): Promise<number> {
  const described = await kit.ref.call("describe", {}, within);
  assert(described.ok);
  return described.value.damagedChunkCount;
}

/** Nothing is left to repair, and all of it survives the loss of two volumes. */
async function assertWhole(kit: StorageKit, stored: readonly Digest[]): Promise<void> {
  const { profile, repair } = await settled(kit);
  const crashes = kit.exits.filter((reason) => reason.kind !== "crashed" || reason.defect !== KILLED);
  assert.deepEqual(
    [profile, repair.state, repair.backlogCount, repair.lostCount, await damagedCount(kit), crashes],
    ["4+2", "idle", 0, 0, 0, []],
  );
  for (const directory of ["/v3", "/v5"]) await pull(kit, directory);
  await looked(kit);
  for (const manifest of stored) await mustRead(kit.ref, manifest, "without /v3 and /v5");
  for (const directory of ["/v3", "/v5"]) await putBack(kit, directory);
  await looked(kit);
  await settled(kit);
}

describe("storage: packs that are removed from volumes under the running node (STO-102)", () => {
  it("are found by the next look, with what was written to them since, and what they held is made again", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    for (const directory of ["/v1", "/v2"]) await removePacks(kit, directory);
    stored.push(...(await putSome(kit, 20)));
    await looked(kit);
    assert((await settled(kit)).repair.repairedCount > 0);
    await assertWhole(kit, stored);
    assert.equal(kit.actor.health.state, "ready");
  });

  it("are found by a scrub, before the next look", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    await removePacks(kit, "/v1");
    await scrubbed(kit);
    assert((await settled(kit)).repair.repairedCount > 0);
    await assertWhole(kit, stored);
  });

  it("count again from the next start on where they are put back", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    assert((await kit.ref.call("repair", { action: "pause" }, within)).ok);
    await movePacks(kit, "/v1/packs", "/moved");
    await looked(kit);
    assert((await damagedCount(kit)) > 0);
    kit.actor.kill(KILLED);
    await movePacks(kit, "/moved", "/v1/packs");
    await kit.restart();
    assert.equal((await settled(kit)).repair.repairedCount, 0);
    await assertWhole(kit, stored);
  });

  it("are not taken for lost where the disk is not mounted, whatever is below its mount", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    await pull(kit, "/v1");
    assert((await kit.disk.makeDirectory("/v1/packs")).ok);
    await scrubbed(kit);
    assert.equal(await damagedCount(kit), 0);
    await looked(kit);
    assert((await kit.disk.removeTree("/v1")).ok);
    await putBack(kit, "/v1");
    await looked(kit);
    assert.equal((await settled(kit)).repair.repairedCount, 0);
    await assertWhole(kit, stored);
  });
});

describe("storage: packs that are cut on a volume under the running node (STO-102, STO-127)", () => {
  it("are found, again where they are cut again, and what they have lost is made again, over restarts too", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    for (const percent of [80, 40]) {
      await cutPacks(kit, "/v1", percent);
      await looked(kit);
      assert((await settled(kit)).repair.repairedCount > 0);
      await assertWhole(kit, stored);
    }
    kit.actor.kill(KILLED);

    await kit.restart();

    stored.push(...(await putSome(kit, 20)));
    await assertWhole(kit, stored);
  });

  it("are found also where something is written before the next look, which goes to other packs (STO-132)", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    const files = await cutPacks(kit, "/v1", 40);
    stored.push(...(await putSome(kit, 20)));
    for (const [path, bytes] of files) {
      assert(must(await kit.disk.readFile(path), "read").length < bytes.length, "it is as short as it was left");
    }

    await looked(kit);

    assert((await settled(kit)).repair.repairedCount > 0);
    await assertWhole(kit, stored);
  });

  it("count again from the next start on where they are put back: nothing else of the volume is looked through", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    assert((await kit.ref.call("repair", { action: "pause" }, within)).ok);
    const files = await cutPacks(kit, "/v1", 50);
    await looked(kit);
    assert((await damagedCount(kit)) > 0);
    kit.actor.kill(KILLED);
    for (const [path, bytes] of files) must(await kit.disk.replaceFile(path, bytes), "put back");

    await kit.restart();

    assert.equal((await settled(kit)).repair.repairedCount, 0);
    await assertWhole(kit, stored);
  });
});

describe("storage: a volume whose packs are never listed to their end (STO-79)", () => {
  it("holds up no other when it goes", async () => {
    const kit = await startSix();
    await settled(kit);
    const before = kit.disk.openCount;
    await putSome(kit);
    assert(kit.disk.openCount > before, "packs are open");
    const { list } = kit.disk;
    kit.disk.list = async (path) =>
      path === "/v1/packs" ? await new Promise(() => undefined) : await list.call(kit.disk, path);
    await looked(kit);
    for (const directory of SIX) await pull(kit, directory);
    await looked(kit);
    assert.equal(kit.disk.openCount, before);
  });
});

describe("storage: a volume without its directory of packs (STO-103)", () => {
  it("gets it again while the node runs, and what was in it is made again", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    assert((await kit.disk.removeTree("/v1/packs")).ok);
    for (let look = 0; look < 2; look += 1) await looked(kit);
    assert((await settled(kit)).repair.repairedCount > 0);
    await assertWhole(kit, stored);
  });

  it("gets it again at the start, and what was in it is made again", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    kit.actor.kill(KILLED);
    assert((await kit.disk.removeTree("/v1/packs")).ok);
    await kit.restart();
    for (let look = 0; look < 2; look += 1) await looked(kit);
    assert((await settled(kit)).repair.repairedCount > 0);
    await assertWhole(kit, stored);
  });

  it("says which it is where it cannot be made, and has it when it can", async () => {
    const kit = await startSix();
    const stored = await putSome(kit);
    const { makeDirectory } = kit.disk;
    kit.disk.makeDirectory = async (path) =>
      path === "/v1/packs"
        ? fail({ code: "disk.broken", path, errno: "EACCES" })
        : await makeDirectory.call(kit.disk, path);
    assert((await kit.disk.removeTree("/v1/packs")).ok);
    await looked(kit);
    const [first] = (await facts(kit)).volumes;
    assert.deepEqual(
      [first?.state, first?.problem],
      ["failing", "/v1 fails again and again (/v1/packs: EACCES): nothing is written to it"],
    );
    kit.disk.makeDirectory = makeDirectory;
    for (let look = 0; look < 3; look += 1) await looked(kit);
    await assertWhole(kit, stored);
  });

  it("gets none where its disk is not mounted (STO-72)", async () => {
    const kit = await startSix();
    await putSome(kit);
    await pull(kit, "/v1");
    assert((await kit.disk.makeDirectory("/v1")).ok);
    for (let look = 0; look < 3; look += 1) await looked(kit);
    assert.deepEqual(must(await kit.disk.list("/v1"), "listed"), []);
  });
});

describe("storage: packs that are moved away from volumes while the node is down (STO-128)", () => {
  const three = SIX.slice(0, 3);

  async function movedAway(kit: StorageKit): Promise<StorageKit> {
    await kit.actor.stop();
    for (const directory of three) {
      must(await kit.disk.rename(`${directory}/packs`, `/moved${directory}`), "moved away");
      must(await kit.disk.makeDirectory(`${directory}/packs`), "an empty directory stays");
    }
    const next = await startStorage({ disk: kit.disk, kv: kit.kv, volumes, config });
    for (let look = 0; look < 2; look += 1) await looked(next);
    await settled(next);
    return next;
  }

  it("leave their numbers to nobody, so that they can be put back beside what was written since", async () => {
    const first = await startSix();
    const stored = await putSome(first);
    const kit = await movedAway(first);
    stored.push(...(await putSome(kit, 20)));
    await kit.actor.stop();

    for (const directory of three) {
      const old = await namesIn(kit, `/moved${directory}`);
      const now = await namesIn(kit, `${directory}/packs`);
      assert(old.length > 0 && now.length > 0, "it was written to");
      assert.deepEqual(
        old.filter((name) => now.includes(name)),
        [],
      );
      await movePacks(kit, `/moved${directory}`, `${directory}/packs`);
    }
    const last = await startStorage({ disk: kit.disk, kv: kit.kv, volumes, config });
    await looked(last);
    await assertWhole(last, stored);
  });
});

async function namesIn({ disk }: StorageKit, path: string): Promise<readonly string[]> {
  return must(await disk.list(path), "listed").map(({ name }) => name);
}
