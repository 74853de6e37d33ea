/** What a start makes of payloads that nothing has verified: on the CPU pool or beside it, and of packs it cannot read. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { MARK_BYTES } from "#actors/storage/packs/record.ts";
import { Pause } from "#actors/storage/pause.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { CHECKS_AT_ONCE_MAX } from "#actors/storage/recovery/found-commits.ts";
import { Recovery } from "#actors/storage/recovery/recovery.ts";
import { NO_MARK } from "#actors/storage/recovery/sequence-mark.ts";
import { type Failure, fail } from "#runtime/errors.ts";
import { type Cpu, type CpuTasks, POOL_DIGEST_BYTES_MIN, type PoolFailure } from "#runtime/pool/cpu.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import {
  catalogOfNothing,
  firstPack,
  firstPayload,
  firstTable,
  type LeftBehind,
  leaveBehind,
} from "#test/actors/storage/left-behind.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { packBytes, put, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";
import { silentLog } from "#test/kit/actor.ts";
import { randomBytes } from "#test/kit/objects.ts";

type Place = readonly [name: string, position: number];
type Range = CpuTasks["digestFileRange"]["request"];

interface WatchedCpu {
  readonly cpu: Cpu;
  /** What the pool was asked to digest. */
  readonly ranges: readonly Range[];
  /** Tasks under way at once, at most. */
  readonly mostAtOnce: () => number;
}

/** A pool that fails every task as told, or does them all, each after a turn of the loop. */
function watchedCpu(disk: MemoryDisk, failure?: PoolFailure): WatchedCpu {
  const inline = inlineCpu({ disk });
  const ranges: Range[] = [];
  let now = 0;
  let most = 0;
  const run: Cpu["run"] = async (name, request, within) => {
    if ("path" in request) ranges.push(request);
    now += 1;
    most = Math.max(most, now);
    await new Promise<void>((resolve) => setImmediate(resolve));
    now -= 1;
    return failure === undefined ? await inline.run(name, request, within) : fail(failure);
  };
  return { cpu: { ...inline, run }, ranges, mostAtOnce: () => most };
}

async function restart({ disk, kv }: LeftBehind, cpu: Cpu = inlineCpu({ disk })): Promise<StorageKit> {
  const kit = await startStorage({ disk, kv, cpu });
  await whole(kit);
  return kit;
}

async function isKept(kit: StorageKit, stored: StoredObject | undefined, bytes: Uint8Array): Promise<boolean> {
  assert(stored !== undefined);
  const got = await readObject(kit.ref, stored.manifest);
  if (got instanceof Uint8Array) {
    assert.equal(Buffer.compare(got, bytes), 0, "what is kept is what was put");
    return true;
  }
  assert.equal(got.code, "storage.manifest-not-found", "what is not kept is not there at all");
  return false;
}

const unwell: readonly PoolFailure[] = [
  { code: "pool.crashed", cause: "planted", executed: "maybe" },
  { code: "pool.down", executed: "no" },
  { code: "pool.full", waitingMax: 0 },
  { code: "pool.expired", executed: "no" },
  { code: "pool.task-failed", cause: "planted" },
];

