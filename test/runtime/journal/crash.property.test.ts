/** The journal against a disk that loses, tears and reorders: many seeds, several lives each. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Journal } from "#runtime/journal/journal.ts";
import { openJournal } from "#runtime/journal/open-journal.ts";
import type { Random } from "#runtime/random.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { mortalDisk } from "#test/runtime/journal/mortal-disk.ts";

const seedCount = 300;
const livesPerSeed = 4;
const directory = "/journal";

/** What became of a record: `maybe` includes what was never answered. */
type Fate = "acknowledged" | "refused" | "maybe";

interface Story {
  readonly random: Random;
  readonly disk: MemoryDisk;
  /** By id, in the order they were appended. */
  readonly attempts: Map<number, { readonly bytes: Buffer; fate: Fate }>;
  lifeCount: number;
  compactionCount: number;
  fullCount: number;
}

function newRecord(story: Story): { readonly id: number; readonly bytes: Buffer } {
  const id = story.attempts.size;
  const { random } = story;
  const sizeBytes = random.below(20) === 0 ? random.below(40_000) : random.below(300);
  const bytes = Buffer.alloc(4 + sizeBytes, random.bytes(7));
  bytes.writeUInt32BE(id, 0);
  story.attempts.set(id, { bytes, fate: "maybe" });
  return { id, bytes };
}

function appendOne(story: Story, journal: Journal): void {
  const { id, bytes } = newRecord(story);
  const attempt = story.attempts.get(id);
  assert(attempt);
  void journal.append(bytes).then((result) => {
    if (result.ok) attempt.fate = "acknowledged";
    else if (result.failure.code !== "journal.closed") attempt.fate = "refused";
    if (!result.ok && result.failure.code === "disk.full") story.fullCount += 1;
  });
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await undefined;
}

function checkRecovered(story: Story, recovered: readonly Buffer[], seed: number): void {
  const ids = recovered.map((record) => record.readUInt32BE(0));
  assert.deepEqual(
    ids,
    [...new Set(ids)].sort((one, other) => one - other),
    `seed ${seed}: in order, once each`,
  );
  for (const record of recovered) {
    const attempt = story.attempts.get(record.readUInt32BE(0));
    assert(attempt?.bytes.equals(record), `seed ${seed}: a record is whole`);
  }
  const there = new Set(ids);
  for (const [id, attempt] of story.attempts) {
    if (attempt.fate === "acknowledged") assert(there.has(id), `seed ${seed}: acknowledged record ${id} survives`);
    if (attempt.fate === "refused") assert(!there.has(id), `seed ${seed}: refused record ${id} is absent`);
    // What survived once is a fact from now on, what did not may not come back.
    attempt.fate = there.has(id) ? "acknowledged" : "refused";
  }
}

async function live(story: Story, seed: number): Promise<void> {
  const { random, disk } = story;
  const process = mortalDisk(disk);
  const state: Buffer[] = [];
  if (random.below(8) === 0) disk.failNext("sync", "EIO");
  const opened = await openJournal({
    disk: process.disk,
    random,
    directory,
    apply: (record) => void state.push(Buffer.from(record)),
    snapshot: () => [...state],
    compactBytesMin: 2000,
    onCompacted: (result) => {
      if (result.ok) story.compactionCount += 1;
    },
  });
  if (!opened.ok) {
    assert.equal(opened.failure.code, "disk.broken", `seed ${seed}: ${JSON.stringify(opened.failure)}`);
    return crash(story, process);
  }
  story.lifeCount += 1;
  checkRecovered(story, state, seed);

  const journal = opened.value;
  const stepCount = random.below(25);
  for (let step = 0; step < stepCount; step += 1) {
    for (let count = random.below(4); count >= 0; count -= 1) appendOne(story, journal);
    const fault = random.below(60);
    if (fault === 0) disk.failNext("sync", "EIO");
    if (fault === 1) disk.failNext("write", "ENOSPC");
    if (fault === 2) disk.failNext("rename", "EIO");
    if (fault === 3) disk.failNext("syncDirectory", "EIO");
    if (fault === 4) disk.capacityBytes = 10_000 + random.below(100_000);
    if (fault === 5) disk.failNext("write", "EIO");
    if (fault === 6) disk.failNext("truncate", "EIO");
    await turns(random.below(40));
  }
  disk.capacityBytes = 2 ** 30;
  if (random.below(4) === 0) {
    await journal.close();
    assert.equal(disk.openCount, 0, `seed ${seed}: close leaves no descriptor`);
  }
  await crash(story, process);
}

async function crash({ disk, random }: Story, process: { kill(): void }): Promise<void> {
  process.kill();
  // What was under way when it died happens; what would have come next does not.
  await turns(20);
  disk.crash(random, { keepUnsynced: random.below(3) === 0 });
}

describe("journal: crashes", () => {
  it(`loses nothing acknowledged and damages nothing, over ${seedCount} seeds of ${livesPerSeed} lives`, async () => {
    const total = { lives: 0, acknowledged: 0, compactions: 0, full: 0 };
    for (let seed = 0; seed < seedCount; seed += 1) {
      const random = seededRandom(seed);
      const disk = new MemoryDisk();
      const story: Story = { random, disk, attempts: new Map(), lifeCount: 0, compactionCount: 0, fullCount: 0 };
      for (let life = 0; life < livesPerSeed; life += 1) await live(story, seed);
      total.lives += story.lifeCount;
      total.compactions += story.compactionCount;
      total.full += story.fullCount;
      for (const { fate } of story.attempts.values()) total.acknowledged += fate === "acknowledged" ? 1 : 0;
    }

    // The test would say nothing if the stories were dull.
    assert(total.lives > seedCount * 2 && total.acknowledged > seedCount * 20, JSON.stringify(total));
    assert(total.compactions > seedCount && total.full > 20, JSON.stringify(total));
  });

  it("finds every crash point of one append", async () => {
    for (let turnCount = 0; turnCount < 60; turnCount += 1) {
      const random = seededRandom(turnCount);
      const disk = new MemoryDisk();
      const process = mortalDisk(disk);
      const first = await openJournal({
        disk: process.disk,
        random,
        directory,
        apply: () => undefined,
        snapshot: () => [],
      });
      assert(first.ok);
      let acknowledged = false;
      void first.value.append(Buffer.alloc(3000, 7)).then((result) => {
        acknowledged = result.ok;
      });
      await turns(turnCount);
      process.kill();
      await turns(20);
      disk.crash(random);

      const seen: Buffer[] = [];
      const apply = (record: Uint8Array): void => void seen.push(Buffer.from(record));
      const second = await openJournal({ disk, random, directory, apply, snapshot: () => seen });
      assert(second.ok);
      if (acknowledged) assert.equal(seen.length, 1);
      for (const record of seen) assert(record.equals(Buffer.alloc(3000, 7)));
    }
  });
});
