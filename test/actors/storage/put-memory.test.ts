/** The memory of puts: however one ends, all that it had reserved is there for the next one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf, digestFromBytes } from "#actors/domain/address.ts";
import type { PutObject } from "#actors/storage/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { put, randomBytes, type StorageKit, sourceOf, startStorage } from "#test/actors/storage/storage-kit.ts";

const nothing = { reservedBytes: 0, orphanedBytes: 0 };
const elsewhere = addressOf(digestFromBytes(digestOf(Uint8Array.of(1))));

interface Ending {
  readonly sizeBytes: number;
  readonly failAt?: number;
  readonly options?: Partial<PutObject>;
  readonly arm?: (kit: StorageKit) => void;
  readonly code: string | undefined;
}

const endings: Readonly<Record<string, Ending>> = {
  "is broken off, its size unknown": { sizeBytes: 900 * KiB, failAt: 300 * KiB, code: "storage.source-failed" },
  "is broken off, its small size known": {
    sizeBytes: 900 * KiB,
    failAt: 800 * KiB,
    options: { sizeBytes: 900 * KiB },
    code: "storage.source-failed",
  },
  "fails instead of ending": {
    sizeBytes: 900 * KiB,
    failAt: 900 * KiB,
    options: { sizeBytes: 900 * KiB },
    code: "storage.source-failed",
  },
  "has fewer bytes than announced": {
    sizeBytes: 500 * KiB,
    options: { sizeBytes: 600 * KiB },
    code: "storage.source-failed",
  },
  "has more bytes than announced": {
    sizeBytes: 600 * KiB,
    options: { sizeBytes: 500 * KiB },
    code: "storage.source-failed",
  },
  "is large and broken off": { sizeBytes: 3 * MiB, failAt: 2 * MiB, code: "storage.source-failed" },
  "is large, announced and broken off": {
    sizeBytes: 3 * MiB,
    failAt: 2 * MiB,
    options: { sizeBytes: 3 * MiB },
    code: "storage.source-failed",
  },
  "finds no pack": {
    sizeBytes: 3 * MiB,
    arm: ({ disk }) => disk.failNext("open", "EMFILE"),
    code: "storage.write-failed",
  },
  "meets a write that fails, at its beginning": {
    sizeBytes: 1200 * KiB,
    // The first one is the header of the new pack.
    arm: ({ disk }) => failWrite(disk, 2),
    code: "storage.write-failed",
  },
  "meets a write that fails, later": {
    sizeBytes: 3 * MiB,
    arm: ({ disk }) => failWrite(disk, 9),
    code: "storage.write-failed",
  },
  "meets a sync that fails": {
    sizeBytes: 3 * MiB,
    arm: ({ disk }) => disk.failNext("sync", "EIO"),
    code: "storage.write-failed",
  },
  "is small, and its write fails": {
    sizeBytes: 3000,
    arm: ({ disk }) => disk.failNext("sync", "EIO"),
    code: "storage.write-failed",
  },
  "is another object than expected": {
    sizeBytes: 3 * MiB,
    options: { expect: elsewhere },
    code: "storage.address-mismatch",
  },
  "is too large": { sizeBytes: 9 * MiB, code: "storage.object-too-large" },
  "is whole in memory, and its write fails": {
    sizeBytes: 3000,
    options: { source: randomBytes(3000, 1) },
    arm: ({ disk }) => disk.failNext("sync", "EIO"),
    code: "storage.write-failed",
  },
  "is whole in memory, and another object than expected": {
    sizeBytes: 3000,
    options: { source: randomBytes(3000, 1), expect: elsewhere },
    code: "storage.address-mismatch",
  },
  "is whole in memory, with more bytes than announced": {
    sizeBytes: 3000,
    options: { source: randomBytes(3000, 1), sizeBytes: 2999 },
    code: "storage.source-failed",
  },
  "is whole in memory, with fewer bytes than announced": {
    sizeBytes: 3000,
    options: { source: randomBytes(3000, 1), sizeBytes: 3001 },
    code: "storage.source-failed",
  },
  "is whole in memory, and too large": {
    sizeBytes: 9 * MiB,
    options: { source: randomBytes(9 * MiB, 1) },
    code: "storage.object-too-large",
  },
  "is whole in memory, and stored": { sizeBytes: 3000, options: { source: randomBytes(3000, 1) }, code: undefined },
  "is stored, small": { sizeBytes: 900 * KiB, code: undefined },
  "is stored, large": { sizeBytes: 3 * MiB, code: undefined },
};

describe("storage: the memory of a put", () => {
  for (const [what, { sizeBytes, failAt, options, arm, code }] of Object.entries(endings)) {
    it(`is all given back when it ${what} (STO-11)`, async () => {
      const kit = await startStorage({ config: { objectSizeBytesMax: 8 * MiB } });
      const bytes = randomBytes(sizeBytes, 1);
      arm?.(kit);

      const outcome = await put(kit, bytes, { source: sourceOf(bytes, 48 * KiB, failAt), ...options });

      assert.equal(outcome.ok ? undefined : outcome.failure.code, code, JSON.stringify(outcome));
      assert.deepEqual(kit.heldBytes(), nothing);
    });
  }

  it("is counted of a put that is whole in memory while the disk reads it (STO-11)", async () => {
    const kit = await startStorage();
    let finish = (): void => undefined;
    const sync = kit.disk.sync.bind(kit.disk);
    kit.disk.sync = async (descriptor) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return await sync(descriptor);
    };
    const caller = new AbortController();
    const within = { deadlineMs: Number.POSITIVE_INFINITY, signal: caller.signal };
    const putting = kit.ref.call("putObject", { source: randomBytes(3000, 1) }, { timeoutMs: 60_000, within });
    await turns();

    caller.abort();
    assert.equal((await putting).ok, false);
    assert.deepEqual(kit.heldBytes(), { reservedBytes: 3000, orphanedBytes: 0 });

    kit.disk.sync = sync;
    finish();
    await turns();
    assert.deepEqual(kit.heldBytes(), nothing);
  });

  it("is given back when the wait for a pack is given up", async () => {
    const kit = await startStorage({ config: { openPacksMax: 1 } });
    const held = heldSource(2 * MiB);
    const first = put(kit, new Uint8Array(), { source: held.source });
    await turns();
    const caller = new AbortController();
    const within = { deadlineMs: Number.POSITIVE_INFINITY, signal: caller.signal };
    const source = sourceOf(randomBytes(3 * MiB, 2));
    const waiting = kit.ref.call("putObject", { source }, { timeoutMs: 60_000, within });
    await turns();

    caller.abort();
    const cancelled = await waiting;
    await turns();

    assert.equal(cancelled.ok, false);
    assert.deepEqual(kit.heldBytes(), { reservedBytes: 1280 * KiB, orphanedBytes: 0 });
    held.end();
    assert((await first).ok);
  });

  it("lasts for ever, however many uploads break off (STO-11)", async () => {
    const kit = await startStorage();
    for (let round = 0; round < 40; round += 1) {
      const bytes = randomBytes(1 * MiB, round);
      const refused = await put(kit, bytes, { source: sourceOf(bytes, 48 * KiB, 700 * KiB) });
      assert(!refused.ok && refused.failure.code === "storage.source-failed");
    }

    assert((await put(kit, randomBytes(1100 * KiB, 99))).ok);
  });

  it("is not in other hands while the disk still reads it", async () => {
    const kit = await startStorage();
    const write = kit.disk.write.bind(kit.disk);
    let finish = (): void => undefined;
    let reading: readonly Uint8Array[] = [];
    // The write after the header hangs, and the source fails meanwhile.
    let count = 0;
    kit.disk.write = async (descriptor, parts, position) => {
      count += 1;
      if (count !== 2) return await write(descriptor, parts, position);
      reading = parts;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return await write(descriptor, parts, position);
    };
    const bytes = randomBytes(3 * MiB, 1);
    const source = sourceOf(bytes, 256 * KiB, 256 * KiB);
    const broken = put(kit, bytes, { source, sizeBytes: 3 * MiB });
    await turns();
    assert.equal(reading.length, 1);
    const before = Buffer.from(reading[0] ?? []);

    const other = randomBytes(2 * MiB, 2);
    assert((await put(kit, other, { sizeBytes: other.length })).ok);

    assert.deepEqual(kit.heldBytes(), { reservedBytes: 512 * KiB, orphanedBytes: 0 });
    assert.equal(Buffer.compare(reading[0] ?? new Uint8Array(), before), 0, "nobody else has written to the slab");
    finish();
    const refused = await broken;
    assert(!refused.ok);
    assert.deepEqual(kit.heldBytes(), nothing);
  });
});

/** Fails the write number `number` from now on. */
function failWrite(disk: StorageKit["disk"], number: number): void {
  const write = disk.write.bind(disk);
  let count = 0;
  disk.write = async (descriptor, parts, position) => {
    count += 1;
    if (count === number) disk.failNext("write", "EIO");
    return await write(descriptor, parts, position);
  };
}

/** A source that stops before its end until it is told to go on. */
function heldSource(sizeBytes: number) {
  const inner = sourceOf(randomBytes(sizeBytes, 7));
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    end = resolve;
  });
  let seenBytes = 0;
  const source: ByteSource = {
    get failure() {
      return inner.failure;
    },
    read: async (into) => {
      if (seenBytes === sizeBytes) await held;
      const count = await inner.read(into);
      seenBytes += Math.max(0, count);
      return count;
    },
    cancel: (reason) => inner.cancel(reason),
  };
  return { source, end: () => end() };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
