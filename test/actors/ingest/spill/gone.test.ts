/** Rows that were promised and are in no file any more, and what only looks like it (ING-41). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseSegmentName } from "#actors/ingest/spill/segment-file.ts";
import { SPILL_SEGMENT_BYTES_MAX } from "#actors/ingest/spill/spill.ts";
import { must } from "#runtime/errors.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { append, DIRECTORY, drain, filesIn, newDisk, openSpill, rowOf, rowsOf } from "#test/actors/ingest/spill/kit.ts";
import { patient } from "#test/kit/patient.ts";

const COUNT = 6;
const known = { first: 1, end: COUNT + 1 };

/** Of one file: 1 and 2, 3 and 4, 5 and 6. */
async function oneFile(): Promise<MemoryDisk> {
  const disk = await newDisk();
  const { spill } = await openSpill({ disk });
  for (const first of [1, 3, 5]) await append(spill, rowsOf(first, first + 1));
  return disk;
}

/** Two rows a file. */
async function threeFiles(): Promise<MemoryDisk> {
  const disk = await newDisk();
  const { spill } = await openSpill({ disk });
  for (let number = 1; number <= COUNT; number += 1) {
    await append(spill, [rowOf(number, JSON.stringify("x".repeat(SPILL_SEGMENT_BYTES_MAX / 2)))]);
  }
  assert.equal((await filesIn(disk)).length, 3);
  return disk;
}

async function removeFiles(disk: MemoryDisk, isGone: (at: number) => boolean): Promise<void> {
  for (const [at, name] of (await filesIn(disk)).entries()) {
    if (isGone(at)) must(await disk.remove(`${DIRECTORY}/${name}`), name);
  }
}

/** Rows that are left, what is told lost, and what the next life makes of it. */
async function outcomeOf(disk: MemoryDisk, span: typeof known | undefined) {
  const { spill, damages } = await openSpill({ disk, random: seededRandom(2) }, span);
  const numbers = await drain(spill);
  const next = await openSpill({ disk, random: seededRandom(3) }, span);
  const again = await drain(next.spill);
  assert.deepEqual([again, next.damages], [[], []], "it is told once");
  return { numbers, damages, lost: damages.map(({ lostCountMin }) => lostCountMin) };
}

describe("spill: rows that were promised and are gone", () => {
  it("are told of a file that was cut anywhere, and the file is set aside (ING-41)", async () => {
    const contents = must(await readOnly(await oneFile()), "the file");
    const batchBytes = contents.length / 3;
    for (let length = 0; length < contents.length; length += 13) {
      const disk = await oneFile();
      const [name] = await filesIn(disk);
      await disk.replaceFile(`${DIRECTORY}/${name}`, contents.subarray(0, length));
      const leftCount = 2 * Math.floor(length / batchBytes);

      const { numbers, damages, lost } = await outcomeOf(disk, known);

      assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6].slice(0, leftCount), `cut at ${length}`);
      assert.deepEqual(lost, [COUNT - leftCount], `cut at ${length}`);
      const isTorn = length % batchBytes !== 0;
      assert.deepEqual(await filesIn(disk), isTorn ? [damages[0]?.fileName] : [], `cut at ${length}`);
      assert.equal(damages[0]?.damagedBytes, length % batchBytes);
    }
  });

  for (const [what, isGone, left, lost] of [
    ["all files", () => true, [], [6]],
    ["the oldest", (at) => at === 0, [3, 4, 5, 6], [2]],
    ["one in the middle", (at) => at === 1, [1, 2, 5, 6], [2]],
    ["the youngest", (at) => at === 2, [1, 2, 3, 4], [2]],
    ["all but one", (at) => at !== 1, [3, 4], [2, 2]],
  ] satisfies [string, (at: number) => boolean, number[], number[]][]) {
    it(`are told where ${what} went (ING-41)`, async () => {
      const disk = await threeFiles();
      await removeFiles(disk, isGone);

      const outcome = await outcomeOf(disk, known);

      assert.deepEqual([outcome.numbers, outcome.lost], [left, lost]);
      assert(outcome.damages.every(({ fileName }) => fileName === undefined));
    });
  }

  it("are told with what was spilled since, which is not lost with them (ING-41)", async () => {
    const disk = await oneFile();
    await removeFiles(disk, () => true);
    const { spill, damages } = await openSpill({ disk, random: seededRandom(2) }, known);

    await append(spill, rowsOf(7, 9));
    const { span } = spill;
    const numbers = await drain(spill);

    assert.deepEqual([numbers, damages.map(({ lostCountMin }) => lostCountMin)], [[7, 8, 9], [6]]);
    assert.deepEqual([span, spill.span, spill.totals.lostCountMin], [{ first: 1, end: 10 }, { first: 10, end: 10 }, 6]);
  });

  it("are counted once where a file is damaged in the middle and cut (ING-41)", async () => {
    const disk = await oneFile();
    const [name] = await filesIn(disk);
    const path = `${DIRECTORY}/${name}`;
    const contents = must(await disk.readFile(path), "the file");
    await disk.replaceFile(path, contents.subarray(0, contents.length - 1));
    disk.flipByte(path, 3);

    const { numbers, lost } = await outcomeOf(disk, known);

    assert.deepEqual([numbers, lost], [[3, 4], [4]]);
  });

  it("in the middle are told also where nobody knows of the end, and by the mark at the front (ING-41)", async () => {
    const disk = await threeFiles();
    const { spill } = await openSpill({ disk, random: seededRandom(2) });
    for (const end of [1, 2]) {
      const page = must(await spill.oldest(1, patient), "a page");
      assert(page?.end === end);
      must(await spill.drop(page, patient), "dropped");
    }
    await removeFiles(disk, (at) => at === 0);

    const { numbers, lost } = await outcomeOf(disk, undefined);

    assert.deepEqual([numbers, lost], [[5, 6], [2]]);
  });
});

