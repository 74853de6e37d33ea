/** What the disk in memory does beyond the seam: crashes, faults, decay. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { must } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { bytesOf, codeOf, writeNew } from "#test/runtime/seams/disk-suite.ts";

const seeds = Array.from({ length: 200 }, (_, seed) => seed);

/** A new file `/file` whose contents and name are durable, open for writing. */
async function durableFile(disk: MemoryDisk, contents: Uint8Array): Promise<number> {
  const descriptor = must(await disk.open("/file", "create-new"), "opening");
  must(await disk.write(descriptor, [contents], 0), "writing");
  must(await disk.sync(descriptor), "syncing");
  must(await disk.syncDirectory("/"), "syncing the name");
  return descriptor;
}

describe("disk (memory): crash", () => {
  test("what was synced, contents and name, survives every crash", async () => {
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      await durableFile(disk, bytesOf("kept"));

      disk.crash(seededRandom(seed));
      disk.crash(seededRandom(seed + 1));

      assert.deepEqual(must(await disk.readFile("/file"), "reading"), bytesOf("kept"));
    }
  });

  test("what was written is kept as it was then, whatever the writer does to its buffer, also one of Node's", async () => {
    const disk = new MemoryDisk();
    const buffer = Buffer.from("as it was");
    const descriptor = must(await disk.open("/file", "create-new"), "opening");
    must(await disk.write(descriptor, [buffer], 0), "writing");
    buffer.fill("x");
    must(await disk.sync(descriptor), "syncing");
    must(await disk.syncDirectory("/"), "syncing the name");

    disk.crash(seededRandom(1));

    assert.deepEqual(must(await disk.readFile("/file"), "reading"), bytesOf("as it was"));
  });

  test("without power loss everything visible survives, and is still uncertain", async () => {
    const disk = new MemoryDisk();
    await writeNew(disk, "/file", bytesOf("visible"));

    disk.crash(seededRandom(1), { keepUnsynced: true });
    assert.deepEqual(must(await disk.readFile("/file"), "reading"), bytesOf("visible"));

    const outcomes = new Set<string>();
    for (const seed of seeds) {
      const again = new MemoryDisk();
      await writeNew(again, "/file", bytesOf("visible"));
      again.crash(seededRandom(seed), { keepUnsynced: true });
      again.crash(seededRandom(seed));
      outcomes.add(codeOf(await again.readFile("/file")));
    }
    assert.deepEqual([...outcomes].sort(), ["disk.not-found", "ok"]);
  });

  test("every descriptor and watcher ends", async () => {
    const disk = new MemoryDisk();
    const descriptor = await durableFile(disk, bytesOf("x"));
    let changes = 0;
    disk.watch("/file", () => (changes += 1));

    disk.crash(seededRandom(1), { keepUnsynced: true });
    must(await disk.replaceFile("/file", bytesOf("y")), "replacing");
    await new ManualClock().settle();

    assert.equal(codeOf(await disk.read(descriptor, new Uint8Array(1), 0)), "disk.broken");
    assert.deepEqual([disk.openCount, changes], [0, 0]);
  });

  test("unsynced writes are kept, lost, torn at sectors and reordered, each with some seed", async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      const descriptor = await durableFile(disk, new Uint8Array(1024).fill(1));
      must(await disk.write(descriptor, [new Uint8Array(1024).fill(2)], 0), "writing");
      must(await disk.write(descriptor, [new Uint8Array(512).fill(3)], 512), "writing");

      disk.crash(seededRandom(seed));

      const bytes = must(await disk.readFile("/file"), "reading");
      assert.equal(bytes.length, 1024);
      const sectors = [bytes.subarray(0, 512), bytes.subarray(512)].map((sector) => new Set(sector));
      for (const values of sectors) assert.equal(values.size, 1, "a sector is written whole");
      seen.add(sectors.map((values) => [...values].join()).join(" "));
    }

    // "1 3" is the later write without the earlier one.
    assert.deepEqual([...seen].sort(), ["1 1", "1 2", "1 3", "2 1", "2 2", "2 3"]);
  });

  test("an append may leave any of its sizes, and zeros where the bytes were lost", async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      const descriptor = await durableFile(disk, new Uint8Array(512).fill(1));
      must(await disk.write(descriptor, [new Uint8Array(512).fill(2)], 512), "writing");

      disk.crash(seededRandom(seed));

      const bytes = must(await disk.readFile("/file"), "reading");
      assert.ok(bytes.subarray(0, 512).every((byte) => byte === 1));
      seen.add(`${bytes.length}: ${bytes[512]}`);
    }

    assert.deepEqual([...seen].sort(), ["1024: 0", "1024: 2", "512: undefined"]);
  });

  test("a cut that was not synced is undone, kept, or overtaken; what it cut comes back as it was or as zeros", async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      const descriptor = await durableFile(disk, new Uint8Array(512).fill(1));
      must(await disk.truncate(descriptor, 100), "cutting");
      must(await disk.truncate(descriptor, 512), "extending");

      disk.crash(seededRandom(seed));

      const bytes = must(await disk.readFile("/file"), "reading");
      assert.ok(bytes.subarray(0, 100).every((byte) => byte === 1));
      seen.add(`${bytes.length}: ${[...new Set(bytes.subarray(100))].join()}`);
    }

    assert.deepEqual([...seen].sort(), ["100: ", "512: 0", "512: 1"]);
  });

  test("every byte is as it was after some of the writes to its sector (property)", () => {
    const write = fc.record({ at: fc.nat({ max: 2500 }), length: fc.integer({ min: 1, max: 1500 }) });
    return fc.assert(
      fc.asyncProperty(
        fc.array(write, { maxLength: 8 }),
        fc.nat(),
        fc.nat({ max: 8 }),
        async (writes, seed, synced) => {
          const disk = new MemoryDisk();
          const descriptor = await durableFile(disk, new Uint8Array(0));
          const versions = [new Uint8Array(4608)];
          for (const [index, { at, length }] of writes.entries()) {
            must(await disk.write(descriptor, [new Uint8Array(length).fill(index + 1)], at), "writing");
            const next = new Uint8Array(versions.at(-1) ?? []);
            next.fill(index + 1, at, at + length);
            versions.push(next);
            if (index + 1 === synced) must(await disk.sync(descriptor), "syncing");
          }

          disk.crash(seededRandom(seed));

          const certain = synced <= writes.length ? synced : 0;
          const bytes = must(await disk.readFile("/file"), "reading");
          const sizes = writes.map((_, index) =>
            Math.max(0, ...writes.slice(0, index + 1).map(({ at, length }) => at + length)),
          );
          assert.ok([0, ...sizes].slice(certain).includes(bytes.length), `size ${bytes.length}`);
          for (let from = 0; from < bytes.length; from += 512) {
            const sector = bytes.subarray(from, from + 512);
            const isVersion = versions
              .slice(certain)
              .some((version) => sector.every((byte, index) => byte === version[from + index]));
            assert.ok(isVersion, `the sector at ${from}`);
          }
        },
      ),
    );
  });

  test("a name that was not synced may be lost, with what was built on it", async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      const descriptor = must(await disk.open("/new", "create"), "opening");
      must(await disk.write(descriptor, [bytesOf("x")], 0), "writing");
      must(await disk.sync(descriptor), "syncing");
      must(await disk.rename("/new", "/renamed"), "renaming");

      disk.crash(seededRandom(seed));

      const names = must(await disk.list("/"), "listing").map(({ name }) => name);
      if (names[0] !== undefined) assert.deepEqual(must(await disk.readFile(`/${names[0]}`), "reading"), bytesOf("x"));
      seen.add(names.join());
    }

    assert.deepEqual([...seen].sort(), ["", "new", "renamed"]);
  });

  test("a rename over a file leaves the old or the new contents, never neither and never both", async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      must(await disk.replaceFile("/file", bytesOf("old")), "making");
      must(await disk.replaceFile("/next", bytesOf("new")), "making");
      must(await disk.rename("/next", "/file"), "renaming");

      disk.crash(seededRandom(seed));

      const file = Buffer.from(must(await disk.readFile("/file"), "reading")).toString();
      seen.add(`${file}, next: ${codeOf(await disk.readFile("/next"))}`);
    }

    assert.deepEqual([...seen].sort(), ["new, next: disk.not-found", "old, next: ok"]);
  });

  test("a file that was moved away and replaced is never lost", async () => {
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      must(await disk.replaceFile("/log", bytesOf("old")), "making");
      must(await disk.rename("/log", "/log.1"), "moving away");
      await writeNew(disk, "/log", bytesOf("new"));

      disk.crash(seededRandom(seed));

      const contents = await Promise.all(["/log", "/log.1"].map((path) => disk.readFile(path)));
      const texts = contents.map((read) => (read.ok ? Buffer.from(read.value).toString() : ""));
      assert.ok(texts.includes("old"), `found ${JSON.stringify(texts)}`);
    }
  });

  test("syncing the directory that a new file was moved to makes the move durable, and no ghost stays behind", async () => {
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      must(await disk.makeDirectory("/from"), "making");
      must(await disk.makeDirectory("/to"), "making");
      await writeNew(disk, "/from/file", bytesOf("x"));
      must(await disk.rename("/from/file", "/to/file"), "moving");
      must(await disk.syncDirectory("/to"), "syncing");

      disk.crash(seededRandom(seed));

      assert.deepEqual(
        [codeOf(await disk.readFile("/from/file")), codeOf(await disk.readFile("/to/file"))],
        ["disk.not-found", "ok"],
      );
    }
  });

  test("a removal that was not synced may come undone, and one that was may not", async () => {
    const after = async (seed: number, sync: boolean): Promise<string> => {
      const disk = new MemoryDisk();
      must(await disk.makeDirectory("/tree"), "making");
      must(await disk.replaceFile("/tree/file", bytesOf("x")), "making");
      must(await disk.removeTree("/tree"), "removing");
      if (sync) must(await disk.syncDirectory("/"), "syncing");
      disk.crash(seededRandom(seed));
      return `${codeOf(await disk.list("/tree"))} ${codeOf(await disk.readFile("/tree/file"))}`;
    };

    assert.deepEqual([...new Set(await Promise.all(seeds.map((seed) => after(seed, false))))].sort(), [
      "disk.not-found disk.not-found",
      "ok disk.not-found",
      "ok ok",
    ]);
    assert.deepEqual(new Set(await Promise.all(seeds.map((seed) => after(seed, true)))).size, 1);
  });

  test("makeDirectory and replaceFile are durable when they have answered", async () => {
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      must(await disk.makeDirectory("/a/b"), "making");
      must(await disk.replaceFile("/a/b/file", bytesOf("x")), "making");

      disk.crash(seededRandom(seed));

      assert.equal(codeOf(await disk.readFile("/a/b/file")), "ok");
    }
  });
});

