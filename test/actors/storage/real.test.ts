/** Storage on a real disk, with LMDB, the kernel's lock and the thread pool, in a directory of its own. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { STORE_LOCK_WAIT_MS } from "#actors/storage/actor.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealCpu } from "#runtime/real/cpu.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { PuttingProcess } from "#test/actors/storage/killed-process.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { type RealOptions, type RealStorage, startRealStorage } from "#test/actors/storage/real-storage.ts";
import { put, REAL_MS, whole, within } from "#test/actors/storage/storage-kit.ts";
import { addressOf, randomBytes } from "#test/kit/objects.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const sizes = [0, 1, 64 * KiB, 64 * KiB + 1, 700 * KiB, 1 * MiB, 1 * MiB + 1, 6 * MiB];
const objects: readonly Buffer[] = sizes.map((size, seed) => randomBytes(size, seed));

/** Whole, and closed with the test at the latest. */
async function opened(context: TestContext, directory: string, options: RealOptions = {}): Promise<RealStorage> {
  const kit = await startRealStorage(directory, options);
  context.after(() => kit.close());
  await whole(kit, REAL_MS);
  return kit;
}

async function putAll(kit: RealStorage, all: readonly Buffer[]): Promise<readonly StoredObject[]> {
  const stored: StoredObject[] = [];
  for (const bytes of all) {
    const one = await put(kit, bytes);
    assert(one.ok, JSON.stringify(one));
    stored.push(one.value);
  }
  return stored;
}

async function mustHoldAll(kit: RealStorage, stored: readonly StoredObject[], all: readonly Buffer[]): Promise<void> {
  for (const [index, { manifest }] of stored.entries()) {
    const got = await mustRead(kit.ref, manifest, `object ${index}`);
    assert.equal(Buffer.compare(got, all[index] ?? Buffer.alloc(0)), 0, `object ${index} is what was put`);
  }
}

/** What may not change over a restart, nor with the catalog. */
async function everything({ ref }: RealStorage): Promise<unknown> {
  const facts = await ref.call("describe", {}, within);
  const commits = await ref.call("listManifests", { after: undefined, limit: 1000 }, within);
  // Packs grow when they are sealed, beside the puts.
  assert(facts.ok && commits.ok);
  const { freeBytes: _, packBytes: __, scrub: ___, ...counts } = facts.value;
  const { entries, done, total } = commits.value;
  return { counts, entries, done, total };
}

describe("storage (real disk): objects", () => {
  it("come back as they were, over a restart, and are known when they are put again (STO-1, STO-2)", async (context) => {
    const directory = await tempDirectory(context);
    const first = await opened(context, directory);
    const stored = await putAll(first, objects);
    await mustHoldAll(first, stored, objects);
    const before = await everything(first);
    await first.close();

    const second = await opened(context, directory);

    assert.deepEqual(await everything(second), before);
    await mustHoldAll(second, stored, objects);
    const again = await putAll(second, objects);
    assert.deepEqual(
      again,
      stored.map((one) => ({ ...one, known: true })),
    );
    assert.deepEqual(
      stored.map(({ address }) => address),
      objects.map(addressOf),
    );
  });

  const losses: readonly (readonly [string, (catalog: string) => void])[] = [
    ["deleted", (catalog) => rmSync(catalog, { recursive: true })],
    ["overwritten", (catalog) => writeFileSync(join(catalog, "store.lmdb"), randomBytes(64 * KiB, 99))],
  ];
  for (const [what, lose] of losses) {
    it(`come back when the catalog was ${what} (STO-9)`, async (context) => {
      const directory = await tempDirectory(context);
      const first = await opened(context, directory);
      const stored = await putAll(first, objects);
      const before = await everything(first);
      await first.close();
      const packCount = readdirSync(join(directory, "packs")).length;
      assert(packCount > 2, "some packs were filled");
      lose(join(directory, "catalog"));

      const second = await opened(context, directory);

      assert.deepEqual(await everything(second), before);
      await mustHoldAll(second, stored, objects);
      assert.equal(readdirSync(join(directory, "packs")).length, packCount);
    });
  }
});

