/** In which order packs are read again, and how fast: both are what keeps the period. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import { SCRUB_BYTES_PER_SECOND_MIN, SCRUB_LOOK_INTERVAL_MS } from "#actors/storage/scrub/scrubber.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB, MiB, minute, second } from "#runtime/units.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { scrubbed } from "#test/actors/storage/volumes/spread-kit.ts";
import { watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

async function scrubFacts({ ref }: StorageKit): Promise<ScrubFacts> {
  const facts = await ref.call("describe", {}, within);
  assert(facts.ok);
  return facts.value.scrub;
}

/** In steps, so that what is read between them keeps up. */
async function pass(kit: StorageKit, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 100) {
    await kit.clock.advance(100);
    for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

describe("storage: scrubbing, pack by pack", () => {
  it("reads the pack that was never verified first, then the one whose turn was longest ago (STO-30)", async () => {
    const read: string[] = [];
    const disk = watchedDisk(new MemoryDisk(), ({ name, path, range }, begin) => {
      const isPack = name === "read" && range !== undefined && path.endsWith(".pack");
      if (isPack && read.at(-1) !== path) read.push(path);
      return begin();
    });
    const config = { packSealBytes: 1 * MiB, scrubPeriodMs: 20 * minute };
    const kit = await startStorage({ disk, config });
    const packs: string[] = [];
    // Packs of their own for each object, verified before the next ones are there; the last ones are not verified at all.
    for (let number = 0; number < 4; number += 1) {
      assert((await put(kit, randomBytes(1200 * KiB, number))).ok);
      for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
      read.length = 0;
      if (number < 3) await pass(kit, SCRUB_LOOK_INTERVAL_MS + 5 * second);
      assert(
        read.every((path) => !packs.includes(path)),
        "only what is due is read",
      );
      packs.push(...read);
    }
    assert(packs.length >= 3);

    await scrubbed(kit);

    const fresh = [...new Set(read)].filter((path) => !packs.includes(path));
    assert(fresh.length > 0);
    assert.deepEqual(read.slice(0, fresh.length + packs.length), [...fresh, ...packs]);
    await kit.actor.stop();
  });

  it("reads all of it within half of the period, and takes most of that time (STO-30)", async () => {
    const scrubPeriodMs = 20 * second;
    const kit = await startStorage({ config: { packSealBytes: 4 * MiB, scrubPeriodMs } });
    for (let number = 0; number < 45; number += 1) assert((await put(kit, randomBytes(450 * KiB, number))).ok);
    const { totalBytes } = await scrubFacts(kit);
    assert(
      (2 * second * totalBytes) / scrubPeriodMs > 1.5 * SCRUB_BYTES_PER_SECOND_MIN,
      "no store that is read in drops",
    );

    await kit.clock.advance(SCRUB_LOOK_INTERVAL_MS);
    await pass(kit, 0.4 * scrubPeriodMs);
    const almost = await scrubFacts(kit);
    await pass(kit, 0.1 * scrubPeriodMs);
    const { dueBytes, isRunning } = await scrubFacts(kit);

    assert(almost.isRunning && almost.dueBytes > totalBytes / 20, `${almost.dueBytes} of ${totalBytes} are left`);
    assert(almost.dueBytes < totalBytes / 4, `${almost.dueBytes} of ${totalBytes} are left`);
    assert.deepEqual({ dueBytes, isRunning }, { dueBytes: 0, isRunning: false });
    await kit.actor.stop();
  });

  it("tells how long all of it takes at most, beside the period (STO-138)", async () => {
    const collectBytesPerSecondMax = 64 * KiB;
    const kit = await startStorage({ config: { scrubPeriodMs: 5 * minute, collectBytesPerSecondMax } });
    assert((await put(kit, randomBytes(450 * KiB, 1))).ok);

    const { periodMs, totalBytes, wholeMs } = await scrubFacts(kit);

    assert(totalBytes > 450 * KiB);
    assert.deepEqual([periodMs, wholeMs], [5 * minute, Math.ceil((totalBytes * second) / collectBytesPerSecondMax)]);
  });
});
