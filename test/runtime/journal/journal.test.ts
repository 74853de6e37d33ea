/** The journal on a memory disk: what it keeps, what it refuses, and how it ends. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  encodeBatch,
  journalBatchBytesMax,
  journalRecordBytesMax,
  RECORD_HEADER_BYTES,
} from "#runtime/journal/batch.ts";
import { FILE_HEADER_BYTES } from "#runtime/journal/file-header.ts";
import { type Journal, journalWaitingBytesMax } from "#runtime/journal/journal.ts";
import { openJournal } from "#runtime/journal/open-journal.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

const directory = "/journal";
const firstFile = "/journal/000000000001.log";

interface Opened {
  readonly journal: Journal;
  readonly state: string[];
}

/** State is the list of records, as text. */
async function tryOpen(disk: MemoryDisk, options: { compactBytesMin?: number } = {}) {
  const state: string[] = [];
  const opened = await openJournal({
    disk,
    random: seededRandom(1),
    directory,
    apply: (record) => void state.push(Buffer.from(record).toString()),
    snapshot: () => state.map((text) => Buffer.from(text)),
    ...options,
  });
  return { opened, state };
}

async function open(disk: MemoryDisk, options: { compactBytesMin?: number } = {}): Promise<Opened> {
  const { opened, state } = await tryOpen(disk, options);
  assert(opened.ok, JSON.stringify(opened));
  return { journal: opened.value, state };
}

async function contents(disk: MemoryDisk): Promise<Buffer> {
  const read = await disk.readFile(firstFile);
  assert(read.ok);
  return Buffer.from(read.value);
}

async function names(disk: MemoryDisk): Promise<readonly string[]> {
  const listed = await disk.list(directory);
  assert(listed.ok);
  return listed.value.map(({ name }) => name).sort();
}

/** What `open` finds on a disk whose only journal file has these bytes. */
async function openBytes(bytes: Uint8Array) {
  const disk = new MemoryDisk();
  await disk.makeDirectory(directory);
  await disk.replaceFile(firstFile, bytes);
  return await tryOpen(disk);
}

describe("journal: append", () => {
  it("answers when the record is applied and survives a power cut", async () => {
    const disk = new MemoryDisk();
    const first = await open(disk);

    const answers = await Promise.all(["a", "", "c"].map((text) => first.journal.append(Buffer.from(text))));
    const applied = [...first.state];
    disk.crash(seededRandom(7));
    const second = await open(disk);

    assert.deepEqual(answers, [
      { ok: true, value: undefined },
      { ok: true, value: undefined },
      { ok: true, value: undefined },
    ]);
    assert.deepEqual(applied, ["a", "", "c"]);
    assert.deepEqual(second.state, ["a", "", "c"]);
  });

  it("makes one batch of what arrives while the previous one is synced", async () => {
    const disk = new MemoryDisk();
    const { journal } = await open(disk);
    const sync = disk.sync.bind(disk);
    let syncCount = 0;
    disk.sync = (descriptor) => {
      syncCount += 1;
      // Ten appends arrive during the first sync.
      if (syncCount === 1) for (let count = 0; count < 10; count += 1) void journal.append(Buffer.from("later"));
      return sync(descriptor);
    };

    await journal.append(Buffer.from("first"));
    await journal.append(Buffer.from("last"));

    assert.equal(syncCount, 2);
  });

  it("takes a record at the limit and refuses one byte more", async () => {
    const { journal, state } = await open(new MemoryDisk());

    const atLimit = await journal.append(new Uint8Array(journalRecordBytesMax));
    const pastLimit = await journal.append(new Uint8Array(journalRecordBytesMax + 1));

    assert(atLimit.ok);
    assert.deepEqual(pastLimit, {
      ok: false,
      failure: {
        code: "journal.record-too-large",
        sizeBytes: journalRecordBytesMax + 1,
        sizeBytesMax: journalRecordBytesMax,
      },
    });
    assert.equal(state.length, 1);
  });

  it("refuses what would wait beyond the limit, and takes it when the line is shorter", async () => {
    const { journal, state } = await open(new MemoryDisk());
    const record = new Uint8Array(journalRecordBytesMax);
    const fitting = Math.floor(journalWaitingBytesMax / (journalRecordBytesMax + 256));

    const waiting = Array.from({ length: fitting }, () => journal.append(record));
    const refused = await journal.append(record);
    const answers = await Promise.all(waiting);
    const later = await journal.append(record);

    assert.deepEqual(refused, {
      ok: false,
      failure: { code: "journal.busy", waitingBytesMax: journalWaitingBytesMax },
    });
    assert(answers.every(({ ok }) => ok) && later.ok);
    assert.equal(state.length, fitting + 1);
  });

  it("never writes a batch over the limit", async () => {
    const disk = new MemoryDisk();
    const { journal } = await open(disk);
    const write = disk.write.bind(disk);
    const sizes: number[] = [];
    disk.write = (descriptor, parts, position) => {
      sizes.push(parts.reduce((sum, part) => sum + part.length, 0));
      return write(descriptor, parts, position);
    };

    await Promise.all(Array.from({ length: 17 }, () => journal.append(new Uint8Array(journalRecordBytesMax))));

    assert.deepEqual(
      sizes.map((size) => Math.floor(size / journalRecordBytesMax)),
      [7, 7, 3],
    );
    assert(sizes.every((size) => size <= journalBatchBytesMax + 32));
  });
});

