/** A volume that is back with less than was on it, while it is looked through anew: what the catalog does not know then may still come. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "#actors/domain/address.ts";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { SCRUB_LOOK_INTERVAL_MS } from "#actors/storage/scrub/scrubber.ts";
import { encodeTree } from "#client/tree.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, hour, KiB, MiB, second } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import {
  type KitOptions,
  put,
  randomBytes,
  type StorageKit,
  startStorage,
  whole,
  within,
} from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const config = { writeQuotaBytes: 64 * MiB, packSealBytes: 1 * MiB, repairDelayMs: 1 * hour } as const;
const directories = ["/v1", "/v2", "/v3"];

interface World {
  readonly kit: StorageKit;
  /** It is back. What is left on it is held before `finish`. */
  readonly bringBack: () => Promise<void>;
  readonly finish: () => Promise<void>;
  /** The operation on packs of these volumes waits until it is called again. */
  readonly hold: (...volumes: readonly string[]) => void;
}

/** What is held is the operation of that name on packs. */
async function startThree(options: KitOptions = {}, operation = "read"): Promise<World> {
  let held = Promise.withResolvers<void>();
  let volumes: readonly string[] = [];
  const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ name, path }, begin) => {
    if (name === operation && volumes.some((volume) => path.startsWith(`${volume}/packs`))) await held.promise;
    return await begin();
  });
  must(await disk.makeDirectory("/pulled"), "a place for it");
  const erasure = "none";
  const kit = await startStorage({
    disk,
    volumes: { directories, erasure },
    ...options,
    config: { ...config, ...options.config },
  });
  const hold = (...now: readonly string[]): void => {
    held.resolve();
    held = Promise.withResolvers();
    volumes = now;
  };
  const bringBack = async (): Promise<void> => {
    hold("/v3");
    await putBack(kit, "/v3");
    await looked(kit);
  };
  const finish = async (): Promise<void> => {
    hold();
    for (let look = 0; look < 3; look += 1) await looked(kit);
    await settled(kit);
  };
  return { kit, bringBack, finish, hold };
}

/** `/v3` goes, and has lost one of its packs, the oldest if it is not said. */
async function lose(kit: StorageKit, index = 0): Promise<void> {
  await pull(kit, "/v3");
  await looked(kit);
  const packs = must(await kit.disk.list("/pulled/v3/packs"), "listed").map(({ name }) => name);
  must(await kit.disk.remove(`/pulled/v3/packs/${packs.sort().at(index)}`), "lost");
}

async function putMany(kit: StorageKit, count: number, seed: number): Promise<readonly StoredObject[]> {
  const stored: StoredObject[] = [];
  for (let at = 0; at < count; at += 1) stored.push(await mustPut(kit, randomBytes(300 * KiB, seed + at)));
  await settled(kit);
  return stored;
}

/** What becomes of reading each, in a word. */
async function readAll({ ref }: StorageKit, stored: readonly StoredObject[]): Promise<readonly string[]> {
  const words: string[] = [];
  for (const { manifest } of stored) {
    const read = await readObject(ref, manifest);
    words.push(read instanceof Uint8Array ? "held" : read.code);
  }
  return words;
}

/** Bytes of the shards on the volume turn. */
async function decay({ disk }: StorageKit, volume: string): Promise<void> {
  for (const { name, sizeBytes } of must(await disk.list(`${volume}/packs`), "listed")) {
    for (let at = 64 * KiB; at < sizeBytes; at += 64 * KiB) disk.flipByte(`${volume}/packs/${name}`, at);
  }
}

