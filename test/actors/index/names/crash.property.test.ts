/**
 * Names over a disk that fails, fills up and loses: many seeds, several lives each, a death at any moment.
 *
 * Clients read, and sign what follows on what they read, also where the answer to what they signed before was lost or in
 * doubt. Still no name may ever freeze, whatever becomes of the journal; in half of the seeds somebody signs twice on
 * purpose.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fullName, type Name } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import { Names } from "#actors/index/names/names.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { must } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { type DiskOperation, MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { readRecord } from "#test/actors/domain/name-verifier.ts";
import { labelOf, nextRecord, objectValue, signedRecord, signerOf } from "#test/kit/names.ts";
import { mortalDisk } from "#test/runtime/journal/mortal-disk.ts";

const seedCount = 60;
const livesPerSeed = 4;

interface Owner {
  readonly name: Name;
  readonly signer: ReturnType<typeof signerOf>;
  /** What was acknowledged, by seq. */
  readonly acknowledged: Map<number, string>;
  /** Refused, and not sent again: it must not be there. */
  readonly refused: Set<string>;
  readonly sent: Set<string>;
  /** Somebody was told that it is. */
  isFrozen: boolean;
}

interface Story {
  readonly random: Random;
  readonly disk: MemoryDisk;
  readonly owners: readonly Owner[];
  readonly mayBreakRule: boolean;
  readonly seed: number;
  /** What clients found wrong. */
  readonly broken: unknown[];
}

const FAULTS: readonly (readonly [DiskOperation, string])[] = [
  ["sync", "EIO"],
  ["write", "ENOSPC"],
  ["write", "EIO"],
  ["truncate", "EIO"],
  ["rename", "EIO"],
  ["syncDirectory", "EIO"],
  ["open", "EIO"],
];

const total = { acknowledged: 0, maybe: 0, full: 0, frozen: 0, reopened: 0, lives: 0 };

function open(story: Story, disk: Disk = story.disk): Names {
  return new Names({
    disk,
    random: story.random,
    directory: "/data/names",
    limits: { namesMax: 8, historyMax: 5, recordsMax: 12 },
    compactBytesMin: 2500,
    onEquivocation: () => undefined,
    onTrouble: (cause) => {
      total.reopened += cause === undefined ? 1 : 0;
    },
  });
}

/** One client: it goes on until its node dies, when its calls are never answered. */
async function own(story: Story, names: Names, owner: Owner, stepCount: number): Promise<void> {
  const { random, seed } = story;
  for (let step = 0; step < stepCount && !owner.isFrozen; step += 1) {
    const read = await names.read(owner.name);
    if (!read.ok && read.failure.code !== "index.name-unknown") continue;
    const current = read.ok ? read.value.history.at(-1) : undefined;
    const newest = Math.max(0, ...owner.acknowledged.keys());
    assert((current?.seq ?? 0) >= newest, `seed ${seed}: whoever reads sees what was acknowledged`);
    if (read.ok && read.value.evidence !== undefined) {
      assert(story.mayBreakRule, `seed ${seed}: nobody broke the rule`);
      owner.isFrozen = true;
      return;
    }

    const value = objectValue(random.below(256));
    const { label } = owner.name;
    const isBreaking = story.mayBreakRule && current !== undefined && random.below(25) === 0;
    if (isBreaking) {
      const { seq, prev } = current;
      await send(
        story,
        names,
        owner,
        signedRecord(owner.signer, { label, seq, prev, value, exp: 1 + random.below(9) }),
      );
      continue;
    }
    const next =
      current === undefined
        ? signedRecord(owner.signer, { label, value })
        : nextRecord(owner.signer, current, { value });
    const sent = send(story, names, owner, next);
    // Else it has no patience, and reads again without an answer.
    if (random.below(4) > 0) await sent;
    else sent.catch((error: unknown) => story.broken.push(error));
  }
}