describe("storage: recovery of a payload", () => {
  it("is digested on the pool at POOL_DIGEST_BYTES_MIN, and not one byte below", async () => {
    for (const lengthBytes of [POOL_DIGEST_BYTES_MIN, POOL_DIGEST_BYTES_MIN - 1]) {
      const bytes = randomBytes(lengthBytes, 1);
      const left = await leaveBehind(bytes);
      const { cpu, ranges } = watchedCpu(left.disk);

      const kit = await restart(left, cpu);

      const position = firstPayload(lengthBytes);
      const asked = lengthBytes === POOL_DIGEST_BYTES_MIN ? [{ path: firstPack, position, lengthBytes }] : [];
      assert.deepEqual(ranges, asked);
      assert(await isKept(kit, left.stored[0], bytes));
    }
  });

  for (const sizeBytes of [POOL_DIGEST_BYTES_MIN + 5, POOL_DIGEST_BYTES_MIN - 5, 60 * KiB]) {
    const payload = firstPayload(sizeBytes);
    const inTable: readonly Place[] = [
      ["the first byte of the table", firstTable],
      ["the last byte of the table", payload - 1],
    ];
    const places: readonly Place[] = [
      ["the header", firstTable - 1],
      ...(payload > firstTable ? inTable : []),
      ["the first byte of the payload", payload],
      ["the last byte of the payload", payload + sizeBytes - 1],
    ];
    for (const [name, position] of places) {
      it(`finds a flipped bit in ${name} of ${sizeBytes} bytes, and cuts the torn object (STO-3)`, async () => {
        const bytes = randomBytes(sizeBytes, 2);
        const left = await leaveBehind(bytes);
        left.disk.flipByte(firstPack, position, 1);

        const kit = await restart({ ...left, kv: await catalogOfNothing() });

        assert(!(await isKept(kit, left.stored[0], bytes)));
        assert.equal(await packBytes(left.disk), PACK_FRONT_BYTES, "nothing but the header of the pack");
        const again = await put(kit, bytes);
        assert(again.ok && !again.value.known && (await isKept(kit, again.value, bytes)));
      });
    }
  }

  for (const failure of unwell) {
    it(`is verified without the pool when that answers ${failure.code}`, async () => {
      const bytes = randomBytes(5 * MiB, 3);
      const [well, torn] = [await leaveBehind(bytes), await leaveBehind(bytes)];
      torn.disk.flipByte(firstPack, 2 * MiB, 1);

      const wellKit = await restart(well, watchedCpu(well.disk, failure).cpu);
      const tornKit = await restart(torn, watchedCpu(torn.disk, failure).cpu);

      assert(await isKept(wellKit, well.stored[0], bytes));
      assert(!(await isKept(tornKit, torn.stored[0], bytes)));
    });
  }

  it("asks a pool that has crashed no more", async () => {
    const bytes = randomBytes(40 * MiB, 4);
    const left = await leaveBehind(bytes);
    const { cpu, ranges } = watchedCpu(left.disk, { code: "pool.crashed", cause: "planted", executed: "maybe" });

    const kit = await restart(left, cpu);

    assert(ranges.length <= CHECKS_AT_ONCE_MAX, "only what was under way when it crashed");
    assert(await isKept(kit, left.stored[0], bytes));
  });

  it("counts as unreadable when neither the pool nor storage itself can read it", async () => {
    const bytes = randomBytes(600 * KiB, 5);
    const left = await leaveBehind(bytes);
    const payload = firstPayload(bytes.length);
    const read = left.disk.read.bind(left.disk);
    let refusedCount = 0;
    left.disk.read = async (handle, into, position) => {
      if (position < payload || position >= payload + bytes.length) return await read(handle, into, position);
      refusedCount += 1;
      return fail({ code: "disk.broken", path: firstPack, errno: "EIO" });
    };

    const taskFailed: PoolFailure = { code: "pool.task-failed", cause: "planted" };
    const { cpu, ranges } = watchedCpu(left.disk, taskFailed);
    const kit = await restart(left, cpu);

    assert(ranges.length > 0);
    assert(refusedCount > 0, "it was tried here as well");
    assert(!(await isKept(kit, left.stored[0], bytes)));
  });

  it(`is verified beside others, ${CHECKS_AT_ONCE_MAX} at once and no more`, async () => {
    const bytes = randomBytes(40 * MiB, 6);
    const left = await leaveBehind(bytes);
    const { cpu, ranges, mostAtOnce } = watchedCpu(left.disk);

    const kit = await restart(left, cpu);

    assert(ranges.length > CHECKS_AT_ONCE_MAX);
    assert.equal(mostAtOnce(), CHECKS_AT_ONCE_MAX);
    assert(await isKept(kit, left.stored[0], bytes));
  });

  it("is verified once, however often an object repeats it", async () => {
    const bytes = new Uint8Array(21 * MiB);
    const left = await leaveBehind(bytes);
    const { cpu, ranges } = watchedCpu(left.disk);

    const kit = await restart(left, cpu);

    const lengths = ranges.map(({ lengthBytes }) => lengthBytes).sort((one, other) => one - other);
    assert.deepEqual(lengths, [1 * MiB, 4 * MiB]);
    assert(await isKept(kit, left.stored[0], bytes));
  });
});

