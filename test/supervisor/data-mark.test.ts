/** How a running node knows its data directory again, on a disk in memory (SUP-30). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { diskAtData } from "#supervisor/cell/disk-at-data.ts";
import { dataCheck, describeAway, MARK_NAME, takeMark } from "#supervisor/data-mark.ts";

const random = seededRandom(1);
const path = `/data/${MARK_NAME}`;

async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/data"), "the directory");
  return disk;
}

describe("data mark: take", () => {
  it("draws one for a directory without, or with what is none, and keeps one that is there", async () => {
    const disk = await emptyDisk();

    const first = must(await takeMark(disk, random, "/data"), "the first");
    const second = must(await takeMark(disk, random, "/data"), "the second");
    must(await disk.replaceFile(path, Buffer.from("half a mar")), "harm");
    const third = must(await takeMark(disk, random, "/data"), "the third");

    assert.match(first ?? "", /^[0-9a-f]{16}\n$/);
    assert.deepEqual([second, third === first], [first, false]);
    assert.deepEqual(must(await disk.readFile(path), "reading"), new Uint8Array(Buffer.from(third ?? "")));
  });

  it("does without one on a full disk, and says what else the disk refuses", async () => {
    const disk = await emptyDisk();

    disk.failNext("replaceFile", "ENOSPC");
    const full = must(await takeMark(disk, random, "/data"), "a full disk is no reason");
    disk.failNext("replaceFile", "EROFS");
    const unwritable = await takeMark(disk, random, "/data");
    disk.failNext("readFile", "EIO");
    const unreadable = await takeMark(disk, random, "/data");

    assert.deepEqual([full, unwritable.ok, unreadable.ok], [undefined, false, false]);
    assert.deepEqual(await dataCheck(disk, "/data", full)(), { ok: true, value: undefined });
  });
});

describe("data mark: check", () => {
  it("knows the directory wherever it comes back from, and no other", async () => {
    const disk = await emptyDisk();
    const check = dataCheck(disk, "/data", must(await takeMark(disk, random, "/data"), "the mark"));
    const away = { ok: false, failure: { code: "supervisor.data-away", directory: "/data", errno: undefined } };

    assert((await check()).ok);
    must(await disk.rename("/data", "/moved"), "moving it away");
    assert.deepEqual(await check(), away);
    must(await disk.makeDirectory("/data"), "a mount point");
    assert.deepEqual(await check(), away);
    must(await takeMark(disk, random, "/data"), "that of another node");
    assert.deepEqual(await check(), away);
    must(await disk.removeTree("/data"), "removing it");
    must(await disk.rename("/moved", "/data"), "moving it back");
    assert((await check()).ok);
  });

  it("takes what cannot be read for away, and says so in one line that begins with what to do", async () => {
    const disk = await emptyDisk();
    const check = dataCheck(disk, "/data", must(await takeMark(disk, random, "/data"), "the mark"));
    disk.failNext("readFile", "EIO");

    const checked = await check();

    assert(!checked.ok);
    assert.match(describeAway(checked.failure), /^supervisor\.data-away: .*mount its disk again.* \(EIO: \/data\)$/);
  });
});

describe("disk of a cell: while the data directory is away", () => {
  it("makes nothing at its path, and does everything elsewhere and when it is back", async () => {
    const below = await emptyDisk();
    const mark = must(await takeMark(below, random, "/data"), "the mark");
    const disk = diskAtData(below, "/data", dataCheck(below, "/data", mark));
    const make = (path: string) => [
      () => disk.makeDirectory(path),
      () => disk.open(path, "create"),
      () => disk.open(path, "create-new"),
      () => disk.replaceFile(path, new Uint8Array(1)),
    ];
    must(await disk.rename("/data", "/moved"), "moving it away");

    for (const path of ["/data", "/data/names", "/data/staging/journal"]) {
      for (const attempt of make(path)) {
        assert.deepEqual(await attempt(), { ok: false, failure: { code: "disk.not-found", path } });
      }
    }
    for (const [index, attempt] of make("/database").entries()) {
      assert((await attempt()).ok, `${index}`);
      await disk.removeTree("/database");
    }
    must(await disk.rename("/moved", "/data"), "moving it back");
    for (const [index, attempt] of make("/data/names").entries()) {
      assert((await attempt()).ok, `${index}`);
      await disk.removeTree("/data/names");
    }
  });
});