describe("journal: a full disk", () => {
  it("fails the append, keeps nothing of it, and goes on when there is room", async () => {
    const disk = new MemoryDisk();
    const first = await open(disk);
    await first.journal.append(Buffer.from("before"));
    const sizeBefore = first.journal.sizeBytes;
    disk.capacityBytes = sizeBefore + 40;

    const full = await first.journal.append(Buffer.alloc(100, "x"));
    const sizeAfter = (await contents(disk)).length;
    disk.capacityBytes = 1_000_000;
    const after = await first.journal.append(Buffer.from("after"));
    disk.crash(seededRandom(3));
    const second = await open(disk);

    assert.deepEqual(full, { ok: false, failure: { code: "disk.full", path: `${firstFile}.new` } });
    assert(after.ok);
    assert.equal(sizeAfter, sizeBefore, "what did not fit takes no room");
    assert.deepEqual(second.state, ["before", "after"]);
  });
});

describe("journal: a failed sync", () => {
  it("closes it for good", async () => {
    const disk = new MemoryDisk();
    const { journal, state } = await open(disk);
    disk.failNext("sync", "EIO");

    const failed = await journal.append(Buffer.from("doubtful"));
    const later = await journal.append(Buffer.from("later"));
    await journal.close();

    assert.equal(!failed.ok && failed.failure.code, "journal.closed");
    assert.equal(!later.ok && later.failure.code, "journal.closed");
    assert.equal(journal.closed?.cause?.code, "disk.broken");
    assert.deepEqual(state, []);
    assert.equal(disk.openCount, 0);
  });

  it("makes the next opening write the doubtful batch again, so that what it saw stays true", async () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const disk = new MemoryDisk();
      const first = await open(disk);
      disk.failNext("sync", "EIO");
      await first.journal.append(Buffer.alloc(2000, "d"));
      await first.journal.close();

      const second = await open(disk);
      disk.crash(seededRandom(seed));
      const third = await open(disk);

      assert.equal(second.state.length, 1);
      assert.deepEqual(third.state, second.state, `seed ${seed}`);
    }
  });
});

describe("journal: damage", () => {
  it("is refused with its position wherever one byte of a closed journal decays, and loses no record", async () => {
    const disk = new MemoryDisk();
    const { journal, state } = await open(disk);
    const starts = [FILE_HEADER_BYTES];
    for (const text of ["one", "two", "three"]) {
      await journal.append(Buffer.from(text));
      starts.push(journal.sizeBytes);
    }
    await journal.close();
    const bytes = await contents(disk);
    const markStart = starts.at(-1) ?? 0;

    for (let position = 0; position < bytes.length; position += 1) {
      const damagedBytes = Buffer.from(bytes);
      damagedBytes[position] = (damagedBytes[position] ?? 0) ^ 0x41;
      const { opened, state: found } = await openBytes(damagedBytes);

      if (position >= markStart) {
        assert(opened.ok);
        assert.deepEqual(found, state, `only the mark of the end, at ${position}`);
        continue;
      }
      const expected =
        position < FILE_HEADER_BYTES
          ? { position: 0, part: "file-header" }
          : { position: starts.findLast((start) => start <= position), part: "batch" };
      assert.deepEqual(opened, { ok: false, failure: { code: "journal.damaged", path: firstFile, ...expected } });
    }
  });

  it("at the end of a journal that was not closed is a torn tail: cut off, the rest stays", async () => {
    const disk = new MemoryDisk();
    const { journal } = await open(disk);
    await journal.append(Buffer.from("one"));
    const endOfFirst = journal.sizeBytes;
    await journal.append(Buffer.from("two"));
    const bytes = await contents(disk);

    for (let size = endOfFirst; size < bytes.length; size += 1) {
      const { opened, state } = await openBytes(bytes.subarray(0, size));
      assert(opened.ok);
      assert.deepEqual(state, ["one"]);
      assert.equal(opened.value.sizeBytes, endOfFirst);
    }
  });

  it("inside the base is refused also where nothing follows", async () => {
    const disk = new MemoryDisk();
    const { journal } = await open(disk);
    await journal.append(Buffer.from("one"));
    await journal.compact();
    disk.crash(seededRandom(1));
    disk.flipByte("/journal/000000000002.log", FILE_HEADER_BYTES + 34);

    const { opened } = await tryOpen(disk);

    assert.deepEqual(opened, {
      ok: false,
      failure: {
        code: "journal.damaged",
        path: "/journal/000000000002.log",
        position: FILE_HEADER_BYTES,
        part: "base",
      },
    });
  });

  it("is not seen in a torn record that imitates a later batch of another file", async () => {
    const disk = new MemoryDisk();
    const { journal } = await open(disk);
    await journal.append(Buffer.from("one"));
    const endOfFirst = journal.sizeBytes;
    await journal.append(encodeBatch(12345, 9, [Buffer.from("imitation")]));
    const bytes = await contents(disk);
    bytes[endOfFirst + 32] = 0xff;

    const { opened, state } = await openBytes(bytes);

    assert(opened.ok);
    assert.deepEqual(state, ["one"]);
  });
});

