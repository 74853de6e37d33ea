/** The journal of the uploads in pieces, around the end of the incarnation that has it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseUploadId } from "#actors/domain/upload.ts";
import { Space } from "#actors/storage/space.ts";
import { UploadLog } from "#actors/storage/staging/upload-log.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

const upload = parseUploadId("0123456789abcdef0123456789abcdef") ?? assert.fail("an id of an upload");
const begun = { upload, offsetBytes: 0, crc: 0, note: "", manner: {}, changedWallMs: 0 };
const other = { ...begun, upload: parseUploadId("fedcba9876543210fedcba9876543210") ?? assert.fail("an id") };

async function openLog(disk: MemoryDisk): Promise<UploadLog> {
  await disk.makeDirectory("/data");
  const space = new Space(disk, "/data", new ManualClock(), () => 0);
  return new UploadLog({
    disk,
    directory: "/data",
    random: seededRandom(1),
    space,
    relief: { relieve: (work) => work() },
    onJournalDamaged: () => assert.fail("no journal is damaged"),
  });
}

describe("storage: the journal of uploads", () => {
  it("is opened anew while an upload is being begun, and leaves it its file (STO-144)", async () => {
    const disk = new MemoryDisk();
    const log = await openLog(disk);
    assert((await log.book()).ok && (await log.begin(other)).ok);
    const { syncDirectory } = disk;
    disk.syncDirectory = async (directory) => {
      disk.syncDirectory = syncDirectory;
      disk.failNext("sync", "EIO");
      const closing = await log.record({ upload: other.upload, sizeBytes: 1 });
      assert.equal(!closing.ok && closing.failure.code, "storage.write-failed");
      return await disk.syncDirectory(directory);
    };

    const begins = await log.begin(begun);

    assert(begins.ok);
    const book = await log.book();
    assert(book.ok && book.value.get(upload) !== undefined);
    assert((await disk.readFile(log.pathOf(upload))).ok, "its file is there");
    await log.close();
  });

  it("opens no file any more once it is closed: the next incarnation has it then", async () => {
    const disk = new MemoryDisk();
    const over = await openLog(disk);
    assert((await over.record(begun)).ok);
    await over.close();
    const next = await openLog(disk);
    assert((await next.book()).ok);
    const openCount = disk.openCount;

    const late = await over.record({ upload, isOver: true });

    assert.deepEqual(late, { ok: false, failure: { code: "storage.write-failed", errno: "ECANCELED" } });
    assert.equal(disk.openCount, openCount, "there is one writer");
    const book = await next.book();
    assert(book.ok && book.value.get(upload) !== undefined);
    await next.close();
  });

  it("opens none either where it was closed before anybody needed it", async () => {
    const disk = new MemoryDisk();
    const over = await openLog(disk);
    await over.close();

    const late = await over.book();

    assert.deepEqual(late, { ok: false, failure: { code: "storage.write-failed", errno: "ECANCELED" } });
    assert.equal(disk.openCount, 0);
  });
});