describe("disk (memory): faults", () => {
  test("an armed fault fails the next operation of its kind, once, as its error", async () => {
    const disk = new MemoryDisk();
    const descriptor = must(await disk.open("/file", "create"), "opening");
    disk.failNext("sync", "EIO");
    disk.failNext("write", "ENOSPC");
    assert.equal(disk.faultCount, 2);

    assert.deepEqual(await disk.sync(descriptor), {
      ok: false,
      failure: { code: "disk.broken", path: "/file", errno: "EIO" },
    });
    assert.equal(codeOf(await disk.write(descriptor, [bytesOf("x")], 0)), "disk.full");
    assert.equal(codeOf(await disk.sync(descriptor)), "ok");
    assert.equal(codeOf(await disk.write(descriptor, [bytesOf("x")], 0)), "ok");
    assert.equal(disk.faultCount, 0);
  });

  test("what a failed sync covered is never made certain by a later one", async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      const descriptor = await durableFile(disk, bytesOf("old"));
      must(await disk.write(descriptor, [bytesOf("new")], 0), "writing");
      disk.failNext("sync", "EIO");
      await disk.sync(descriptor);
      must(await disk.sync(descriptor), "syncing again");

      disk.crash(seededRandom(seed));

      seen.add(Buffer.from(must(await disk.readFile("/file"), "reading")).toString());
    }

    assert.deepEqual([...seen].sort(), ["new", "old"]);
  });

  test("what a later sync covered is certain, its size too, whatever a failed one covered before", async () => {
    const wanted = Buffer.concat([new Uint8Array(50).fill(1), new Uint8Array(50).fill(3)]);
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      const descriptor = await durableFile(disk, new Uint8Array(100).fill(1));
      must(await disk.write(descriptor, [new Uint8Array(1000).fill(2)], 50), "writing");
      disk.failNext("sync", "EIO");
      await disk.sync(descriptor);
      must(await disk.truncate(descriptor, 50), "cutting off what is in doubt");
      must(await disk.write(descriptor, [new Uint8Array(50).fill(3)], 50), "writing again");
      must(await disk.sync(descriptor), "syncing again");

      disk.crash(seededRandom(seed));

      assert.deepEqual(Buffer.from(must(await disk.readFile("/file"), "reading")), wanted, `seed ${seed}`);
    }
  });

  test("a cut that a failed sync covered leaves the size as a later sync found it, and the cut bytes in doubt", async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk();
      const descriptor = await durableFile(disk, new Uint8Array(600).fill(1));
      must(await disk.truncate(descriptor, 0), "cutting");
      disk.failNext("sync", "EIO");
      await disk.sync(descriptor);
      must(await disk.write(descriptor, [bytesOf("x")], 299), "writing");
      must(await disk.sync(descriptor), "syncing again");

      disk.crash(seededRandom(seed));

      const bytes = must(await disk.readFile("/file"), "reading");
      assert.deepEqual(bytes.subarray(299), bytesOf("x"));
      seen.add([...new Set(bytes.subarray(0, 299))].join());
    }

    assert.deepEqual([...seen].sort(), ["0", "1"]);
  });

  test("after a sync only bytes that a failed one covered, and no later one, are in doubt (property)", () => {
    const at = fc.nat({ max: 1500 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), at, length: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ kind: fc.constant("truncate" as const), at }),
      fc.record({ kind: fc.constant("sync" as const), fails: fc.boolean() }),
    );
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(), async (steps, seed) => {
        const disk = new MemoryDisk();
        const descriptor = await durableFile(disk, new Uint8Array(700).fill(255));
        const doubtful = new Set<number>();
        const dirty = new Set<number>();
        for (const [index, one] of [...steps, { kind: "sync" as const, fails: false }].entries()) {
          if (one.kind === "write") {
            must(await disk.write(descriptor, [new Uint8Array(one.length).fill(index + 1)], one.at), "writing");
            for (let byte = one.at; byte < one.at + one.length; byte += 1) dirty.add(byte);
          } else if (one.kind === "truncate") {
            const before = must(await disk.sizeBytes(descriptor), "size");
            must(await disk.truncate(descriptor, one.at), "cutting");
            for (let byte = one.at; byte < before; byte += 1) dirty.add(byte);
          } else {
            if (one.fails) disk.failNext("sync", "EIO");
            await disk.sync(descriptor);
            for (const byte of dirty) one.fails ? doubtful.add(byte) : doubtful.delete(byte);
            dirty.clear();
          }
        }
        const visible = must(await disk.readFile("/file"), "reading");

        disk.crash(seededRandom(seed));

        const bytes = must(await disk.readFile("/file"), "reading");
        assert.equal(bytes.length, visible.length);
        const lost = [...bytes.keys()].filter((byte) => !doubtful.has(byte) && bytes[byte] !== visible[byte]);
        assert.deepEqual(lost, []);
      }),
    );
  });

  test("capacity: the last byte fits, one past is full and leaves what fitted, removing makes room", async () => {
    const disk = new MemoryDisk({ capacityBytes: 10 });
    must(await disk.replaceFile("/other", bytesOf("1234")), "making");
    const descriptor = must(await disk.open("/file", "create"), "opening");

    assert.equal(codeOf(await disk.write(descriptor, [bytesOf("abc"), bytesOf("def")], 0)), "ok");
    assert.equal(codeOf(await disk.write(descriptor, [bytesOf("x")], 6)), "disk.full");
    assert.equal(codeOf(await disk.write(descriptor, [bytesOf("XYZ")], 5)), "disk.full");
    assert.deepEqual(must(await disk.readFile("/file"), "reading"), bytesOf("abcdeX"));
    assert.equal(codeOf(await disk.truncate(descriptor, 7)), "disk.full");
    assert.deepEqual(must(await disk.space("/"), "space"), { freeBytes: 0, totalBytes: 10 });

    must(await disk.remove("/other"), "removing");
    assert.equal(codeOf(await disk.write(descriptor, [bytesOf("abcdefghij")], 0)), "ok");
  });

  test("a slow disk takes its time by the clock", async () => {
    const clock = new ManualClock();
    const disk = new MemoryDisk({ clock });
    disk.delayMs = 50;
    let isDone = false;
    const opening = disk.open("/file", "create").then(() => (isDone = true));

    await clock.advance(49);
    assert.equal(isDone, false);
    await clock.advance(1);
    assert.equal(isDone, true);
    await opening;
  });

  test("a slow disk does nothing more for those who were there before a crash", async () => {
    const clock = new ManualClock();
    const disk = new MemoryDisk({ clock });
    disk.delayMs = 50;
    let isDone = false;
    void disk.open("/file", "create").then(() => (isDone = true));

    await clock.advance(49);
    disk.crash(seededRandom(1), { keepUnsynced: true });
    await clock.advance(100);

    assert.deepEqual([isDone, disk.openCount, disk.filesIn("/").size], [false, 0, 0]);
  });

  test("a flipped byte is seen by readers and survives a crash", async () => {
    const disk = new MemoryDisk();
    await durableFile(disk, bytesOf("abc"));

    disk.flipByte("/file", 1, 0x01);
    assert.deepEqual(must(await disk.readFile("/file"), "reading"), bytesOf("acc"));

    disk.crash(seededRandom(1));
    assert.deepEqual(must(await disk.readFile("/file"), "reading"), bytesOf("acc"));
  });
});

describe("disk (memory): watch", () => {
  test("tells of a change, a replacement and a removal of that file alone, and no more after the undo", async () => {
    const clock = new ManualClock();
    const disk = new MemoryDisk();
    let changes = 0;
    const undo = disk.watch("/file", () => (changes += 1));
    const changesAfter = async (change: Promise<unknown>): Promise<number> => {
      const before = changes;
      await change;
      await clock.settle();
      return changes - before;
    };

    assert.ok((await changesAfter(disk.replaceFile("/file", bytesOf("one")))) > 0);
    assert.ok((await changesAfter(disk.rename("/file", "/elsewhere"))) > 0);
    assert.equal(await changesAfter(disk.replaceFile("/other", bytesOf("x"))), 0);
    assert.ok((await changesAfter(disk.rename("/elsewhere", "/file"))) > 0);
    assert.ok((await changesAfter(disk.remove("/file"))) > 0);
    undo();
    assert.equal(await changesAfter(disk.replaceFile("/file", bytesOf("two"))), 0);
  });
});