describe("storage: recovery of a pack that cannot be read", () => {
  it("fails the start rather than take a pack that cannot be opened for an empty one", async () => {
    const bytes = randomBytes(3000, 1);
    const left = await leaveBehind(bytes);
    left.disk.failNext("open", "EMFILE");

    const kit = await startStorage(left);
    for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
    await kit.clock.advance(1);

    const [exit] = kit.exits;
    assert(exit?.kind === "crashed" && exit.defect instanceof Error);
    assert.match(exit.defect.message, /a pack can be opened: .*EMFILE/s);
    await kit.restart();
    await whole(kit);
    assert(await isKept(kit, left.stored[0], bytes));
  });

  it("leaves one alone whose front cannot be read, and finds its objects when it can be again", async () => {
    const bytes = randomBytes(3000, 1);
    const left = await leaveBehind(bytes);
    const read = left.disk.read.bind(left.disk);
    left.disk.read = async () => fail({ code: "disk.broken", path: firstPack, errno: "EIO" });

    const blind = await restart(left);
    assert(!(await isKept(blind, left.stored[0], bytes)));
    blind.actor.kill("test");
    left.disk.read = read;
    left.kv.remove("/data/catalog");
    const kit = await restart(left);

    assert(await isKept(kit, left.stored[0], bytes));
  });
});

describe("storage: a catalog of other packs", () => {
  it("is thrown away, and nothing of the packs with it (STO-9)", async () => {
    const bytes = randomBytes(9000, 1);
    const { disk, stored } = await leaveBehind(bytes);
    const kv = memoryKvStores({ disk });
    const opened = await kv.open("/data/catalog", { mapBytesMax: 1 * MiB });
    assert(opened.ok);
    const catalog = new Catalog(opened.value);
    const mark = randomBytes(MARK_BYTES, 99);
    catalog.setPack({ pack: 1, mark, checkpoint: 5000, epoch: 3, recordCount: 4, sealed: false });
    catalog.setComplete();
    await catalog.flush();
    await opened.value.close();

    const kit = await restart({ disk, kv, stored });

    assert(await isKept(kit, stored[0], bytes));
  });
});

describe("storage: recovery after a recovery that was cut off", () => {
  it("finds everything when the incarnation ended while payloads were verified", async () => {
    const bytes = randomBytes(12 * MiB, 7);
    const left = await leaveBehind(bytes);
    const inline = inlineCpu({ disk: left.disk });
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const run: Cpu["run"] = async (...task) => {
      asked.resolve();
      await released.promise;
      return await inline.run(...task);
    };

    const kit = await startStorage({ ...left, cpu: { ...inline, run } });
    await asked.promise;
    kit.actor.kill("test");
    released.resolve();
    await kit.restart();
    await whole(kit);

    assert(await isKept(kit, left.stored[0], bytes));
  });

  it("keeps what the catalog knows already and no checkpoint covers yet (STO-1)", async () => {
    const bytes = randomBytes(12 * MiB, 7);
    const left = await leaveBehind(bytes);
    await cutOffBeforeCheckpoints(left);

    const kit = await restart(left);

    assert(await isKept(kit, left.stored[0], bytes));
  });
});

/** Everything of a recovery that comes before the checkpoints move, with the catalog written and complete. */
async function cutOffBeforeCheckpoints({ disk, kv }: { disk: MemoryDisk; kv: MemoryKvStores }): Promise<void> {
  const opened = await kv.open("/data/catalog", { mapBytesMax: 64 * MiB });
  assert(opened.ok);
  const catalog = new Catalog(opened.value);
  catalog.setComplete();
  const setPack = catalog.setPack.bind(catalog);
  const cut: Failure = { code: "test.cut-off" };
  catalog.setPack = () => {
    throw cut;
  };
  const recovery = new Recovery({
    slots: [0],
    keepsUnclaimed: false,
    isLacking: false,
    mark: NO_MARK,
    files: new PackFiles(disk, "/data/packs", 4),
    catalog,
    cpu: inlineCpu({ disk }),
    pause: new Pause(new ManualClock(), realScheduler),
    random: seededRandom(1),
    log: silentLog,
    onProgress: () => undefined,
    keeps: { fateOf: () => "kept", highestSequence: 0, isHeldByPut: () => true },
    isOver: () => false,
  });
  await assert.rejects(recovery.run(), cut);
  catalog.setPack = setPack;
  assert.equal(catalog.packs.size, 0);
  assert(catalog.totals.chunkCount > 3);
  await catalog.flush();
  await opened.value.close();
}
