/** Volumes that come and go while the start recovers the others. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { collect } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const DIRECTORIES = ["/v1", "/v2", "/v3"];
const volumes = { directories: DIRECTORIES, erasure: "none" } as const;
const config = { packSealBytes: 1 * MiB, writeQuotaBytes: 64 * MiB, trashMs: 0, compactBelowPercent: 100 };
const OBJECTS = Array.from({ length: 10 }, (_, seed) => randomBytes(900 * KiB, seed + 1));

interface World {
  readonly kit: StorageKit;
  /** What became of reading each object. */
  readonly readAll: () => Promise<readonly unknown[]>;
  /** Begins a life without a catalog. While the first step lasts its recovery waits for the packs of `/v1`, then for those of `/v2`. */
  readonly startWhile: (...steps: readonly (() => Promise<void>)[]) => Promise<void>;
}

async function stored(): Promise<World> {
  const gates = new Map<string, Promise<void>>();
  const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async ({ name, path }, begin) => {
    if (name === "read") await gates.get(path.slice(0, 3));
    return await begin();
  });
  assert((await disk.makeDirectory("/pulled")).ok);
  const kv = memoryKvStores({ disk });
  const kit = await startStorage({ disk, kv, volumes, config });
  const manifests: Digest[] = [];
  for (const bytes of OBJECTS) manifests.push(must(await put(kit, bytes), "put").manifest);
  await settled(kit);
  const readAll = async (): Promise<readonly unknown[]> => {
    const outcomes = [];
    for (const [index, manifest] of manifests.entries()) {
      const read = await readObject(kit.ref, manifest);
      const isSame = read instanceof Uint8Array && Buffer.compare(read, OBJECTS[index] ?? read.subarray(0, 0)) === 0;
      outcomes.push(isSame ? "held" : read);
    }
    return outcomes;
  };
  const startWhile = async (...steps: readonly (() => Promise<void>)[]): Promise<void> => {
    kit.actor.kill("killed by the test");
    await turns();
    kv.remove("/data/catalog");
    const held = steps.map(() => Promise.withResolvers<void>());
    for (const [index, { promise }] of held.entries()) gates.set(DIRECTORIES[index] ?? "", promise);
    const starting = kit.restart();
    await turns();
    for (const [index, step] of steps.entries()) {
      await step();
      gates.delete(DIRECTORIES[index] ?? "");
      held[index]?.resolve();
      await turns();
    }
    await starting;
    await whole(kit);
    await settled(kit);
  };
  return { kit, readAll, startWhile };
}

async function turns(count = 300): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

const HELD = OBJECTS.map(() => "held");

async function statesOf(kit: StorageKit): Promise<readonly string[]> {
  return (await facts(kit)).volumes.map(({ state }) => state);
}

describe("storage: volumes that come and go while the start recovers (STO-107)", () => {
  it("one that comes is recovered by itself before anything that it holds counts as missing, or as garbage", async () => {
    const { kit, readAll, startWhile } = await stored();
    await pull(kit, "/v3");

    await startWhile(async () => {
      await putBack(kit, "/v3");
      await looked(kit);
    });

    assert.deepEqual(await readAll(), HELD);
    assert.deepEqual(await statesOf(kit), ["present", "present", "present"]);
    assert.equal((await collect(kit, true)).blocked, undefined);
    assert.deepEqual(await readAll(), HELD, "after a collection");
    await kit.crash();
    await whole(kit);
    assert.deepEqual(await readAll(), HELD, "after another start");
  });

  it("one that goes is left out of the start, and nothing is collected before it is back", async () => {
    const { kit, readAll, startWhile } = await stored();

    await startWhile(async () => {
      await pull(kit, "/v3");
      await looked(kit);
    });

    assert.deepEqual(await statesOf(kit), ["present", "present", "absent"]);
    assert.equal((await collect(kit, true)).blocked, "a volume is not there");
    await putBack(kit, "/v3");
    await looked(kit);
    assert.deepEqual(await readAll(), HELD);
    assert.equal((await collect(kit, true)).blocked, undefined);
    assert.deepEqual(await readAll(), HELD, "after a collection");
  });

  it("one that goes and comes is recovered as one that has come, with what it holds then", async () => {
    const { kit, readAll, startWhile } = await stored();
    const { disk } = kit;
    assert((await disk.rename("/v3/packs/00300001.pack", "/pulled/pack")).ok);

    await startWhile(
      async () => {
        await pull(kit, "/v3");
        assert((await disk.rename("/pulled/pack", "/pulled/v3/packs/00300001.pack")).ok);
        await looked(kit);
      },
      async () => {
        await putBack(kit, "/v3");
        await looked(kit);
      },
    );

    assert.deepEqual(await readAll(), HELD);
    assert.equal((await collect(kit, true)).blocked, undefined);
    assert.deepEqual(await readAll(), HELD, "after a collection");
    const before = (await facts(kit)).volumes.map(({ packBytes }) => packBytes);
    for (const seed of [100, 101, 102, 103, 104, 105]) assert((await put(kit, randomBytes(900 * KiB, seed))).ok);
    const after = (await facts(kit)).volumes.map(({ packBytes }) => packBytes);
    assert(
      after.every((bytes, index) => bytes > (before[index] ?? 0)),
      "all of them are written",
    );
  });
});
