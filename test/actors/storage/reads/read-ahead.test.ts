/** Reading ahead: the piece that was asked for and no other, within a budget, and no buffer in two hands. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import {
  READ_AHEAD_READERS_MAX,
  READ_BYTES_MAX,
  ReadAhead,
  ReadAheadBuffers,
} from "#actors/storage/reads/read-ahead.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

const pack = 1;
const stored = Uint8Array.from({ length: 1000 }, (_, at) => at % 251);

async function stage(disk = new MemoryDisk()) {
  await disk.makeDirectory("/packs");
  const files = new PackFiles(disk, "/packs", 4);
  const opened = await disk.open(files.pathOf(pack), "create-new");
  assert(opened.ok && (await disk.write(opened.value, [stored], 0)).ok);
  await disk.close(opened.value);
  const buffers = new ReadAheadBuffers();
  return { disk, files, buffers, ahead: new ReadAhead(files, buffers) };
}

describe("storage: reading ahead", () => {
  it("gives the piece that was begun, or its beginning, once", async () => {
    const { ahead } = await stage();
    const into = new Uint8Array(100);

    ahead.begin(pack, 300, 200);
    const first = await ahead.take(pack, 300, into);
    const second = await ahead.take(pack, 300, into);

    assert.deepEqual([first, second], [true, false]);
    assert.deepEqual(into, stored.slice(300, 400));
  });

  for (const [what, from, packOfReader, length] of [
    ["another position", 301, pack, 10],
    ["another pack", 300, 2, 10],
    ["more than was begun", 300, pack, 201],
    ["more than the file has", 900, pack, 101],
  ] as const) {
    it(`is no help to who wants ${what}, and leaves his buffer alone`, async () => {
      const { ahead } = await stage();
      const into = new Uint8Array(length);

      ahead.begin(pack, from === 301 ? 300 : from, from === 900 ? 101 : 200);
      const taken = await ahead.take(packOfReader, from, into);

      assert.equal(taken, false);
      assert.deepEqual(into, new Uint8Array(length));
    });
  }

  it("is no help where the disk fails, and is again for the piece after", async () => {
    const { disk, ahead } = await stage();
    const into = new Uint8Array(50);

    for (const _ of ["once", "and once more"]) disk.failNext("read", "EIO");
    ahead.begin(pack, 0, 50);
    const failed = await ahead.take(pack, 0, into);
    ahead.begin(pack, 50, 50);
    const read = await ahead.take(pack, 50, into);

    assert.deepEqual([failed, read], [false, true]);
    assert.deepEqual(into, stored.slice(50, 100));
  });

  it("has memory for so many readers, the next one does without, and what is given back is used again", async () => {
    const { files, buffers, ahead } = await stage();
    const others = Array.from({ length: READ_AHEAD_READERS_MAX }, () => new ReadAhead(files, buffers));
    for (const other of others) other.begin(pack, 0, READ_BYTES_MAX);

    ahead.begin(pack, 0, 10);
    const without = await ahead.take(pack, 0, new Uint8Array(10));
    await others[0]?.close();
    ahead.begin(pack, 0, 10);
    const withOne = await ahead.take(pack, 0, new Uint8Array(10));

    assert.deepEqual([without, withOne], [false, true]);
    assert.equal(buffers.takenCount, READ_AHEAD_READERS_MAX);
    for (const other of [...others, ahead]) await other.close();
    assert.equal(buffers.takenCount, 0);
  });

  it("keeps the buffer of a closed reader until the disk is done with it, and begins nothing more", async () => {
    const clock = new ManualClock();
    const { disk, buffers, ahead } = await stage(new MemoryDisk({ clock }));
    // The descriptor is open already: what takes long is the read.
    ahead.begin(pack, 0, 10);
    await ahead.take(pack, 0, new Uint8Array(10));
    disk.delayMs = 100;

    ahead.begin(pack, 10, 10);
    const closed = ahead.close();
    await clock.advance(99);
    const before = buffers.takenCount;
    await clock.advance(1);
    await closed;
    ahead.begin(pack, 20, 10);

    assert.deepEqual([before, buffers.takenCount], [1, 0]);
  });
});
