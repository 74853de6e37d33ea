/** Volumes whose disks do not answer: what is written goes on with the others, and comes whole when they thaw. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { VOLUME_STALL_MS } from "#actors/storage/volumes/disk-lane.ts";
import type { Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { CELL_THREADS } from "#supervisor/cell-flags.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage } from "#test/actors/storage/storage-kit.ts";
import { HungDisk } from "#test/actors/storage/volumes/hung-disk.ts";
import { facts, looked, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const config = { packSealBytes: 4 * MiB, writeQuotaBytes: 64 * MiB };
const SIZES = [1, 40 * KiB, 300 * KiB, 900 * KiB, 5 * MiB, 9 * MiB];

interface World {
  readonly kit: StorageKit;
  readonly hung: HungDisk;
  /** All that was acknowledged. */
  readonly stored: { readonly manifest: Digest; readonly bytes: Uint8Array }[];
}

async function startSix(): Promise<World> {
  const hung = new HungDisk(new MemoryDisk({ capacityBytes: 4 * GiB }));
  return { kit: await startStorage({ disk: hung.disk, volumes, config }), hung, stored: [] };
}

async function turns(count = 400): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Puts an object of every size at once; answers with how each came out, `undefined` for one that is not over in `withinMs`. */
async function putAll(
  { kit, stored }: World,
  seed: number,
  withinMs: number,
): Promise<(Result<unknown> | undefined)[]> {
  const outcomes: (Result<unknown> | undefined)[] = SIZES.map(() => undefined);
  for (const [index, sizeBytes] of SIZES.entries()) {
    const bytes = randomBytes(sizeBytes, seed + index);
    void put(kit, bytes).then((done) => {
      outcomes[index] = done;
      if (done.ok) stored.push({ manifest: done.value.manifest, bytes });
    });
  }
  await turns();
  for (let passedMs = 0; passedMs < withinMs && outcomes.includes(undefined); passedMs += 500) {
    await kit.clock.advance(500);
    await turns(100);
  }
  return outcomes;
}

async function assertHeld({ kit, stored }: World): Promise<void> {
  for (const { manifest, bytes } of stored) {
    const read = await readObject(kit.ref, manifest);
    if (!(read instanceof Uint8Array)) assert.fail(`${bytes.length} bytes: ${JSON.stringify(read)}`);
    assert(Buffer.compare(read, bytes) === 0, "the bytes are those that were put");
  }
}

function allPut(outcomes: readonly (Result<unknown> | undefined)[]): void {
  assert.deepEqual(
    outcomes.map((outcome) => (outcome?.ok === false ? outcome.failure : outcome?.ok)),
    SIZES.map(() => true),
  );
}

async function statesOf(kit: StorageKit): Promise<readonly string[]> {
  const told = await facts(kit);
  return told.volumes.map(({ state, problem }) => (problem === undefined ? state : `${state}: ${problem}`));
}

const saysSo = (directory: string): string =>
  `failing: ${directory} has not answered for 10 s: nothing is written to it`;