/** The pool of a cell, with what became of its tasks. */
function watchedPool(workerFile?: URL): { readonly cpu: Cpu; readonly outcomes: Set<string> } {
  const pool = createRealCpu({ clock: realClock, threads: 2, ...(workerFile === undefined ? {} : { workerFile }) });
  const outcomes = new Set<string>();
  const cpu: Cpu = {
    run: async (name, request, options) => {
      const result = await pool.run(name, request, options);
      outcomes.add(result.ok ? "done" : result.failure.code);
      return result;
    },
    digest: (bytes) => pool.digest(bytes),
    hasher: () => pool.hasher(),
    close: () => pool.close(),
  };
  return { cpu, outcomes };
}

describe("storage (real disk): recovery of payloads", () => {
  /** One object of several chunks in one pack, which nothing was synced behind, and a catalog of before. */
  async function leaveBehind(
    context: TestContext,
    bytes: Buffer,
  ): Promise<{ directory: string; stored: StoredObject }> {
    const directory = await tempDirectory(context);
    const kit = await opened(context, directory, { config: { packSealBytes: 64 * MiB } });
    const [stored] = await putAll(kit, [bytes]);
    assert(stored !== undefined && stored.chunkCount > 1);
    await kit.close();
    const empty = await tempDirectory(context);
    await (await opened(context, empty)).close();
    rmSync(join(directory, "catalog"), { recursive: true });
    cpSync(join(empty, "catalog"), join(directory, "catalog"), { recursive: true });
    return { directory, stored };
  }

  it("finds a flipped bit by the threads of the pool, and cuts the object (STO-3)", async (context) => {
    const bytes = randomBytes(6 * MiB, 1);
    const { directory, stored } = await leaveBehind(context, bytes);
    const pack = join(directory, "packs", "00000001.pack");
    const file = await open(pack, "r+");
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 4 * MiB);
    await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, 4 * MiB);
    await file.close();
    const { cpu, outcomes } = watchedPool();

    const kit = await opened(context, directory, { cpu });

    assert.deepEqual([...outcomes], ["done"]);
    const got = await readObject(kit.ref, stored.manifest);
    assert(!(got instanceof Uint8Array) && got.code === "storage.manifest-not-found");
    assert.equal(statSync(pack).size, PACK_FRONT_BYTES, "nothing but the header of the pack");
    const [again] = await putAll(kit, [bytes]);
    assert(again !== undefined && !again.known);
    await mustHoldAll(kit, [again], [bytes]);
  });

  it("goes on without the pool when its threads die", async (context) => {
    const bytes = randomBytes(6 * MiB, 1);
    const { directory, stored } = await leaveBehind(context, bytes);
    const { cpu, outcomes } = watchedPool(new URL(import.meta.resolve("#test/actors/storage/dying-worker.ts")));

    const kit = await opened(context, directory, { cpu });

    assert.deepEqual([...outcomes], ["pool.crashed"]);
    await mustHoldAll(kit, [stored], [bytes]);
  });
});

describe("storage (real disk): the lock", () => {
  it("is refused while another process holds the store, and had when that one is killed", async (context) => {
    const directory = await tempDirectory(context);
    const holder = new PuttingProcess(directory, 0);
    context.after(() => holder.end());
    await holder.begin();
    const lockClock = new ManualClock();
    const refusals: unknown[] = [];
    const refused = startRealStorage(directory, { lockClock }).catch((defect: unknown) => refusals.push(defect));
    while (lockClock.armedCount === 0) await new Promise<void>((resolve) => setImmediate(resolve));

    await lockClock.advance(STORE_LOCK_WAIT_MS - 1);
    assert.equal(refusals.length, 0, "it waits as long as it may");
    await lockClock.advance(1);
    await refused;

    const [refusal] = refusals;
    assert(refusal instanceof Error);
    assert.match(refusal.message, /^the store is not in the hands of another process: .*lock\.taken.*store\.lock/s);
    await holder.kill();
    const kit = await opened(context, directory);
    for (const [seed, manifest] of holder.acknowledged) await mustRead(kit.ref, manifest, `object ${seed}`);
  });
});