describe("spill: no alarm", () => {
  it("is raised where a write was torn before anybody knew of it (ING-41)", async () => {
    const contents = must(await readOnly(await oneFile()), "the file");
    const batchBytes = contents.length / 3;
    for (let length = 2 * batchBytes; length < contents.length; length += 7) {
      const disk = await oneFile();
      const [name] = await filesIn(disk);
      await disk.replaceFile(`${DIRECTORY}/${name}`, contents.subarray(0, length));

      assert.deepEqual((await outcomeOf(disk, { first: 1, end: 5 })).damages, [], `torn at ${length}`);
    }
  });

  it("is raised where nobody knows, and nothing is there (ING-41)", async () => {
    assert.deepEqual(await outcomeOf(await newDisk(), undefined), { numbers: [], damages: [], lost: [] });
  });

  it("is raised for what was given back and removed, wherever a life ends then (ING-41)", async () => {
    for (const operation of ["open", "syncDirectory", "remove", undefined] as const) {
      const disk = await oneFile();
      const { spill } = await openSpill({ disk, random: seededRandom(2) }, known);
      const page = must(await spill.oldest(9, patient), "a page");
      assert(page !== undefined);
      if (operation !== undefined) disk.failNext(operation, "EIO");
      const dropped = await spill.drop(page, patient);
      disk.crash(seededRandom(4));

      // The record was not moved on: Redis was away.
      const { numbers, damages } = await outcomeOf(disk, known);

      assert.equal(dropped.ok, operation === undefined);
      assert(numbers.length === 0 || numbers.length === COUNT, `${operation}`);
      assert.deepEqual(damages, [], `${operation}`);
    }
  });

  it("is raised for what was read back once and never synced (ING-41)", async () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const disk = await oneFile();
      const first = (await openSpill({ disk, random: seededRandom(2) }, known)).spill;
      await append(first, [rowOf(7)]);
      // Killed when it was told that this had failed, before it could take it back.
      disk.failNext("sync", "EIO");
      disk.failNext("truncate", "EIO");
      await first.append(rowsOf(8, 9), patient);
      const { spill } = await openSpill({ disk, random: seededRandom(3) }, { first: 1, end: 8 });
      await append(spill, [rowOf(10)]);
      const { span } = spill;

      disk.crash(seededRandom(seed));
      const next = await openSpill({ disk, random: seededRandom(4) }, span);
      const numbers = await drain(next.spill);

      assert.deepEqual([numbers, next.damages], [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], []], `seed ${seed}`);
    }
  });

  it("is raised for files whose numbers counted files, before they counted rows", async () => {
    const disk = await newDisk();
    for (const salt of [1, 2, 3]) {
      const other = await oneFile();
      const [name = ""] = await filesIn(other);
      const parsed = parseSegmentName(name);
      assert(parsed !== undefined);
      const contents = must(await readOnly(other), "the file");
      await disk.makeDirectory(DIRECTORY);
      const old = name.replace(/^[0-9a-f]{12}/, String(salt).padStart(12, "0"));
      await disk.replaceFile(`${DIRECTORY}/${old}`, contents);
    }

    const { numbers, damages } = await outcomeOf(disk, undefined);

    assert.deepEqual([numbers.length, damages], [3 * COUNT, []]);
  });

  it("comes of a mark for long: one is left, and no room is needed for the next", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    for (let round = 0; round < 3; round += 1) {
      await append(spill, rowsOf(1, 2));
      disk.capacityBytes = spill.totals.sizeBytes;
      await drain(spill);
      disk.capacityBytes = Number.POSITIVE_INFINITY;
    }

    const names = must(await disk.list(DIRECTORY), "files").map(({ name }) => name);
    assert.deepEqual(names, ["000000000007.moved"]);
  });
});

async function readOnly(disk: MemoryDisk) {
  const [name] = await filesIn(disk);
  return await disk.readFile(`${DIRECTORY}/${name}`);
}
