/** The spill against a disk that loses, tears and fails: many seeds, several lives each. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SPILL_READ_TRIES_MAX, Spill, type SpillPage, type SpillSpan } from "#actors/ingest/spill/spill.ts";
import type { Random } from "#runtime/random.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { DIRECTORY, newDisk, numberOf, rowOf } from "#test/actors/ingest/spill/kit.ts";
import { patient } from "#test/kit/patient.ts";
import { runsOf } from "#test/kit/runs.ts";
import { mortalDisk } from "#test/runtime/journal/mortal-disk.ts";

const SEEDS = runsOf({ usual: 60, slowness: 1 });
const LIVES = 4;

interface Story {
  readonly seed: number;
  readonly random: Random;
  readonly disk: MemoryDisk;
  /** Answered, and not known to be dropped. */
  readonly promised: Set<number>;
  /** What is known elsewhere of what was promised. */
  known: SpillSpan | undefined;
  /** Ever appended. */
  nextNumber: number;
  readonly total: { fullCount: number; brokenCount: number; givenCount: number; againCount: number };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await undefined;
}

function appendSome(story: Story, spill: Spill): void {
  const { random, promised } = story;
  const rows = Array.from({ length: 1 + random.below(5) }, () => {
    const number = story.nextNumber;
    story.nextNumber += 1;
    return rowOf(number, JSON.stringify("x".repeat(random.below(random.below(10) === 0 ? 900_000 : 300))));
  });
  void spill.append(rows, patient).then((appended) => {
    if (appended.ok) for (const row of rows) promised.add(numberOf(row));
    if (appended.ok) note(story, spill);
    else if (appended.failure.code === "ingest.spill-full") story.total.fullCount += 1;
    else story.total.brokenCount += 1;
  });
}

/** What was answered may have been noted, and a later note lost. */
function note(story: Story, spill: Spill): void {
  if (story.random.below(4) > 0) story.known = spill.span;
}

/** One after another, as whoever moves them does. */
async function moveSome(story: Story, spill: Spill, given: Set<number>): Promise<void> {
  const page = await spill.oldest(1 + story.random.below(4), patient);
  if (!page.ok || page.value === undefined) return;
  const numbers = page.value.rows.map(numberOf);
  for (const number of numbers) {
    assert(number < story.nextNumber, "only what was appended is given");
    assert(!given.has(number), `${number} is given once in a life`);
  }
  if (story.random.below(5) === 0) return;
  await drop(story, spill, page.value);
  note(story, spill);
  for (const number of numbers) given.add(number);
}

async function drop(story: Story, spill: Spill, page: SpillPage): Promise<void> {
  // They last elsewhere from here on, whatever the spill makes of it.
  for (const row of page.rows) story.promised.delete(numberOf(row));
  await spill.drop(page, patient);
  story.total.givenCount += page.rows.length;
}

function fault({ random, disk }: Story): void {
  const operations = ["write", "sync", "open", "syncDirectory", "remove", "truncate", "close"] as const;
  const errno = random.below(2) === 0 ? "EIO" : "ENOSPC";
  disk.failNext(operations[random.below(operations.length)] ?? "write", errno);
}

async function live(story: Story, life: number): Promise<void> {
  const { random, disk } = story;
  const process = mortalDisk(disk);
  const damages: unknown[] = [];
  const options = { random, directory: DIRECTORY, bytesMax: () => 3 * MiB };
  const spill = new Spill({ ...options, disk: process.disk, onDamage: (damage) => damages.push(damage) });
  assert((await spill.open(story.known, patient)).ok, "nothing fails when it is opened");
  const given = new Set<number>();
  let moving: Promise<void> | undefined;
  let faultsLeft = SPILL_READ_TRIES_MAX - 1;
  for (let step = random.below(25); step > 0; step -= 1) {
    if (random.below(3) > 0) appendSome(story, spill);
    if (moving === undefined && random.below(2) === 0) {
      moving = moveSome(story, spill, given).finally(() => {
        moving = undefined;
      });
    }
    // A file that cannot be read so often is set aside, rightly.
    if (faultsLeft > 0 && random.below(12) === 0) {
      faultsLeft -= 1;
      fault(story);
    }
    await turns(random.below(60));
  }
  if (random.below(4) === 0) await spill.close();
  assert.deepEqual(damages, [], `seed ${story.seed}, life ${life}: nothing was damaged`);
  process.kill();
  // What was under way when it died happens; what would have come next does not.
  await turns(20);
  disk.crash(random, { keepUnsynced: random.below(3) === 0 });
}

/** Everything, in a life in which nothing fails. */
async function settle(story: Story, seed: number): Promise<void> {
  const damages: unknown[] = [];
  const { disk, random, promised } = story;
  const spill = new Spill({
    disk,
    random,
    directory: DIRECTORY,
    bytesMax: () => 0,
    onDamage: (each) => damages.push(each),
  });
  assert((await spill.open(story.known, patient)).ok);
  const { rowCount } = spill.totals;
  const numbers: number[] = [];
  for (;;) {
    const page = await spill.oldest(7, patient);
    assert(page.ok, `seed ${seed}`);
    if (page.value === undefined) break;
    numbers.push(...page.value.rows.map(numberOf));
    assert((await spill.drop(page.value, patient)).ok);
  }
  for (const number of promised) assert(numbers.includes(number), `seed ${seed}: ${number} was answered, and is there`);
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].sort((one, other) => one - other),
    `seed ${seed}: in order, once each`,
  );
  assert.deepEqual(damages, [], `seed ${seed}`);
  assert.equal(rowCount, numbers.length, `seed ${seed}: what is found is what is counted`);
  assert.deepEqual(spill.totals, { rowCount: 0, sizeBytes: 0, damagedCount: 0, lostCountMin: 0 }, `seed ${seed}`);
  assert.equal(disk.openCount, 0, `seed ${seed}`);
  story.total.againCount += numbers.length - promised.size;
}

describe("spill: crashes", () => {
  it(`lose nothing that was answered and damage nothing, over ${SEEDS} seeds of ${LIVES} lives`, async () => {
    const total = { fullCount: 0, brokenCount: 0, givenCount: 0, againCount: 0 };
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const story: Story = {
        seed,
        random: seededRandom(seed),
        disk: await newDisk(),
        promised: new Set(),
        known: undefined,
        nextNumber: 1,
        total,
      };
      for (let life = 0; life < LIVES; life += 1) await live(story, life);
      await settle(story, seed);
    }

    // The test would say nothing if the stories were dull.
    const enough = [total.fullCount, total.brokenCount, total.againCount].every((count) => count > SEEDS / 5);
    assert(enough && total.givenCount > SEEDS * 20, JSON.stringify(total));
  });
});
