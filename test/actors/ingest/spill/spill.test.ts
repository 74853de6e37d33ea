/** The spill on a disk in memory: what it keeps, in what order, what it refuses, and what it makes of damage. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SPILL_BATCH_BYTES_MAX, SPILL_ROW_BYTES_MAX } from "#actors/ingest/spill/row-batches.ts";
import { parseSegmentName } from "#actors/ingest/spill/segment-file.ts";
import { SPILL_READ_TRIES_MAX, SPILL_SEGMENT_BYTES_MAX } from "#actors/ingest/spill/spill.ts";
import { encodeRow } from "#actors/ingest/spill/spilled-row.ts";
import { Defect, fail, must, ok } from "#runtime/errors.ts";
import { BATCH_HEADER_BYTES, encodeBatch } from "#runtime/journal/batch.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import {
  append,
  DIRECTORY,
  drain,
  filesIn,
  makeSpill,
  newDisk,
  numberOf,
  openSpill,
  rowOf,
  rowsOf,
} from "#test/actors/ingest/spill/kit.ts";
import { patient } from "#test/kit/patient.ts";

const large = (number: number, sizeBytes: number) => rowOf(number, JSON.stringify("x".repeat(sizeBytes)));

async function firstFile(disk: MemoryDisk): Promise<string> {
  const [name] = await filesIn(disk);
  assert(name !== undefined);
  return `${DIRECTORY}/${name}`;
}

describe("spill: append and oldest", () => {
  it("give rows as they were, the oldest first, in pages, until they are dropped", async () => {
    const { spill } = await openSpill({ disk: await newDisk() });
    await append(spill, rowsOf(1, 3));
    await append(spill, rowsOf(4, 5));

    const page = must(await spill.oldest(2, patient), "a page");
    const again = must(await spill.oldest(2, patient), "a page");
    assert(page !== undefined);
    const { rowCount } = spill.totals;
    must(await spill.drop(page, patient), "dropped");
    await append(spill, [rowOf(6)]);

    assert.deepEqual(page.rows, rowsOf(1, 2));
    assert.deepEqual(again, page);
    assert.equal(rowCount, 5);
    assert.equal(spill.totals.rowCount, 4);
    assert.deepEqual(await drain(spill, 2), [3, 4, 5, 6]);
    assert.deepEqual(spill.totals, { rowCount: 0, sizeBytes: 0, damagedCount: 0, lostCountMin: 0 });
  });

  it("leave no file behind, and none for nothing", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });

    await append(spill, []);
    assert.deepEqual(await filesIn(disk), []);
    await append(spill, rowsOf(1, 2));
    await drain(spill);

    assert.deepEqual(await filesIn(disk), []);
    assert.equal(disk.openCount, 0);
  });

  it("begin a new file where one has grown, and keep the order over all of them", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    const rowBytes = 512 * KiB;
    const count = 2 * (SPILL_SEGMENT_BYTES_MAX / rowBytes) + 3;

    for (let number = 1; number <= count; number += 1) await append(spill, [large(number, rowBytes)]);

    const files = await filesIn(disk);
    assert.equal(files.length, 3);
    assert.deepEqual(
      files.map((name) => parseSegmentName(name)?.number),
      [1, 9, 17],
    );
    assert.deepEqual(
      await drain(spill, 3),
      Array.from({ length: count }, (_, at) => at + 1),
    );
  });

  it("make many rows durable in several batches, and a large one by itself", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    const rows = [large(1, SPILL_BATCH_BYTES_MAX), rowOf(2), large(3, SPILL_BATCH_BYTES_MAX - 100), rowOf(4), rowOf(5)];

    await append(spill, rows);

    assert.deepEqual(await drain(spill), [1, 2, 3, 4, 5]);
  });

  it("take the largest row, and no larger one", async () => {
    const { spill } = await openSpill({ disk: await newDisk() });
    const rest = encodeRow(rowOf(1, "")).length;
    const atLimit = rowOf(1, "x".repeat(SPILL_ROW_BYTES_MAX - rest));

    await append(spill, [atLimit]);

    assert.deepEqual(await drain(spill), [1]);
    await assert.rejects(spill.append([{ ...atLimit, payload: `${atLimit.payload}x` }], patient), Defect);
  });

  it("asked at once are done one after another", async () => {
    const { spill } = await openSpill({ disk: await newDisk() });

    const appended = Promise.all([append(spill, rowsOf(1, 2)), append(spill, rowsOf(3, 4)), append(spill, [rowOf(5)])]);
    const page = must(await spill.oldest(10, patient), "a page");
    await appended;

    assert.deepEqual(page?.rows.map(numberOf), [1, 2, 3, 4, 5]);
  });

  it("come after open, and drop after oldest", async () => {
    const { spill } = makeSpill();
    await assert.rejects(spill.append([rowOf(1)], patient), Defect);
    await assert.rejects(spill.oldest(1, patient), Defect);
    const opened = (await openSpill({ disk: await newDisk() })).spill;
    await append(opened, rowsOf(1, 2));
    const page = must(await opened.oldest(1, patient), "a page");
    assert(page !== undefined);

    must(await opened.drop(page, patient), "dropped");

    await assert.rejects(opened.drop(page, patient), Defect);
  });

  it("do nothing for whoever waits no longer, nor after it was closed", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    const late = { ...patient, signal: AbortSignal.abort() };
    const givenUp = fail({ code: "ingest.spill-given-up" });

    assert.deepEqual(await spill.append([rowOf(1)], late), givenUp);
    await append(spill, [rowOf(2)]);
    const under = spill.append([rowOf(3)], patient);
    await spill.close();
    await spill.close();

    assert.deepEqual(await under, ok());
    assert.deepEqual(await spill.append([rowOf(4)], patient), givenUp);
    assert.deepEqual(await spill.oldest(1, patient), givenUp);
    assert.equal(disk.openCount, 0);
    assert.deepEqual(await drain((await openSpill({ disk })).spill), [2, 3]);
  });
});

describe("spill: another life", () => {
  it("finds what was not dropped, with the rest of its file, and goes on behind it", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    await append(spill, rowsOf(1, 3));
    const page = must(await spill.oldest(2, patient), "a page");
    assert(page !== undefined);
    must(await spill.drop(page, patient), "dropped");
    await append(spill, rowsOf(4, 5));
    disk.crash(seededRandom(1));

    const next = (await openSpill({ disk, random: seededRandom(2) })).spill;
    must(await next.open(undefined, patient), "open again");
    const { rowCount, sizeBytes } = next.totals;
    await append(next, [rowOf(6)]);

    assert.equal(rowCount, 5);
    assert(sizeBytes > 0);
    assert.deepEqual(await drain(next), [1, 2, 3, 4, 5, 6]);
    assert.equal(next.totals.sizeBytes, 0);
  });

  it("leaves alone what is none of its files", async () => {
    const disk = await newDisk();
    await disk.makeDirectory(DIRECTORY);
    await disk.replaceFile(`${DIRECTORY}/notes.txt`, Buffer.from("x"));

    const { spill } = await openSpill({ disk });
    await append(spill, [rowOf(1)]);
    await drain(spill);

    assert.deepEqual(await filesIn(disk), ["notes.txt"]);
  });
});

describe("spill: room", () => {
  it("is refused past the budget, and not at it", async () => {
    const wantedBytes = 4 + encodeRow(rowOf(1)).length + BATCH_HEADER_BYTES;
    let bytesMax = wantedBytes;
    const { spill } = await openSpill({ disk: await newDisk(), bytesMax: () => bytesMax });

    await append(spill, [rowOf(1)]);
    const refused = await spill.append([rowOf(2)], patient);
    bytesMax = 2 * wantedBytes;
    await append(spill, [rowOf(2)]);

    const [sizeBytes, sizeBytesMax] = [wantedBytes, wantedBytes];
    assert.deepEqual(refused, fail({ code: "ingest.spill-full", cause: "budget", sizeBytes, sizeBytesMax }));
    await drain(spill);
    await append(spill, [rowOf(3)]);
    assert.deepEqual(await drain(spill), [3]);
  });

  it("on the disk may be out, which leaves what was answered, and no rest of what was not", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    await append(spill, rowsOf(1, 2));
    disk.capacityBytes = spill.totals.sizeBytes + 200;

    const refused = [await spill.append(rowsOf(3, 9), patient), await spill.append(rowsOf(3, 9), patient)];
    const files = must(await disk.list(DIRECTORY), "files");
    const { sizeBytes } = spill.totals;
    disk.capacityBytes = 1 * MiB;
    await append(spill, [rowOf(3)]);

    for (const each of refused) {
      assert(!each.ok && each.failure.code === "ingest.spill-full" && each.failure.cause === "disk");
    }
    assert.deepEqual(
      files.map((file) => file.sizeBytes),
      [sizeBytes],
    );
    assert.deepEqual(await drain(spill), [1, 2, 3]);
  });
});

describe("spill: a disk that fails", () => {
  for (const operation of ["open", "syncDirectory", "write", "sync"] as const) {
    it(`at ${operation} is told of, and nothing that was answered is lost`, async () => {
      const disk = await newDisk();
      const { spill } = await openSpill({ disk });
      if (operation === "write" || operation === "sync") await append(spill, [rowOf(1)]);

      disk.failNext(operation, "EIO");
      const failed = await spill.append([rowOf(2)], patient);
      await append(spill, [rowOf(3)]);
      disk.crash(seededRandom(3));
      const { spill: next, damages } = await openSpill({ disk, random: seededRandom(2) });

      assert(!failed.ok && failed.failure.code === "ingest.spill-broken");
      const numbers = await drain(next);
      assert.deepEqual(
        numbers.filter((number) => number !== 2),
        operation.startsWith("w") || operation === "sync" ? [1, 3] : [3],
      );
      assert.deepEqual(damages, []);
    });
  }

  it("at opening is told of, and it can be opened then", async () => {
    const disk = await newDisk();
    const { spill } = makeSpill({ disk });

    disk.failNext("list", "EIO");
    const failed = await spill.open(undefined, patient);

    assert(!failed.ok && failed.failure.code === "ingest.spill-broken");
    assert.deepEqual(await spill.open(undefined, patient), ok());
  });

  it("at reading is asked again, and then what cannot be read is set aside", async () => {
    const disk = await newDisk();
    const { spill, damages } = await openSpill({ disk });
    await append(spill, rowsOf(1, 3));
    await spill.close();
    const { spill: next, damages: nextDamages } = await openSpill({ disk, random: seededRandom(2) });
    await append(next, [rowOf(4)]);

    const tries = [];
    for (let count = 1; count < SPILL_READ_TRIES_MAX; count += 1) {
      disk.failNext("read", "EIO");
      tries.push((await next.oldest(9, patient)).ok);
      disk.failNext("read", "EMFILE");
      tries.push((await next.oldest(9, patient)).ok);
    }
    disk.failNext("read", "EIO");
    const numbers = await drain(next);

    assert(tries.every((isOk) => !isOk));
    assert.deepEqual(numbers, [4]);
    assert.deepEqual([damages.length, nextDamages[0]?.lostCountMin], [0, 3]);
    assert.equal(next.totals.lostCountMin, 3);
    assert.equal((await filesIn(disk)).length, 1);
  });

  it("at removing has what was dropped come again, in another life only", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    await append(spill, rowsOf(1, 2));
    const page = must(await spill.oldest(9, patient), "a page");
    assert(page !== undefined);

    disk.failNext("remove", "EIO");
    const dropped = await spill.drop(page, patient);

    assert(!dropped.ok && dropped.failure.code === "ingest.spill-broken");
    assert.deepEqual(await drain(spill), []);
    assert.deepEqual(await drain((await openSpill({ disk, random: seededRandom(2) })).spill), [1, 2]);
  });
});

describe("spill: damage", () => {
  it("of any byte loses at most the batch that it is in, is counted, and ends", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    const batches = [rowsOf(1, 2), rowsOf(3, 4), rowsOf(5, 6)];
    for (const rows of batches) await append(spill, rows);
    await spill.close();
    const path = await firstFile(disk);
    const contents = must(await disk.readFile(path), "the file");
    const batchBytes = (contents.length - BATCH_HEADER_BYTES) / batches.length;

    for (let position = 0; position < contents.length - BATCH_HEADER_BYTES; position += 7) {
      const decayed = await newDisk();
      await decayed.makeDirectory(DIRECTORY);
      await decayed.replaceFile(path, contents);
      decayed.flipByte(path, position, 1 << (position % 8));
      const hit = Math.floor(position / batchBytes);
      const left = batches.flatMap((rows, at) => (at === hit ? [] : rows.map(numberOf)));

      const { spill: next, damages } = await openSpill({ disk: decayed, random: seededRandom(2) });
      await append(next, [rowOf(7)]);
      const numbers = await drain(next);

      assert.deepEqual(numbers, [...left, 7], `byte ${position}`);
      const [damage] = damages;
      assert(damage !== undefined && damage.lostCountMin >= 1 && damage.lostCountMin <= 2, `byte ${position}`);
      const { damagedCount, rowCount, sizeBytes } = next.totals;
      assert.deepEqual([damagedCount, rowCount, sizeBytes], [1, 0, contents.length]);
      assert.deepEqual(await filesIn(decayed), [damage.fileName]);
      const { spill: third, damages: none } = await openSpill({ disk: decayed, random: seededRandom(3) });
      assert.deepEqual([await drain(third), none, third.totals.damagedCount], [[], [], 1]);
    }
  });

  it("of the end says that what was counted is missing", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    await append(spill, rowsOf(1, 2));
    await append(spill, rowsOf(3, 5));
    await spill.close();
    const { spill: next, damages } = await openSpill({ disk, random: seededRandom(2) });
    const path = await firstFile(disk);
    const contents = must(await disk.readFile(path), "the file");

    await disk.replaceFile(path, contents.subarray(0, contents.length / 2));
    const numbers = await drain(next);

    assert.deepEqual([numbers, damages.map(({ lostCountMin }) => lostCountMin)], [[1, 2], [3]]);
  });

  it("is not what was torn when a life ended", async () => {
    const disk = await newDisk();
    const { spill } = await openSpill({ disk });
    await append(spill, rowsOf(1, 2));
    const path = await firstFile(disk);
    const { salt } = parseSegmentName(path.slice(DIRECTORY.length + 1)) ?? { salt: 0 };
    const contents = must(await disk.readFile(path), "the file");
    const torn = encodeBatch(salt, 2, [encodeRow(rowOf(3))]);

    for (const length of [1, BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + 5, torn.length - 1]) {
      const other = await newDisk();
      await other.makeDirectory(DIRECTORY);
      await other.replaceFile(path, Buffer.concat([contents, torn.subarray(0, length)]));
      const zeros = Buffer.alloc(torn.length - length);
      await other.replaceFile(path, Buffer.concat([contents, torn.subarray(0, length), zeros]));

      const { spill: next, damages } = await openSpill({ disk: other, random: seededRandom(2) });

      assert.equal(next.totals.rowCount, 2);
      assert.deepEqual([await drain(next), damages], [[1, 2], []]);
    }
  });

  it("is what another version wrote, and the rest of its file is given", async () => {
    const disk = await newDisk();
    await disk.makeDirectory(DIRECTORY);
    const records = [encodeRow(rowOf(1)), Buffer.from("new"), encodeRow(rowOf(2))];
    await disk.replaceFile(`${DIRECTORY}/000000000001-00000007.spill`, encodeBatch(7, 1, records));

    const { spill, damages } = await openSpill({ disk });

    assert.deepEqual([await drain(spill), damages.map(({ lostCountMin }) => lostCountMin)], [[1, 2], [1]]);
  });
});
