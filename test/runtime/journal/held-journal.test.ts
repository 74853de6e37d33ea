/** A journal that is held: opened once for all who need it, again after a failure, and never after its end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeldJournal } from "#runtime/journal/held-journal.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

/** The records, as text. */
class Texts {
  readonly all: string[] = [];

  apply(record: Uint8Array): void {
    this.all.push(Buffer.from(record).toString());
  }

  snapshot(): Iterable<Uint8Array> {
    return this.all.map((text) => Buffer.from(text));
  }
}

function hold(disk: MemoryDisk) {
  const openings: boolean[] = [];
  const held = new HeldJournal({
    disk,
    random: seededRandom(1),
    directory: "/journal",
    makeState: () => new Texts(),
    onOpened: (opened) => void openings.push(opened.ok),
  });
  return { held, openings };
}

const record = (text: string): Uint8Array => Buffer.from(text);

describe("journal: held", () => {
  it("is opened once for all who need it together", async () => {
    const { held, openings } = hold(new MemoryDisk());
    assert(!held.wasOpened);

    const appended = await Promise.all(["a", "b", "c"].map((text) => held.append(record(text))));

    assert(appended.every(({ ok }) => ok));
    assert.deepEqual([openings, held.state.all, held.wasOpened], [[true], ["a", "b", "c"], true]);
  });

  it("is opened again by the next append after a sync that failed, and has then what was in doubt", async () => {
    const disk = new MemoryDisk();
    const { held, openings } = hold(disk);
    assert((await held.append(record("a"))).ok);
    const before = held.state;
    disk.failNext("sync", "EIO");

    const inDoubt = await held.append(record("b"));
    const next = await held.append(record("c"));

    assert(!inDoubt.ok && inDoubt.failure.code === "journal.closed" && next.ok);
    assert.deepEqual([before.all, held.state.all, openings], [["a"], ["a", "b", "c"], [true, true]]);
  });

  it("keeps the state that it had where it cannot be opened again, and tries anew", async () => {
    const disk = new MemoryDisk();
    const { held, openings } = hold(disk);
    assert((await held.append(record("a"))).ok);
    disk.failNext("sync", "EIO");
    assert(!(await held.append(record("b"))).ok);
    disk.failNext("read", "EIO");

    const refused = await held.append(record("c"));
    const known = [...held.state.all];
    const next = await held.append(record("c"));

    assert(!refused.ok && refused.failure.code === "disk.broken" && next.ok);
    assert.deepEqual([known, held.state.all, openings], [["a"], ["a", "b", "c"], [true, false, true]]);
  });

  it("is read up to the damage where it is damaged, and not looked at again", async () => {
    const disk = new MemoryDisk();
    const before = hold(disk).held;
    for (const text of ["a", "b", "c"]) assert((await before.append(record(text))).ok);
    await before.close();
    const secondBatch = 32 + 32 + 4 + 1;
    disk.flipByte("/journal/000000000001.log", secondBatch + 36);
    const { held, openings } = hold(disk);

    const refusals = [await held.append(record("d")), await held.append(record("e"))];

    const path = "/journal/000000000001.log";
    const failure = { code: "journal.damaged", path, position: secondBatch, part: "batch" };
    for (const refused of refusals) assert.deepEqual(refused, { ok: false, failure });
    assert.deepEqual([held.damage, held.state.all, held.wasOpened, openings], [failure, ["a"], false, [false]]);
  });

  it("is never opened once it was closed: it appends nothing, and what was read can be asked for", async () => {
    const disk = new MemoryDisk();
    const { held, openings } = hold(disk);
    assert((await held.append(record("a"))).ok);
    await held.close();

    const late = await held.append(record("b"));

    assert.deepEqual(late, { ok: false, failure: { code: "journal.closed" } });
    assert.deepEqual([held.state.all, openings, disk.openCount], [["a"], [true], 0]);
  });

  it("is never opened either where it was closed before, or after a failure", async () => {
    const disk = new MemoryDisk();
    const early = hold(disk);
    await early.held.close();
    const failed = hold(disk);
    assert((await failed.held.append(record("a"))).ok);
    disk.failNext("sync", "EIO");
    const why = await failed.held.append(record("b"));
    assert(!why.ok);
    await failed.held.close();

    const afterEarly = await early.held.append(record("c"));
    const afterFailed = await failed.held.append(record("c"));

    assert.deepEqual(afterEarly, { ok: false, failure: { code: "journal.closed" } });
    assert.deepEqual(afterFailed, why, "the journal that closed itself says why");
    assert.deepEqual([early.openings, failed.openings, disk.openCount], [[], [true], 0]);
  });

  it("waits, when it is closed, for whoever opens it", async () => {
    const disk = new MemoryDisk();
    const { held } = hold(disk);
    const appended = held.append(record("a"));

    await held.close();

    assert.equal(disk.openCount, 0);
    assert.deepEqual([(await appended).ok, disk.openCount], [false, 0]);
  });
});