async function send({ seed }: Story, names: Names, owner: Owner, record: NameRecord): Promise<void> {
  // In an earlier life perhaps, and never answered.
  const wasSent = owner.sent.has(record.digest);
  owner.sent.add(record.digest);
  // The same words may be signed again.
  owner.refused.delete(record.digest);
  const result = await names.set(record);
  if (result.ok) {
    owner.acknowledged.set(record.seq, record.digest);
    total.acknowledged += 1;
    return;
  }
  const { failure } = result;
  if (failure.code === "index.name-frozen") {
    owner.isFrozen = true;
    total.frozen += 1;
  } else if (failure.code === "index.names-unavailable") {
    total[failure.executed === "maybe" ? "maybe" : "full"] += 1;
    // Nothing of it was ever kept.
    if (failure.executed === "no" && !wasSent) owner.refused.add(record.digest);
  } else {
    assert.fail(`seed ${seed}: ${JSON.stringify(failure)}`);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await undefined;
}

function harm({ disk, random }: Story): void {
  const [operation, errno] = FAULTS[random.below(14)] ?? [];
  if (operation !== undefined && errno !== undefined) disk.failNext(operation, errno);
  else disk.capacityBytes = random.below(4) === 0 ? 2000 + random.below(20_000) : 2 ** 30;
}

async function live(story: Story): Promise<void> {
  const { random, disk, owners } = story;
  const process = mortalDisk(disk);
  const names = open(story, process.disk);
  const { broken } = story;
  for (const owner of owners) void own(story, names, owner, 12).catch((error: unknown) => broken.push(error));
  for (let moment = random.below(12); moment >= 0; moment -= 1) {
    await turns(random.below(120));
    harm(story);
  }
  process.kill();
  await turns(20);
  disk.crash(random, { keepUnsynced: random.below(3) === 0 });
  disk.capacityBytes = 2 ** 30;
  total.lives += 1;
  if (broken.length > 0) throw broken[0];
}

/** By whoever comes after the crash. */
async function check(story: Story): Promise<void> {
  const { seed, owners } = story;
  const names = open(story);
  must(await names.open(), `seed ${seed}: what a crash leaves can be read`);
  for (const { name, acknowledged, refused, isFrozen } of owners) {
    const read = await names.read(name);
    if (!read.ok) {
      assert.equal(read.failure.code, "index.name-unknown");
      assert.equal(acknowledged.size, 0, `seed ${seed}: ${fullName(name)} was acknowledged`);
      continue;
    }
    const { history, evidence } = read.value;
    const bySeq = new Map(history.map(({ seq, digest }) => [seq, digest]));
    const oldest = history[0]?.seq ?? 0;
    for (const [seq, digest] of acknowledged) {
      if (seq >= oldest) assert.equal(bySeq.get(seq), digest, `seed ${seed}: seq ${seq} was acknowledged`);
    }
    for (const [at, record] of history.entries()) {
      assert(typeof readRecord(record.bytes) === "object", `seed ${seed}: every record can be verified`);
      assert(!refused.has(record.digest), `seed ${seed}: what was refused is not there`);
      if (at > 0) assert.equal(record.prev, history[at - 1]?.digest, `seed ${seed}: the chain has no gap`);
    }
    if (isFrozen) assert(evidence !== undefined, `seed ${seed}: a frozen name stays frozen`);
    if (!story.mayBreakRule) assert.equal(evidence, undefined, `seed ${seed}: nobody broke the rule`);
    if (evidence === undefined) continue;
    const [one, other] = evidence.map(({ bytes }) => readRecord(bytes));
    assert(
      typeof one === "object" && typeof other === "object" && one.seq === other.seq && one.digest !== other.digest,
    );
  }
  // What was in doubt and has frozen the name is known from now on.
  for (const owner of owners) {
    const read = await names.read(owner.name);
    owner.isFrozen ||= read.ok && read.value.evidence !== undefined;
  }
  await names.close();
  assert.equal(story.disk.openCount, 0, `seed ${seed}: nothing is left open`);
}

describe("names: crashes", () => {
  it(`lose nothing acknowledged, and freeze no name whose owner keeps the rule, over ${seedCount} seeds (IDX-8)`, async () => {
    for (let seed = 0; seed < seedCount; seed += 1) {
      const random = seededRandom(seed);
      const owners = [1, 2].flatMap((byte) =>
        ["one", "two"].map((label): Owner => {
          const signer = signerOf(byte);
          const name = { publicKey: signer.publicKey, label: labelOf(label) };
          const said = { acknowledged: new Map(), refused: new Set<string>(), sent: new Set<string>() };
          return { name, signer, ...said, isFrozen: false };
        }),
      );
      const story: Story = { random, disk: new MemoryDisk(), owners, mayBreakRule: seed % 2 === 1, seed, broken: [] };
      for (let life = 0; life < livesPerSeed; life += 1) {
        await live(story);
        await check(story);
      }
    }

    // The test would say nothing if the stories were dull.
    const { acknowledged, ...others } = total;
    assert(acknowledged > seedCount * 10, JSON.stringify(total));
    assert(
      Object.values(others).every((count) => count > 20),
      JSON.stringify(total),
    );
  });
});
