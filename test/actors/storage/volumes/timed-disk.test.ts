/** A disk whose volumes hang: what is answered in time, and what becomes of what is late. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TimedDisk, VOLUME_STALL_MS } from "#actors/storage/volumes/timed-disk.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, must } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { HungDisk } from "#test/actors/storage/volumes/hung-disk.ts";

const STALLED = fail(diskFailure("ETIMEDOUT", "/v"));

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
