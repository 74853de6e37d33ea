/** Which directory is which volume: what is made, missed, moved and left alone. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SLOT_MAX } from "#actors/storage/packs/pack-number.ts";
import { decodeMark } from "#actors/storage/volumes/volume-mark.ts";
import { encodeMemory } from "#actors/storage/volumes/volume-memory.ts";
import { VOLUME_LOCK_WAIT_MS, VOLUME_LOOK_INTERVAL_MS, Volumes } from "#actors/storage/volumes/volumes.ts";
import { Defect } from "#runtime/errors.ts";
import { memoryLocks } from "#runtime/simulated/lock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import {
  ANOTHER_STORE,
  markOn,
  RESERVE_BYTES,
  statesOf,
  volumesWorld,
} from "#test/actors/storage/volumes/volumes-kit.ts";

const problemsOf = ({ all }: Volumes) => all.map(({ problem }) => problem ?? "").join("; ");

describe("volumes: a directory that was never seen", () => {
  it("is made, with packs and a mark, and is the next number from then on (STO-71)", async () => {
    const { disk, start, exists } = await volumesWorld();

    const volumes = await start(["/mnt/b/", "/mnt/a"]);

    assert.deepEqual(statesOf(volumes), ["1 present", "2 present"]);
    const [first, second] = volumes.all;
    assert(first !== undefined && second !== undefined);
    assert.deepEqual([first.directory, first.weight, first.domain, first.problem], ["/mnt/b", 1, first.id, undefined]);
    assert.notEqual(first.id, second.id);
    assert.equal(decodeMark(Buffer.from(await markOn(disk, "/mnt/b")))?.id, first.id);
    assert(await exists("/mnt/a/packs"));
    assert.deepEqual(
      [1, 2, 3].map((slot) => volumes.directoryOf(slot)),
      ["/mnt/b/packs", "/mnt/a/packs", undefined],
    );
    assert.deepEqual([volumes.view(2), volumes.isReadable(2), volumes.isReadable(0)], [second, true, false]);
  });

  it("keeps id and number over starts, in whatever order, also after a power cut", async () => {
    const { disk, start } = await volumesWorld();
    const before = (await start(["/a", "/b"])).all.map(({ id, slot }) => ({ id, slot }));
    disk.crash(seededRandom(5));

    const after = (await start(["/b", "/a"])).all.map(({ id, slot }) => ({ id, slot }));

    assert.deepEqual(after, before.toReversed());
  });

  it("gets no number that was ever given out, though the volume is gone from the configuration", async () => {
    const { start } = await volumesWorld();
    await start(["/a", "/b"]);
    await start(["/a"]);

    assert.deepEqual(statesOf(await start(["/a", "/c"])), ["1 present", "3 present"]);
    assert.deepEqual(statesOf(await start(["/a", "/c", "/b"])), ["1 present", "3 present", "2 present"]);
  });

  it("is made when the disk allows it, with the number that it was to have", async () => {
    const { disk, start, look, changes } = await volumesWorld();
    disk.failNext("makeDirectory", "EACCES");
    const volumes = await start(["/a"]);
    assert.deepEqual(statesOf(volumes), ["0 absent"]);
    assert(problemsOf(volumes).includes("cannot be made a volume: EACCES"));
    disk.failNext("replaceFile", "EIO");
    await look();
    assert.deepEqual(statesOf(volumes), ["0 absent"]);

    await look();

    assert.deepEqual(statesOf(volumes), ["1 present"]);
    assert.deepEqual(changes(), ["1: absent → present"]);
  });

  it("is not made when there is no number left", async () => {
    const { disk, start, exists } = await volumesWorld();
    const memory = { node: ANOTHER_STORE, slotMax: SLOT_MAX - 1, volumes: [], forgotten: [], doubted: [] };
    await disk.replaceFile("/data/volumes", encodeMemory(memory));

    const volumes = await start(["/a", "/b"]);

    assert.deepEqual(statesOf(volumes), [`${SLOT_MAX} present`, "0 absent"]);
    assert.equal(await exists("/b"), false);
  });
});

describe("volumes: a disk that is not mounted (STO-72)", () => {
  for (const mountPoint of ["is there, empty", "is not there"]) {
    it(`is missed at the start, and nothing is written to its mount point, which ${mountPoint}`, async () => {
      const { disk, start, look, unmount, mount, exists, changes } = await volumesWorld();
      await start(["/a", "/b"]);
      await unmount("/b");
      if (mountPoint === "is not there") await disk.removeTree("/b");

      const volumes = await start(["/a", "/b"]);
      await look();

      assert.deepEqual(statesOf(volumes), ["1 present", "2 absent"]);
      assert.match(problemsOf(volumes), /mount the disk of volume [0-9a-f]{16}, or name a fresh disk .* by a path/);
      assert.deepEqual([volumes.isReadable(2), volumes.directoryOf(2)], [false, undefined]);
      assert.deepEqual(
        volumes.writable().map(({ slot }) => slot),
        [1],
      );
      assert.deepEqual([await exists("/b/packs"), await exists("/b/VOLUME")], [false, false]);

      await mount("/b");
      await look();
      assert.deepEqual(statesOf(volumes), ["1 present", "2 present"]);
      assert.deepEqual(changes(), ["2: absent → present"]);
    });
  }

  it("is the same volume at another path, and its old path gets no new one", async () => {
    const { start, unmount, mount, exists } = await volumesWorld();
    const [, before] = (await start(["/a", "/b"])).all;
    await unmount("/b");
    await mount("/c", "/b");

    const volumes = await start(["/a", "/c", "/b"]);

    assert.deepEqual(statesOf(volumes), ["1 present", "2 present", "0 absent"]);
    assert.equal(volumes.all[1]?.id, before?.id);
    assert.equal(volumes.directoryOf(2), "/c/packs");
    assert.equal(await exists("/b/VOLUME"), false);
  });

  it("may have changed places with another one", async () => {
    const { start, unmount, mount } = await volumesWorld();
    await start(["/a", "/b"]);
    await unmount("/a");
    await unmount("/b");
    await mount("/a", "/b");

    assert.deepEqual(statesOf(await start(["/a", "/b"])), ["2 present", "0 absent"]);
    await mount("/b", "/a");
    assert.deepEqual(statesOf(await start(["/a", "/b"])), ["2 present", "1 present"]);
  });

  it("gives way to a fresh disk under another path", async () => {
    const { start, unmount } = await volumesWorld();
    await start(["/a"]);
    await unmount("/a");

    assert.deepEqual(statesOf(await start(["/a/2"])), ["2 present"]);
  });

  it("is missed too where its mark is damaged or cannot be read, and the mark stays as it is", async () => {
    const { disk, start, look, changes } = await volumesWorld();
    const volumes = await start(["/a"]);
    disk.flipByte("/a/VOLUME", 20);
    const damaged = await markOn(disk, "/a");
    await look();
    assert.deepEqual(changes(), ["1: present → absent"]);
    assert(problemsOf(volumes).includes("/a/VOLUME is damaged"));
    assert.equal(await markOn(disk, "/a"), damaged);

    disk.flipByte("/a/VOLUME", 20);
    await look();
    disk.failNext("readFile", "EIO");
    await look();
    assert.deepEqual(changes(), ["1: absent → present", "1: present → absent"]);
    assert(problemsOf(volumes).includes("EIO"));
  });
});

describe("volumes: what belongs elsewhere is foreign (STO-73)", () => {
  const alien = { id: "aaaaaaaaaaaaaaaa", slot: 9, node: ANOTHER_STORE };

  it("where it is a volume of another store, and nothing is written to it", async () => {
    const { disk, start, look, putMark, exists } = await volumesWorld();
    await start(["/a"]);
    await putMark("/b", alien);
    const before = await markOn(disk, "/b");

    const volumes = await start(["/a", "/b"]);
    await look();

    assert.deepEqual(statesOf(volumes), ["1 present", "0 foreign"]);
    assert(problemsOf(volumes).includes("another store"));
    assert.deepEqual([await markOn(disk, "/b"), await exists("/b/packs")], [before, false]);
    // Nor is its mount point, when it is taken out.
    await disk.removeTree("/b");
    await look();
    assert.deepEqual([statesOf(volumes), await exists("/b")], [["1 present", "0 absent"], false]);
  });

  for (const [what, different] of [
    ["of another store", alien],
    ["of another store with the same id", { node: alien.node }],
    ["with another id", { id: alien.id }],
    ["with another number", { slot: alien.slot }],
  ] as const) {
    it(`where one ${what} was mounted over another while the node ran`, async () => {
      const { disk, start, look, unmount, mount, putMark, changes } = await volumesWorld();
      const volumes = await start(["/a"]);
      const own = decodeMark(Buffer.from(await markOn(disk, "/a")));
      assert(own !== undefined);
      await unmount("/a");
      await putMark("/a", { ...own, ...different });
      await look();
      assert.deepEqual(statesOf(volumes), ["1 foreign"]);
      assert.deepEqual([volumes.isReadable(1), volumes.writable()], [false, []]);

      await mount("/a");
      await look();
      assert.deepEqual(changes(), ["1: present → foreign", "1: foreign → present"]);
    });
  }

  it("while another node writes to it, and is there when that one has ended (STO-98)", async () => {
    const { disk, clock, locks, log, start } = await volumesWorld();
    const first = await start(["/v1", "/v2"]);
    await disk.makeDirectory("/other");
    const opening = Volumes.open({
      ...{ disk, clock, log, random: seededRandom(2), directories: ["/v1", "/v2"], dataDirectory: "/other" },
      locks: memoryLocks(clock, { table: locks }),
      reserveBytes: () => RESERVE_BYTES,
      onChange: () => undefined,
      signal: new AbortController().signal,
    });
    await clock.advance(VOLUME_LOCK_WAIT_MS);
    const other = await opening;

    assert.deepEqual(statesOf(other), ["1 foreign", "2 foreign"]);
    assert.match(other.all[0]?.problem ?? "", /another node writes to volume [0-9a-f]{16}; stop that one/);
    assert.deepEqual([other.writable(), other.directoryOf(1)], [[], undefined]);
    assert.deepEqual(statesOf(first), ["1 present", "2 present"]);

    await first.close();
    await clock.advance(VOLUME_LOOK_INTERVAL_MS);
    assert.deepEqual(statesOf(other), ["1 present", "2 present"]);
    await other.close();
    assert.equal(locks.size, 0);
  });

  it("lets go of the lock of a disk that is gone (STO-98)", async () => {
    const { locks, look, mount, start, unmount } = await volumesWorld();
    await start(["/v1"]);
    assert.deepEqual([...locks.keys()], ["/v1/VOLUME.lock"]);

    await unmount("/v1");
    await look();
    assert.equal(locks.size, 0);
    await mount("/v1");
    await look();
    assert.equal(locks.size, 1);
  });

  it("where it is a copy, unless it is at the path where the volume was", async () => {
    const { disk, start, putMark } = await volumesWorld();
    await start(["/b"]);
    const mark = decodeMark(Buffer.from(await markOn(disk, "/b")));
    assert(mark !== undefined);
    await putMark("/a", mark);
    assert.deepEqual(statesOf(await start(["/a", "/b"])), ["0 foreign", "1 present"]);

    await putMark("/c", mark);
    const neither = await start(["/a", "/c"]);
    assert.deepEqual(statesOf(neither), ["0 foreign", "0 foreign"]);
    assert(problemsOf(neither).includes("is in /c as well"));
  });

  it("where its number is that of another volume", async () => {
    const { disk, start, putMark } = await volumesWorld();
    await start(["/a"]);
    const mark = decodeMark(Buffer.from(await markOn(disk, "/a")));
    assert(mark !== undefined);
    await putMark("/b", { ...mark, id: alien.id });

    assert.deepEqual(statesOf(await start(["/a", "/b"])), ["1 present", "0 foreign"]);
  });
});

describe("volumes: what is remembered of them (STO-74)", () => {
  for (const how of ["lost", "damaged"]) {
    it(`is made again from the marks when it is ${how}, and no directory without one becomes a volume`, async () => {
      const { disk, start, unmount, mount, exists, log, look } = await volumesWorld();
      await start(["/a", "/b", "/c"]);
      await unmount("/b");
      if (how === "lost") await disk.remove("/data/volumes");
      else disk.flipByte("/data/volumes", 30);

      const volumes = await start(["/a", "/b", "/c"]);

      assert.deepEqual(statesOf(volumes), ["1 present", "0 absent", "3 present"]);
      assert(log.entries.some(({ level, event }) => level === "warn" && event === "volumes forgotten"));
      assert.deepEqual(statesOf(await start(["/a", "/b", "/c"])), ["1 present", "0 absent", "3 present"]);
      assert.equal(await exists("/b/VOLUME"), false);
      const again = await start(["/a", "/b", "/c", "/d"]);
      assert.deepEqual(statesOf(again), ["1 present", "0 absent", "3 present", "4 present"]);
      await mount("/b");
      await look();
      assert.deepEqual(statesOf(again), ["1 present", "2 present", "3 present", "4 present"]);
    });
  }

  it("is that of the store which most marks name, where it is lost", async () => {
    const { disk, start, putMark } = await volumesWorld();
    await putMark("/x", { id: "aaaaaaaaaaaaaaaa", slot: 1, node: ANOTHER_STORE });
    await start(["/a", "/b"]);
    await disk.remove("/data/volumes");

    assert.deepEqual(statesOf(await start(["/x", "/a", "/b"])), ["0 foreign", "1 present", "2 present"]);
  });

  it("fails the start where it is damaged and no mark says which store this is", async () => {
    const { disk, start, unmount } = await volumesWorld();
    await start(["/a"]);
    await unmount("/a");
    disk.flipByte("/data/volumes", 30);

    await assert.rejects(start(["/a"]), Defect);
  });

  it("need not be writable for volumes that are known; a new one waits for it", async () => {
    const { disk, start, exists, look } = await volumesWorld();
    await start(["/a"]);
    disk.failNext("replaceFile", "ENOSPC");
    disk.failNext("replaceFile", "ENOSPC");

    const volumes = await start(["/a", "/b"]);

    assert.deepEqual(statesOf(volumes), ["1 present", "0 absent"]);
    assert.equal(await exists("/b"), false);
    await look();
    assert.deepEqual(statesOf(volumes), ["1 present", "2 present"]);
  });
});
