/** What volumes come to while the node runs: full, failing, gone, and back; each change is told once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VOLUME_STALL_MS } from "#actors/storage/volumes/disk-lane.ts";
import { VOLUME_FAILURES_MAX, VOLUME_ROOM_PERCENT_MIN } from "#actors/storage/volumes/volume-place.ts";
import { VOLUME_LOOK_INTERVAL_MS } from "#actors/storage/volumes/volumes.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail } from "#runtime/errors.ts";
import { memoryLocks } from "#runtime/simulated/lock.ts";
import { GiB } from "#runtime/units.ts";
import { turns } from "#test/actors/storage/refused-reads.ts";
import { HungDisk } from "#test/actors/storage/volumes/hung-disk.ts";
import { RESERVE_BYTES, statesOf, volumesWorld } from "#test/actors/storage/volumes/volumes-kit.ts";

const broken = diskFailure("EIO", "/a/packs/00000001.pack");

describe("volumes: looks (STO-75)", () => {
  it("tell that a disk is gone, and back, once each", async () => {
    const { start, look, unmount, mount, changes, clock } = await volumesWorld();
    const volumes = await start(["/a", "/b"]);
    await look();
    await unmount("/b");
    await look();
    await look();
    const gone = volumes.view(2);
    await mount("/b");
    await look();
    await look();

    assert.deepEqual(changes(), ["2: present → absent", "2: absent → present"]);
    assert.equal(gone?.changedAtMs, 2 * VOLUME_LOOK_INTERVAL_MS);
    assert.equal(volumes.view(2)?.changedAtMs, 4 * VOLUME_LOOK_INTERVAL_MS);
    await volumes.close();
    assert.equal(clock.armedCount, 0);
  });

  it("find a volume full below the reserve, and present only when more than it is free", async () => {
    const { disk, start, look, changes } = await volumesWorld();
    const volumes = await start(["/a"]);
    const usedBytes = GiB - (volumes.view(1)?.freeBytes ?? 0);
    const freeAtReturn = (RESERVE_BYTES * VOLUME_ROOM_PERCENT_MIN) / 100;
    const withFree = async (freeBytes: number) => {
      // What is remembered of volumes has grown since `open` looked.
      const now = await disk.space("/a");
      assert(now.ok);
      disk.capacityBytes += freeBytes - now.value.freeBytes;
      await look();
      return statesOf(volumes).join();
    };

    assert(usedBytes > 0);
    assert.equal(await withFree(RESERVE_BYTES), "1 present");
    assert.equal(await withFree(RESERVE_BYTES - 1), "1 full");
    assert.deepEqual([volumes.isReadable(1), volumes.writable()], [true, []]);
    assert.equal(await withFree(freeAtReturn - 1), "1 full");
    assert.equal(await withFree(freeAtReturn), "1 present");
    assert.deepEqual(changes(), ["1: present → full", "1: full → present"]);
  });

  it("do not take a want of descriptors for the loss of a disk", async () => {
    const { disk, start, look, changes } = await volumesWorld();
    await start(["/a"]);
    disk.failNext("readFile", "EMFILE");
    await look();

    assert.deepEqual(changes(), []);
  });

  it("go on at the others while one disk hangs, and close waits for that, though not for ever (STO-100)", async () => {
    const { clock, disk, start, look, unmount, changes } = await volumesWorld();
    const hang = Promise.withResolvers<void>();
    let isHanging = false;
    const hanging = new Proxy(disk, {
      get: (target, name) => {
        if (name === "readFile") {
          return async (path: string) => {
            if (isHanging && path.startsWith("/a/")) await hang.promise;
            return await target.readFile(path);
          };
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const volumes = await start(["/a", "/b"], { disk: hanging });
    isHanging = true;
    await unmount("/b");
    await look();
    assert.deepEqual(changes(), ["2: present → absent"]);

    let isClosed = false;
    await unmount("/a");
    const closed = volumes.close().then(() => {
      isClosed = true;
    });
    await look();
    assert.equal(isClosed, false);
    await clock.advance(VOLUME_STALL_MS - VOLUME_LOOK_INTERVAL_MS);
    assert.equal(isClosed, true);
    await closed;
    hang.resolve();
    await clock.advance(0);
    // After it nothing is told.
    assert.deepEqual(changes(), []);
  });

  it("leave the lock of a volume that hangs to nobody before what is late there is over (STO-100)", async () => {
    const { clock, disk, locks, start } = await volumesWorld();
    const hung = new HungDisk(disk);
    const volumes = await start(["/a"], { disk: hung.disk });
    hung.hang("/a");
    const late = volumes.disk.replaceFile("/a/packs/00000001.pack", Buffer.from("late"));
    await clock.advance(VOLUME_STALL_MS);
    assert(!(await late).ok);

    await volumes.close();
    const others = memoryLocks(clock, { table: locks });
    const meanwhile = await others.acquire("/a/VOLUME.lock", { waitMs: 0 });
    hung.thaw("/a");
    await clock.settle();
    assert.deepEqual([meanwhile.ok, (await others.acquire("/a/VOLUME.lock", { waitMs: 0 })).ok], [false, true]);
  });

  it("end with the signal", async () => {
    const { start, look, unmount, changes, clock } = await volumesWorld();
    const controller = new AbortController();
    await start(["/a"], { signal: controller.signal });
    await unmount("/a");
    controller.abort();
    await look();

    assert.deepEqual([changes(), clock.armedCount], [[], 0]);
  });
});

describe("volumes: troubled (STO-76)", () => {
  it("looks at once: a disk that is gone is absent, in one look for all who come", async () => {
    const { disk, start, unmount, changes } = await volumesWorld();
    const volumes = await start(["/a"]);
    await unmount("/a");
    let lookCount = 0;
    const { readFile } = disk;
    disk.readFile = (path) => {
      lookCount += 1;
      return readFile.call(disk, path);
    };

    await Promise.all(Array.from({ length: 100 }, () => volumes.troubled(1, broken)));

    assert.deepEqual([changes(), lookCount], [["1: present → absent"], 1]);
  });

  it("makes it full where a write found no room, until the next look finds some", async () => {
    const { start, look, changes } = await volumesWorld();
    const volumes = await start(["/a"]);

    await volumes.troubled(1, diskFailure("ENOSPC", "/a/packs/x"));
    assert.deepEqual(statesOf(volumes), ["1 full"]);
    await look();

    assert.deepEqual(changes(), ["1: present → full", "1: full → present"]);
  });

  it("leaves it full while it takes not even a small file, though it has bytes free", async () => {
    const { disk, start, look, changes } = await volumesWorld();
    const volumes = await start(["/a"]);
    const { replaceFile } = disk;
    // Without an inode.
    disk.replaceFile = async (path) => fail({ code: "disk.full", path });

    await volumes.troubled(1, diskFailure("ENOSPC", "/a/packs/x"));
    for (let turn = 0; turn < 5; turn += 1) await look();
    assert.deepEqual(changes(), ["1: present → full"]);
    disk.replaceFile = replaceFile;
    await look();

    assert.deepEqual(changes(), ["1: full → present"]);
  });

  it("counts what is written to it, and looks before its reserve would be", async () => {
    const { disk, start, look, changes } = await volumesWorld();
    const volumes = await start(["/a", "/b"]);
    await look();
    const view = volumes.view(1);
    assert(view !== undefined);
    const roomBytes = view.freeBytes - RESERVE_BYTES;

    volumes.wrote(1, roomBytes);
    await turns();
    assert.deepEqual(changes(), []);
    assert.equal(volumes.view(1)?.freeBytes, RESERVE_BYTES);
    disk.capacityBytes -= roomBytes + 1;
    volumes.wrote(1, 1);
    await turns();
    assert.deepEqual(changes(), ["1: present → full"]);

    // What was counted and is not so is found by the next look.
    disk.capacityBytes += roomBytes + 1;
    await look();
    assert.deepEqual([statesOf(volumes).at(0), volumes.view(1)?.freeBytes], ["1 present", view.freeBytes]);
  });

  it("makes it failing after so many failures, and present when it takes a write again", async () => {
    const { disk, start, look, changes, exists } = await volumesWorld();
    const volumes = await start(["/a"]);
    for (let count = 1; count < VOLUME_FAILURES_MAX; count += 1) await volumes.troubled(1, broken);
    assert.deepEqual(statesOf(volumes), ["1 present"]);
    await volumes.troubled(1, broken);
    assert.deepEqual([statesOf(volumes), volumes.isReadable(1), volumes.writable()], [["1 failing"], true, []]);

    disk.failNext("replaceFile", "EROFS");
    await look();
    assert.deepEqual(statesOf(volumes), ["1 failing"]);
    await look();

    assert.deepEqual(changes(), ["1: present → failing", "1: failing → present"]);
    assert.equal(await exists("/a/VOLUME.probe"), false);
  });

  it("counts in a row: a look that finds nothing wrong begins anew, and a file that is not there says nothing", async () => {
    const { start, look } = await volumesWorld();
    const volumes = await start(["/a"]);
    for (let count = 1; count < VOLUME_FAILURES_MAX; count += 1) await volumes.troubled(1, broken);
    await look();
    for (let count = 1; count < VOLUME_FAILURES_MAX; count += 1) await volumes.troubled(1, broken);
    await volumes.troubled(1, diskFailure("ENOENT", "/a/packs/x"));

    assert.deepEqual(statesOf(volumes), ["1 present"]);
  });

  it("counts what comes in the middle of a look, which does not clear it", async () => {
    const { disk, start, look } = await volumesWorld();
    const volumes = await start(["/a"]);
    const told: Promise<void>[] = [];
    const { readFile } = disk;
    disk.readFile = async (path) => {
      const mark = await readFile.call(disk, path);
      if (told.length === 0) {
        told.push(...Array.from({ length: VOLUME_FAILURES_MAX }, () => volumes.troubled(1, broken)));
      }
      return mark;
    };
    await look();
    await Promise.all(told);

    assert.deepEqual([statesOf(volumes), told.length], [["1 failing"], VOLUME_FAILURES_MAX]);
  });

  it("is nothing for a number that no volume has", async () => {
    const { start, changes } = await volumesWorld();
    const volumes = await start(["/a"]);

    await volumes.troubled(0, broken);
    await volumes.troubled(7, broken);

    assert.deepEqual(changes(), []);
  });
});