describe("storage: volumes that hang (STO-99)", () => {
  for (const gone of [["/v3"], ["/v2", "/v5"], ["/v1", "/v3", "/v6"]]) {
    it(`puts go on without them, and repair makes whole what was put (${gone.length} of six)`, async () => {
      const world = await startSix();
      const { hung, kit } = world;
      allPut(await putAll(world, 1, 0));

      for (const volume of gone) hung.hang(volume);
      allPut(await putAll(world, 100, VOLUME_STALL_MS + 1000));
      const begunCount = hung.hanging.length;
      assert(begunCount > 0);
      allPut(await putAll(world, 200, 0));

      await assertHeld(world);
      const expected = SIX.map((directory) => (gone.includes(directory) ? saysSo(directory) : "present"));
      assert.deepEqual(await statesOf(kit), expected);
      await looked(kit);
      await looked(kit);
      assert.deepEqual(await statesOf(kit), expected);
      assert.equal(hung.hanging.length, begunCount, "nothing more is asked of them");

      for (const volume of gone) hung.thaw(volume);
      await turns();
      await looked(kit);
      assert.deepEqual(
        await statesOf(kit),
        SIX.map(() => "present"),
      );
      const { profile, repair } = await settled(kit);
      assert.deepEqual([profile, repair.state, repair.backlogCount], ["4+2", "idle", 0]);
      await assertHeld(world);
      allPut(await putAll(world, 300, 0));

      // Nothing that came late has harmed what was written before or since.
      await kit.crash();
      await turns();
      await assertHeld(world);
    });
  }

  it("refuses puts where all of them hang, and takes them again", async () => {
    const world = await startSix();
    for (const volume of SIX) world.hung.hang(volume);

    const refused = await putAll(world, 1, 2 * VOLUME_STALL_MS);
    for (const outcome of refused) {
      const said = outcome?.ok === false ? JSON.stringify(outcome.failure) : "it is not refused";
      assert.match(said, /^\{"code":"storage.write-failed","errno":"(ETIMEDOUT|ENODEV)"\}$/);
    }

    for (const volume of SIX) world.hung.thaw(volume);
    await turns();
    await looked(world.kit);
    allPut(await putAll(world, 1, 0));
    await assertHeld(world);
  });

  it("serves from the others what one does not give, which is absent then (STO-100)", async () => {
    const world = await startSix();
    const { hung, kit } = world;
    allPut(await putAll(world, 1, 0));
    await settled(kit);
    hung.hang("/v4", { reads: true });

    const reading = assertHeld(world);
    let isOver = false;
    void reading.finally(() => {
      isOver = true;
    });
    for (let passedMs = 0; passedMs <= 2 * VOLUME_STALL_MS && !isOver; passedMs += 500) {
      await kit.clock.advance(500);
      await turns(100);
    }
    assert(isOver);
    await reading;
    await kit.clock.advance(VOLUME_STALL_MS);
    await looked(kit);
    assert.equal((await statesOf(kit))[3], "absent: /v4 cannot be looked at (ETIMEDOUT)");
    allPut(await putAll(world, 100, 0));

    hung.thaw("/v4");
    await turns();
    await looked(kit);
    await looked(kit);
    assert.equal((await statesOf(kit))[3], "present");
    const { repair } = await settled(kit);
    assert.deepEqual([repair.state, repair.backlogCount], ["idle", 0]);
    await assertHeld(world);
  });

  it("leave threads to the others, however many read (STO-111)", async () => {
    const hung = new HungDisk(new MemoryDisk({ capacityBytes: 4 * GiB }));
    let freeCount = CELL_THREADS;
    const line: (() => void)[] = [];
    const threaded = watchedDisk(hung.disk, async (_, begin) => {
      if (freeCount === 0) await new Promise<void>((resolve) => line.push(resolve));
      else freeCount -= 1;
      return await begin().finally(() => {
        const next = line.shift();
        if (next === undefined) freeCount += 1;
        else next();
      });
    });
    const kit = await startStorage({ disk: threaded, volumes, config: { ...config, readDescriptorsMax: 64 } });
    const world: World = { kit, hung, stored: [] };
    for (let seed = 1; seed <= 60; seed += SIZES.length) allPut(await putAll(world, seed, 0));
    await settled(kit);
    await assertHeld(world);
    for (const volume of ["/v2", "/v4"]) hung.hang(volume, { reads: true });

    const reads = world.stored.map(({ manifest }) => mustRead(kit.ref, manifest, "what was put"));
    await turns();
    for (let passedMs = 0; passedMs <= 3 * VOLUME_STALL_MS; passedMs += 500) {
      await kit.clock.advance(500);
      await turns(100);
    }

    assert(freeCount > 0, "threads are left");
    for (const [index, read] of (await Promise.all(reads)).entries()) {
      assert.equal(Buffer.compare(read, world.stored[index]?.bytes ?? new Uint8Array()), 0);
    }
    allPut(await putAll(world, 1000, 0));
    for (const volume of SIX) hung.thaw(volume);
    await turns();
  });

  it("hold no thread of the pool, which reads nothing of volumes (STO-100)", async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
    const pool = inlineCpu({ disk });
    const ranges: unknown[] = [];
    const run: Cpu["run"] = async (name, request, limits) => {
      if (name === "digestFileRange") ranges.push(request);
      return await pool.run(name, request, limits);
    };
    const kit = await startStorage({ disk, cpu: { ...pool, run }, volumes, config });
    allPut(await putAll({ kit, hung: new HungDisk(disk), stored: [] }, 1, 0));
    await settled(kit);

    await scrubbed(kit);

    assert.deepEqual(ranges, []);
  });

  it("keep neither the end of a life nor the start of the next one waiting (STO-100)", async () => {
    const world = await startSix();
    const { hung, kit } = world;
    allPut(await putAll(world, 1, 0));
    hung.hang("/v2");
    const outcomes = putAll(world, 100, VOLUME_STALL_MS + 1000);
    allPut(await outcomes);

    const crashed = kit.crash();
    await kit.clock.advance(VOLUME_STALL_MS);
    await turns();
    await crashed;
    assert.equal((await statesOf(kit))[1], saysSo("/v2"));
    await assertHeld(world);
    allPut(await putAll(world, 200, 0));

    hung.thaw("/v2");
    await turns();
    await looked(kit);
    await looked(kit);
    assert.equal((await statesOf(kit))[1], "present");
    const { repair } = await settled(kit);
    assert.deepEqual([repair.state, repair.backlogCount], ["idle", 0]);
    await assertHeld(world);
  });
});
