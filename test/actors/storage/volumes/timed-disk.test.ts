/** A disk whose volumes hang: what is answered in time, and what becomes of what is late. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SECTOR_BYTES } from "#actors/storage/packs/pack-scan.ts";
import { VOLUME_OPERATIONS_MAX, VOLUME_STALL_MS } from "#actors/storage/volumes/disk-lane.ts";
import { TimedDisk } from "#actors/storage/volumes/timed-disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, must } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { HungDisk } from "#test/actors/storage/volumes/hung-disk.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const LATE = diskFailure("ETIMEDOUT", "/v");
const STALLED = fail(LATE);

async function startTimed() {
  const memory = new MemoryDisk();
  for (const directory of ["/v", "/vv"]) await memory.makeDirectory(directory);
  const hung = new HungDisk(memory);
  const clock = new ManualClock();
  const disk = new TimedDisk(hung.disk, clock, ["/v", "/vv"]);
  const descriptor = must(await disk.open("/v/file", "create"), "a file can be made");
  must(await disk.write(descriptor, [Buffer.from("old")], 0), "it can be written");
  return { memory, hung, clock, disk, descriptor };
}

async function contents(disk: MemoryDisk, path = "/v/file"): Promise<string> {
  return Buffer.from(must(await disk.readFile(path), "it can be read")).toString();
}

describe("timed disk (STO-99)", () => {
  it("answers at the limit, and not before; then at once, on that volume alone", async () => {
    const { hung, clock, disk, descriptor } = await startTimed();
    hung.hang("/v");
    let written: unknown;
    void disk.write(descriptor, [Buffer.from("new")], 0).then((outcome) => {
      written = outcome;
    });

    await clock.advance(VOLUME_STALL_MS - 1);
    assert.equal(written, undefined);
    await clock.advance(1);
    assert.deepEqual(written, STALLED);
    assert.deepEqual(await disk.sync(descriptor), STALLED);
    assert.deepEqual(await disk.open("/v/other", "create"), STALLED);
    assert.equal(hung.hanging.length, 1);
    assert.equal(clock.armedCount, 0);
    assert((await disk.readFile("/v/file")).ok, "it reads still");
    assert((await disk.replaceFile("/vv/file", Buffer.from("one"))).ok);
    assert.deepEqual([disk.isStalled("/v"), disk.isStalled("/vv")], [true, false]);
  });

  it("lets nothing overtake what is late", async () => {
    const { memory, hung, clock, disk, descriptor } = await startTimed();
    hung.hang("/v");
    const writing = disk.write(descriptor, [Buffer.from("late")], 3);
    await clock.advance(VOLUME_STALL_MS);
    await writing;
    assert.deepEqual(await disk.truncate(descriptor, 3), STALLED);

    hung.thaw("/v");
    await disk.caughtUp("/v");
    assert.equal(await contents(memory), "oldlate");
    assert((await disk.truncate(descriptor, 3)).ok);
    assert.equal(await contents(memory), "old");
  });

  it("closes no descriptor that something late may use, and the one that came late", async () => {
    const { memory, hung, clock, disk, descriptor } = await startTimed();
    hung.hang("/v");
    const late = [disk.write(descriptor, [Buffer.from("new")], 0), disk.open("/v/other", "create")];
    await clock.advance(VOLUME_STALL_MS);
    assert.deepEqual(await Promise.all(late), [STALLED, STALLED]);

    assert((await disk.close(descriptor)).ok);
    await clock.settle();
    assert.equal(memory.openCount, 1);
    hung.thaw("/v");
    await disk.caughtUp("/v");
    await clock.settle();
    assert.equal(memory.openCount, 0);
    assert.equal(await contents(memory), "new");
  });

  it("lets few begin at once, and tells the others when one of those is late (STO-111)", async () => {
    const { hung, clock, disk, descriptor } = await startTimed();
    hung.hang("/v", { reads: true });
    const reads = Array.from({ length: 100 }, () => disk.read(descriptor, Buffer.alloc(3), 0));
    const writes = Array.from({ length: 100 }, () => disk.sync(descriptor));
    await clock.settle();
    assert.equal(hung.hanging.length, 2 * VOLUME_OPERATIONS_MAX);

    await clock.advance(VOLUME_STALL_MS);
    for (const outcome of await Promise.all([...reads, ...writes])) assert.deepEqual(outcome, STALLED);
    assert.equal(hung.hanging.length, 2 * VOLUME_OPERATIONS_MAX);
    hung.thaw("/v");
    await disk.caughtUp("/v");
    for (const outcome of await Promise.all(writes.map(() => disk.sync(descriptor)))) assert(outcome.ok);
  });

  it("closes few at once too, also of those that had to wait for it (STO-111)", async () => {
    const { memory, hung, clock, disk, descriptor } = await startTimed();
    const names = Array.from({ length: 20 }, (_, index) => `/v/${index}`);
    const opened = await Promise.all(names.map((path) => disk.open(path, "create")));
    const closed = Promise.withResolvers<void>();
    const close = memory.close.bind(memory);
    let closingCount = 0;
    memory.close = async (one) => {
      closingCount += 1;
      await closed.promise;
      return await close(one);
    };
    hung.hang("/v");
    const writing = disk.write(descriptor, [Buffer.from("late")], 0);
    await clock.advance(VOLUME_STALL_MS);
    assert.deepEqual(await writing, STALLED);
    for (const one of opened) assert((await disk.close(must(one, "it was opened"))).ok);

    hung.thaw("/v");
    await clock.settle();
    assert.equal(closingCount, VOLUME_OPERATIONS_MAX);
    await clock.advance(2 * VOLUME_STALL_MS);
    assert.equal(closingCount, VOLUME_OPERATIONS_MAX);
    assert(disk.isStalled("/v"));

    closed.resolve();
    await clock.settle();
    assert.equal(closingCount, opened.length);
    assert.equal(memory.openCount, 1);
    assert.deepEqual([disk.isStalled("/v"), clock.armedCount], [false, 0]);
  });

  it("lets nobody wait longer for his turn than for what he asks, and asks what is there beside it (STO-111)", async () => {
    const { memory, clock } = await startTimed();
    const slowMs = VOLUME_STALL_MS / 2;
    const slow = watchedDisk(memory, async ({ range }, begin) => {
      if (range !== undefined) await new Promise<void>((resolve) => void clock.after(slowMs, resolve));
      return await begin();
    });
    const disk = new TimedDisk(slow, clock, ["/v", "/vv"]);
    const descriptor = must(await disk.open("/v/file", "read"), "it can be opened");
    const outcomes: unknown[] = [];
    for (let count = 0; count < 20; count += 1) {
      void disk.read(descriptor, Buffer.alloc(1), 0).then((outcome) => outcomes.push(outcome));
    }

    assert((await disk.readFile("/v/file")).ok);
    for (let passedMs = 0; passedMs < VOLUME_STALL_MS; passedMs += slowMs) await clock.advance(slowMs);
    await clock.settle();
    const inTime = outcomes.filter((outcome) => (outcome as { readonly ok: boolean }).ok).length;
    assert(inTime >= 2 * VOLUME_OPERATIONS_MAX, `${inTime}`);
    assert.equal(disk.isStalled("/v"), false);
    for (let passedMs = 0; passedMs < VOLUME_STALL_MS; passedMs += slowMs) await clock.advance(slowMs);
    await clock.settle();
    assert.equal(outcomes.length, 20);
    assert.equal(disk.isStalled("/v"), false);
  });

  it("lets the next one begin with the end of each, in the order in which they came (STO-111)", async () => {
    const { memory, disk, descriptor } = await startTimed();

    const letters = "abcdefghijklmnopqrstuvwxyz";
    const written = [...letters].map((letter) => disk.write(descriptor, [Buffer.from(letter.repeat(26))], 0));
    for (const outcome of await Promise.all(written)) assert(outcome.ok);

    assert.equal(await contents(memory), "z".repeat(26));
  });

  it("has no file for whoever goes on with one that was closed, and closes none that somebody is at (STO-112)", async () => {
    const { memory, hung, clock, disk, descriptor } = await startTimed();
    hung.hang("/v");
    // More than begin at once: the last ones are in line.
    const writes = [..."abcdef"].map((letter) => disk.write(descriptor, [Buffer.from(letter)], 0));
    await clock.settle();

    assert((await disk.close(descriptor)).ok);
    hung.thaw("/v");
    const other = must(await disk.open("/v/other", "create"), "another file can be made");
    for (const outcome of await Promise.all(writes)) assert(outcome.ok);
    await clock.settle();
    assert.deepEqual([await contents(memory), await contents(memory, "/v/other")], ["fld", ""]);
    assert.equal(memory.openCount, 1);

    const gone = [
      await disk.write(descriptor, [Buffer.from("lost")], 0),
      await disk.truncate(descriptor, 0),
      await disk.close(descriptor),
    ];
    for (const outcome of gone) assert.deepEqual(outcome, fail(diskFailure("EBADF", "")));
    assert((await disk.close(other)).ok);
    assert.equal(memory.openCount, 0);
  });

  it("remembers where a disk was long to say that it cannot read, and reads around it (STO-113)", async () => {
    const memory = new MemoryDisk();
    await memory.makeDirectory("/v");
    const clock = new ManualClock();
    let readCount = 0;
    // Its second sector cannot be read, which takes the disk half a minute.
    const sector = watchedDisk(memory, async ({ range }, begin) => {
      if (range === undefined) return await begin();
      readCount += 1;
      if (range.from >= 2 * SECTOR_BYTES || range.end <= SECTOR_BYTES) return await begin();
      await new Promise<void>((resolve) => void clock.after(3 * VOLUME_STALL_MS, resolve));
      return fail(diskFailure("EIO", "/v/file"));
    });
    const disk = new TimedDisk(sector, clock, ["/v"]);
    const descriptor = must(await disk.open("/v/file", "create"), "a file can be made");
    must(await disk.write(descriptor, [Buffer.alloc(4 * SECTOR_BYTES)], 0), "it can be written");
    const read = async (from: number, end: number): Promise<unknown> => {
      const outcome = disk.read(descriptor, Buffer.alloc(end - from), from);
      await clock.advance(VOLUME_STALL_MS);
      const said = await outcome;
      await clock.advance(3 * VOLUME_STALL_MS);
      await disk.caughtUp("/v");
      return said.ok ? said.value : said.failure;
    };
    const refused = diskFailure("EIO", "/v/file");

    assert.deepEqual(await read(0, 3 * SECTOR_BYTES), LATE);
    assert.deepEqual(
      [
        await read(0, 3 * SECTOR_BYTES),
        await read(0, 4 * SECTOR_BYTES),
        await read(2 * SECTOR_BYTES, 3 * SECTOR_BYTES),
      ],
      [refused, refused, SECTOR_BYTES],
    );
    assert.equal(readCount, 2);
    assert.deepEqual(await read(SECTOR_BYTES + 8, SECTOR_BYTES + 10), LATE);
    assert.deepEqual(
      [await read(SECTOR_BYTES + 80, SECTOR_BYTES + 90), await read(8, SECTOR_BYTES + 1), await read(0, SECTOR_BYTES)],
      [refused, refused, SECTOR_BYTES],
    );
    assert.equal(readCount, 4);
    const other = must(await disk.open("/v/other", "create"), "another file can be made");
    must(await disk.write(other, [Buffer.from("0123")], 0), "it can be written");
    assert.deepEqual(await disk.read(other, Buffer.alloc(4), 0), { ok: true, value: 4 });
  });

  it("fills nobody's memory after it has failed (STO-100)", async () => {
    const { hung, clock, disk, descriptor } = await startTimed();
    const into = Buffer.from("---");
    hung.hang("/v", { reads: true });
    const reading = disk.read(descriptor, into, 0);
    await clock.advance(VOLUME_STALL_MS);
    assert.deepEqual(await reading, STALLED);

    hung.thaw("/v");
    await disk.caughtUp("/v");
    assert.equal(into.toString(), "---");
    assert.deepEqual(await disk.read(descriptor, into, 0), { ok: true, value: 3 });
    assert.equal(into.toString(), "old");
  });
});
