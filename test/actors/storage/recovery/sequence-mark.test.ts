/** The mark that a start is held to which finds no commit, or too few. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SEQUENCE_LEAP, SEQUENCE_MARK_STEP, SequenceMark } from "#actors/storage/recovery/sequence-mark.ts";
import { fail } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

async function diskWith(text?: string): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data");
  if (text !== undefined) await disk.replaceFile("/data/sequence", Buffer.from(text));
  return disk;
}

const textOn = async (disk: MemoryDisk): Promise<string> => {
  const found = await disk.readFile("/data/sequence");
  return found.ok ? Buffer.from(found.value).toString() : found.failure.code;
};

describe("storage: the mark of sequences", () => {
  it("holds nobody to anything before the first, whose number is that of no commit before it", async () => {
    const disk = await diskWith();
    const mark = await SequenceMark.open(disk, "/data");
    assert.deepEqual([mark.lastBehind(0), mark.lastBehind(7)], [0, 7]);

    await mark.note(0);

    assert.equal(await textOn(disk), "1\n");
    const next = await SequenceMark.open(disk, "/data");
    assert.deepEqual([next.lastBehind(0), next.lastBehind(1), next.lastBehind(9)], [1 + SEQUENCE_LEAP, 1, 9]);
  });

  it("is written again when much was left out since, and not before", async () => {
    const disk = await diskWith("1000\n");
    const mark = await SequenceMark.open(disk, "/data");

    await mark.note(1000 + SEQUENCE_MARK_STEP - 1);
    assert.equal(await textOn(disk), "1000\n");
    await mark.note(1000 + SEQUENCE_MARK_STEP);

    assert.equal(await textOn(disk), `${1000 + SEQUENCE_MARK_STEP}\n`);
    assert.equal(mark.lastBehind(1000), 1000 + SEQUENCE_MARK_STEP + SEQUENCE_LEAP);
  });

  it("leaves further behind than it may lag, for all the starts that leave something out", () => {
    assert(SEQUENCE_LEAP >= 16 * SEQUENCE_MARK_STEP);
    assert(Number.MAX_SAFE_INTEGER / SEQUENCE_LEAP > 8000);
  });

  for (const text of ["", "12", "x\n", "-1\n", "1e9\n", `${"9".repeat(17)}\n`]) {
    it(`is none where the file says ${JSON.stringify(text)}`, async () => {
      const mark = await SequenceMark.open(await diskWith(text), "/data");
      assert.equal(mark.lastBehind(0), 0);
    });
  }

  it("stays as it was where the disk takes no other", async () => {
    const disk = await diskWith("5\n");
    const mark = await SequenceMark.open(
      {
        readFile: (path) => disk.readFile(path),
        replaceFile: async (path) => fail({ code: "disk.full", path }),
      },
      "/data",
    );

    await mark.note(2 * SEQUENCE_MARK_STEP);

    assert.deepEqual([mark.lastBehind(4), mark.lastBehind(5)], [5 + SEQUENCE_LEAP, 5]);
  });
});
