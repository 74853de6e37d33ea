/** Starts that take longer than a cell may take to start: recovery goes on beside the traffic (STO-137). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CATALOG_FLUSH_INTERVAL_MS } from "#actors/storage/actor.ts";
import { RECOVERY_WAIT_MS } from "#actors/storage/store.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { deafStores } from "#test/actors/storage/altered-stores.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { refuseReads, touching, turns } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { testMachine } from "#test/kit/actor.ts";

const config = { packSealBytes: 1 * MiB } as const;
const objects = Array.from({ length: 8 }, (_, seed) => randomBytes(450 * KiB, seed));

/** The first read of more than a front of that file waits until it may go on. */
function holdRead(disk: MemoryDisk, path: string): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const paths = new Map<number, string>();
  const [open, read] = [disk.open.bind(disk), disk.read.bind(disk)];
  disk.open = async (asked, mode) => {
    const opened = await open(asked, mode);
    if (opened.ok) paths.set(opened.value, asked);
    return opened;
  };
  disk.read = async (...asked) => {
    if (paths.get(asked[0]) === path && asked[1].length > 4 * KiB) {
      Object.assign(disk, { open, read });
      await promise;
    }
    return await read(...asked);
  };
  return resolve;
}

describe("storage: a start that takes long (STO-137)", () => {
  it("is over after a while: what is known is read, the rest is not known yet", async () => {
    const before = await startStorage({ config });
    const { disk, kv } = before;
    const stored = [];
    for (const bytes of objects) stored.push(await mustPut(before, bytes));
    await turns();
    await before.actor.stop();
    const file = must(await disk.readFile(firstPack), "read");
    must(await disk.replaceFile(firstPack, file.subarray(0, 500 * KiB)), "cut");
    await (await startStorage({ disk, kv, config })).actor.stop();
    must(await disk.replaceFile(firstPack, file), "put back");
    const letGo = holdRead(disk, firstPack);

    const machine = testMachine();
    let isStarted = false;
    const starting = startStorage({ disk, kv, config, machine }).then((kit) => {
      isStarted = true;
      return kit;
    });
    await turns();
    await machine.clock.advance(RECOVERY_WAIT_MS - 1);
    await turns();
    assert.equal(isStarted, false);
    await machine.clock.advance(1);
    const kit = await starting;

    assert.deepEqual(kit.actor.health, { state: "degraded", reason: "comparing the catalog with the packs" });
    const [cutOff, last] = [stored.at(1), stored.at(-1)];
    assert(cutOff !== undefined && last !== undefined);
    assert(
      Buffer.from(await mustRead(kit.ref, last.manifest, "in another pack")).equals(objects.at(-1) ?? Buffer.of()),
    );
    const unknown = await readObject(kit.ref, cutOff.manifest);
    assert.equal("code" in unknown && unknown.code, "storage.rebuilding");
    const refused = await put(kit, randomBytes(3 * KiB, 9));
    assert.equal(refused.ok ? undefined : refused.failure.code, "storage.rebuilding");

    letGo();
    await whole(kit);
    for (const [at, { manifest }] of stored.entries()) {
      const read = await mustRead(kit.ref, manifest, `object ${at}`);
      assert(Buffer.from(read).equals(objects[at] ?? Buffer.of()));
    }
    await mustPut(kit, randomBytes(3 * KiB, 9));
    const facts = must(await kit.ref.call("describe", {}, within), "described");
    assert.deepEqual([facts.damagedChunkCount, kit.actor.health.state], [0, "ready"]);
  });

  it("loses nothing for what a read finds meanwhile: the commits behind the checkpoints are decided by what recovery reads", async () => {
    const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
    let isDeaf = false;
    const first = await startStorage({ disk: world.disk, kv: deafStores(world.kv, () => isDeaf) });
    const shared = randomBytes(1 * MiB, 1);
    const manner = { chunker: "fixed/1" } as const;
    const known = await mustPut(first, Buffer.concat([shared, randomBytes(1 * MiB, 2)]), manner);
    await first.clock.advance(CATALOG_FLUSH_INTERVAL_MS);
    await turns();
    isDeaf = true;
    const sharing = await mustPut(first, Buffer.concat([shared, randomBytes(1 * MiB, 3)]), manner);
    await first.actor.stop();
    let isRefused = false;
    const isShared = touching(firstPack, 300 * KiB);
    refuseReads(world.disk, (...read) => isRefused && isShared(...read));
    const letGo = holdRead(world.disk, firstPack);
    const machine = testMachine();
    const starting = startStorage({ ...world, machine });
    await turns();
    await machine.clock.advance(RECOVERY_WAIT_MS);
    const kit = await starting;

    isRefused = true;
    assert("code" in (await readObject(kit.ref, known.manifest)));
    isRefused = false;
    letGo();
    await whole(kit);

    for (const { manifest } of [known, sharing]) await mustRead(kit.ref, manifest, "it is there");
    assert.equal(kit.actor.health.state, "ready");
  });

  it("ends with the life also where that ends before there is a store", async () => {
    let isDeaf = false;
    const kit = await startStorage({ config, kv: deafStores(memoryKvStores(), () => isDeaf) });
    isDeaf = true;
    await mustPut(kit, randomBytes(450 * KiB, 1));
    kit.actor.kill("by the test");
    await turns();
    isDeaf = false;
    const { promise: listed, resolve: list } = Promise.withResolvers<void>();
    const { list: listNow } = kit.disk;
    kit.disk.list = async (path) => {
      await listed;
      return await listNow.call(kit.disk, path);
    };
    const letGo = holdRead(kit.disk, firstPack);
    const starting = kit.restart().catch(() => undefined);
    await turns();
    let isOver = false;
    const stopping = kit.actor.stop().then(() => {
      isOver = true;
    });
    list();
    await turns();

    assert(isOver, "nothing is read any more");
    letGo();
    await Promise.all([starting, stopping]);
  });
});