async function scrubFacts({ ref }: StorageKit): Promise<ScrubFacts> {
  return must(await ref.call("describe", {}, within), "described").scrub;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 300; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("storage: a volume that is back with less, while it is looked through anew", () => {
  it("has what is not known answered as what may still come, and has it again (STO-106)", async () => {
    const { kit, bringBack, finish } = await startThree();
    const stored = await putMany(kit, 40, 1);

    await lose(kit);
    await bringBack();
    const during = await readAll(kit, stored);
    await finish();
    const afterwards = await readAll(kit, stored);

    assert.deepEqual([...new Set(during)].sort(), ["held", "storage.rebuilding"]);
    const back = during.filter((word, at) => word !== "held" && afterwards[at] === "held");
    assert(back.length > 0, "some of it is on what is left of the volume");
    assert(!afterwards.includes("storage.rebuilding"), "nothing is waited for any more");
  });

  it("has nothing answered as gone, though it was removed before, nor as all that there is (STO-106)", async () => {
    const { kit, bringBack, finish } = await startThree();
    for (const one of await putMany(kit, 40, 1)) await remove(kit, one);
    const stored = await putMany(kit, 40, 1);
    const { ref } = kit;

    await lose(kit);
    await bringBack();
    const unknown: StoredObject[] = [];
    const answers = new Set<string>();
    for (const one of stored) {
      const { address, manifest: root, sizeBytes: size } = one;
      assert(address !== undefined);
      if ((await ref.call("findCommitted", { root }, within)).ok) continue;
      unknown.push(one);
      const tree = encodeTree({ entries: [{ kind: "file", name: "a", mode: 0o644, address, manifest: root, size }] });
      const asked = [
        ref.call("findCommitted", { root }, within),
        ref.call("getManifest", { root }, within),
        ref.call("getManifest", { root, address }, within),
        ref.call("readSmallObject", { root, chunk: digestOf(address) }, within),
        ref.call("removeObject", { manifest: root }, within),
        ref.call("pinObject", { manifest: root }, within),
        ref.call("unpinObject", { manifest: root }, within),
        ref.call("findRemoved", { address }, within),
        ref.call("restoreObject", { address }, within),
        put(kit, tree, { kind: "tree" }),
      ];
      for (const answer of await Promise.all(asked)) answers.add(answer.ok ? "done" : answer.failure.code);
    }
    const listed = await ref.call("listManifests", { after: undefined, limit: 100 }, within);
    await finish();
    const all = await ref.call("listManifests", { after: undefined, limit: 100 }, within);

    assert.deepEqual([...answers], ["storage.rebuilding"]);
    assert(listed.ok && all.ok);
    assert.deepEqual([listed.value.done, all.value.done], [false, true]);
    const back = unknown.filter(({ manifest }) => all.value.entries.some((entry) => entry.manifest === manifest));
    assert.equal(back.length, unknown.length);
    assert(unknown.length > 2, `${unknown.length}`);
  });

  it("is waited for also where it goes again, until it is back (STO-106)", async () => {
    const { kit, bringBack, finish } = await startThree();
    const stored = await putMany(kit, 40, 1);

    await lose(kit);
    await bringBack();
    await pull(kit, "/v3");
    await finish();
    const away = await readAll(kit, stored);
    await putBack(kit, "/v3");
    await finish();
    const afterwards = await readAll(kit, stored);

    assert(away.includes("storage.rebuilding") && !away.some((word) => word.endsWith("not-found")), away.join());
    assert(!afterwards.includes("storage.rebuilding"), "nothing is waited for any more");
    assert(away.some((word, at) => word !== "held" && afterwards[at] === "held"));
  });

  it("has nobody hold for a time alone what he holds for good on it (STO-125)", async () => {
    const { kit, bringBack, finish } = await startThree();
    const stored = await putMany(kit, 40, 1);
    await lose(kit);
    await bringBack();
    const isKnown: boolean[] = [];
    for (const { manifest: root } of stored) isKnown.push((await kit.ref.call("findCommitted", { root }, within)).ok);

    for (let at = 0; at < 40; at += 1) await mustPut(kit, randomBytes(300 * KiB, 1 + at), { keepMs: 1 * second });
    await finish();
    await kit.clock.advance(2 * second);
    assert.equal((await collect(kit, true)).blocked, undefined);

    const isHeld = (await readAll(kit, stored)).map((word) => word === "held");
    assert(isKnown.every((known, at) => !known || isHeld[at]));
    assert(
      isHeld.some((held, at) => held && !isKnown[at]),
      "what is left on it is held for good",
    );
    assert(isHeld.includes(false), "what is lost of it was put for a time alone");
  });

  it("is not relied upon by puts before it is known what it lacks (STO-77)", async () => {
    const { kit, bringBack, finish } = await startThree({}, "list");
    await putMany(kit, 40, 1);

    await lose(kit);
    await bringBack();
    const again: StoredObject[] = [];
    for (let seed = 1; seed <= 40; seed += 1) again.push(await mustPut(kit, randomBytes(300 * KiB, seed)));
    await finish();

    assert.deepEqual(new Set(await readAll(kit, again)), new Set(["held"]));
  });

  it("has nothing counted as lost that it may hold, and repair goes on then (STO-123)", async () => {
    const { kit, finish, hold } = await startThree();
    await putMany(kit, 40, 1);

    await lose(kit);
    await settled(kit);
    // A walk is on its way when the volume is back.
    hold(...directories);
    must(await kit.ref.call("repair", { action: "resume" }, within), "it looks");
    await putBack(kit, "/v3");
    await looked(kit);
    hold("/v3");
    await turns();
    const { repair: begun } = await facts(kit);
    await finish();
    const { repair: ended } = await facts(kit);

    assert.deepEqual([begun.state, begun.backlogCount, begun.lostCount], ["running", 0, 0]);
    assert.notEqual(ended.state, "running");
    assert(ended.lostCount > 0, "what was in the pack");
  });

  it("makes no object damaged that it may heal (STO-123)", async () => {
    const erasure = { dataShards: 2, parityShards: 1 } as const;
    const { kit, bringBack, finish } = await startThree({ volumes: { directories, erasure } });
    const stored = await putMany(kit, 20, 1);
    must(await kit.ref.call("repair", { action: "pause" }, within), "nothing is healed meanwhile");
    await decay(kit, "/v1");
    await scrubbed(kit);
    const before = await scrubFacts(kit);

    await lose(kit);
    await bringBack();
    await scrubbed(kit);
    const during = await scrubFacts(kit);
    await finish();
    await kit.clock.advance(SCRUB_LOOK_INTERVAL_MS);
    await scrubbed(kit);
    const afterwards = await scrubFacts(kit);

    const words = await readAll(kit, stored);
    const lostCount = words.filter((word) => word !== "held").length;
    assert.deepEqual([before.damaged.length, during.damaged.length], [0, 0]);
    assert(lostCount > 0 && lostCount < stored.length, `${lostCount}`);
    assert.equal(afterwards.damaged.length, lostCount);
  });

  it("makes none damaged by a look that was under way (STO-123)", async () => {
    const erasure = { dataShards: 2, parityShards: 1 } as const;
    const { kit, hold, finish } = await startThree({ volumes: { directories, erasure } });
    const stored = await putMany(kit, 20, 1);
    must(await kit.ref.call("repair", { action: "pause" }, within), "nothing is healed meanwhile");
    await scrubbed(kit);
    await decay(kit, "/v1");
    await readAll(kit, stored);

    await lose(kit);
    hold(...directories);
    await kit.clock.advance(SCRUB_LOOK_INTERVAL_MS);
    const { isRunning, dueBytes } = await scrubFacts(kit);
    await putBack(kit, "/v3");
    await looked(kit);
    hold("/v3");
    await turns();
    const { damaged } = await scrubFacts(kit);
    await finish();

    assert.deepEqual([isRunning, dueBytes], [true, 0]);
    assert.deepEqual(damaged, []);
  });

  it("has no pack verified of which not all was known (STO-123)", async () => {
    const slow = { collectBytesPerSecondMax: 64 * KiB, packSealBytes: 4 * MiB };
    const alone = { directories: ["/v3"], erasure: "none" } as const;
    const { kit, bringBack, finish } = await startThree({ volumes: alone, config: slow });
    for (let seed = 1; seed <= 8; seed += 1) await mustPut(kit, randomBytes(900 * KiB, seed));
    must(await kit.ref.call("scrubNow", {}, within), "begun");

    // It waits for the first record of the first pack, which is read by the seal.
    await lose(kit, -1);
    kit.disk.flipByte("/pulled/v3/packs/00100001.pack", 64 * KiB);
    await bringBack();
    await kit.clock.advance(5 * second);
    await turns();
    await finish();
    for (let look = 0; look < 100; look += 1) await looked(kit);

    const { damagedChunkCount, scrub } = must(await kit.ref.call("describe", {}, within), "described");
    assert.deepEqual([scrub.isRunning, damagedChunkCount], [false, 1]);
  });

  it("lets no other be given up that what is not known may need (STO-123)", async () => {
    const kv = memoryKvStores();
    const both = { directories: ["/v2", "/v3"], erasure: "none" } as const;
    const { kit: first, hold } = await startThree({ kv, volumes: both });
    const stored = await putMany(first, 40, 1);
    first.actor.kill("test");
    await first.clock.settle();
    const { disk } = first;
    const one = { ...both, directories: ["/v3"] };
    const reading = await startStorage({ disk, kv, volumes: one, config });
    const words = await readAll(reading, stored);
    await reading.actor.stop();
    // Nothing that is held is on the other one; its packs stay.
    const removing = await startStorage({ disk, kv, volumes: both, config: { ...config, compactBelowPercent: 0 } });
    await whole(removing);
    for (const [at, each] of stored.entries()) if (words[at] !== "held") await remove(removing, each);
    assert.equal((await collect(removing, true)).blocked, undefined);
    await removing.actor.stop();
    const kit = await startStorage({ disk, kv, volumes: one, config });
    await whole(kit);
    const { repair, volumes } = await settled(kit);
    assert.deepEqual([repair.state, volumes.map(({ state }) => state)], ["idle", ["present", "left-out"]]);

    // Its disk fails it while it is looked through.
    await lose(kit);
    hold("/v3");
    await putBack(kit, "/v3");
    for (let look = 0; look < 4; look += 1) await looked(kit);
    const { repair: rested } = await facts(kit);
    const volume = volumes[1]?.id ?? "";
    const refused = await kit.ref.call("forgetVolume", { volume, mayLose: false }, within);
    hold();

    assert.deepEqual([rested.state, rested.backlogCount], ["idle", 0]);
    assert(!refused.ok && refused.failure.code === "storage.volume-needed", JSON.stringify(refused));
  });
});