describe("journal: compact", () => {
  it("rewrites the state into the next file and removes the old one", async () => {
    const disk = new MemoryDisk();
    const first = await open(disk);
    await first.journal.append(Buffer.from("one"));
    first.state.splice(0, 1, "changed");

    const compacted = await first.journal.compact();
    await first.journal.append(Buffer.from("two"));
    disk.crash(seededRandom(5));
    const second = await open(disk);

    assert(compacted.ok);
    assert.deepEqual(await names(disk), ["000000000002.log"]);
    assert.deepEqual(second.state, ["changed", "two"]);
  });

  it("happens by itself when the file has grown by the minimum and by its own base", async () => {
    const disk = new MemoryDisk();
    const { journal } = await open(disk, { compactBytesMin: 1000 });

    for (let count = 0; count < 25; count += 1) await journal.append(Buffer.alloc(100, "x"));
    await journal.close();

    // 136 bytes a batch: past 1000 after the 8th; its base takes about 870, so again after the 16th.
    assert.deepEqual(await names(disk), ["000000000003.log"]);
  });

  it("that fails leaves the old file in use", async () => {
    const disk = new MemoryDisk();
    const first = await open(disk);
    await first.journal.append(Buffer.from("one"));
    disk.failNext("sync", "EIO");

    const compacted = await first.journal.compact();
    const appended = await first.journal.append(Buffer.from("two"));
    disk.crash(seededRandom(5));
    const second = await open(disk);

    assert.equal(!compacted.ok && compacted.failure.code, "disk.broken");
    assert(appended.ok);
    assert.deepEqual(second.state, ["one", "two"]);
    assert.deepEqual(await names(disk), [firstFile.slice(directory.length + 1)]);
  });

  it("splits a large state into batches", async () => {
    const disk = new MemoryDisk();
    const first = await open(disk);
    const recordCount = Math.ceil(journalBatchBytesMax / (journalRecordBytesMax - RECORD_HEADER_BYTES)) + 2;
    for (let count = 0; count < recordCount; count += 1) {
      await first.journal.append(Buffer.alloc(journalRecordBytesMax, String(count % 10)));
    }

    await first.journal.compact();
    await first.journal.close();
    const second = await open(disk);

    assert.deepEqual(second.state, first.state);
  });
});

describe("journal: open and close", () => {
  it("leaves files alone that are not its own, and removes what a crash left over", async () => {
    const disk = new MemoryDisk();
    await disk.makeDirectory(directory);
    await disk.replaceFile(`${directory}/notes.txt`, Buffer.from("mine"));
    await disk.replaceFile(`${directory}/000000000007.log.new`, Buffer.from("left over"));

    await open(disk);

    assert.deepEqual(await names(disk), ["000000000001.log", "notes.txt"]);
  });

  it("finishes what waits before it closes, and refuses afterwards", async () => {
    const disk = new MemoryDisk();
    const { journal, state } = await open(disk);

    const waiting = journal.append(Buffer.from("waits"));
    await journal.close();
    await journal.close();
    const late = await journal.append(Buffer.from("late"));

    assert((await waiting).ok);
    assert.deepEqual(late, { ok: false, failure: { code: "journal.closed" } });
    assert.deepEqual(state, ["waits"]);
    assert.equal(disk.openCount, 0);
  });

  it("closes the file when opening fails", async () => {
    const disk = new MemoryDisk();
    await (await open(disk)).journal.close();
    for (const operation of ["sizeBytes", "read", "sync", "write", "syncDirectory"] as const) {
      disk.failNext(operation, "EIO");
      const { opened } = await tryOpen(disk);
      assert.equal(!opened.ok && opened.failure.code, "disk.broken", operation);
      assert.equal(disk.openCount, 0, operation);
    }
  });
});
