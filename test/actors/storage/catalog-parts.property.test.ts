/** The small structures under the catalog, against the simplest things that could be right. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { KvOverlay } from "#actors/storage/catalog/kv-overlay.ts";
import { Sequences } from "#actors/storage/catalog/sequences.ts";
import {
  decodeHeader,
  encodeHeader,
  NO_TABLE,
  RECORD_HEADER_BYTES,
  recordEnd,
  tableBytes,
} from "#actors/storage/packs/record.ts";
import type { Kv, KvChange } from "#runtime/kv/kv.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";

const keys = fc.integer({ min: 1, max: 8 }).map((key) => Uint8Array.of(key));
const steps = fc.array(
  fc.oneof(
    fc.record({
      step: fc.constant("put" as const),
      key: keys,
      value: fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined }),
    }),
    fc.record({ step: fc.constant("flush" as const) }),
    fc.record({ step: fc.constant("settle" as const) }),
    fc.record({ step: fc.constant("refuse" as const), isRefused: fc.boolean(), isLate: fc.boolean() }),
  ),
  { maxLength: 60, size: "max" },
);

describe("kv overlay: get", () => {
  it("agrees with a map, whatever is flushed, being flushed or refused; and so does range", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const stores = memoryKvStores();
        const opened = await stores.open("kv", { mapBytesMax: 1e6 });
        assert(opened.ok);
        const { late, kv } = lateKv(opened.value);
        const overlay = new KvOverlay(kv);
        const model = new Map<number, Uint8Array | undefined>();
        let flushing: Promise<void> = Promise.resolve();
        for (const one of script) {
          if (one.step === "put") {
            overlay.put(one.key, one.value);
            model.set(one.key[0] ?? 0, one.value);
          } else if (one.step === "flush") flushing = overlay.flush();
          else if (one.step === "refuse") {
            late.isOn = one.isLate;
            stores.refuseBatches(one.isRefused ? "the disk is full" : undefined);
          } else await flushing;
          for (let key = 1; key <= 8; key += 1) {
            const value = overlay.get(Uint8Array.of(key));
            assert.deepEqual(value && Uint8Array.from(value), model.get(key));
          }
          const between = [...model].filter(([key, value]) => key >= 2 && key < 8 && value !== undefined);
          between.sort(([one], [other]) => one - other);
          for (const limit of [0, 1, 3, 10]) {
            assert.deepEqual(
              overlay.range(Uint8Array.of(2), Uint8Array.of(8), limit).map(({ key, value }) => [key[0], [...value]]),
              between.slice(0, limit).map(([key, value]) => [key, [...(value ?? [])]]),
            );
          }
        }
        stores.refuseBatches(undefined);
        await overlay.flush();
        assert.equal(overlay.refusal, undefined);
        const stored = opened.value.range(Uint8Array.of(0), Uint8Array.of(255), 100);
        assert.equal(stored.length, [...model.values()].filter((value) => value !== undefined).length);
      }),
    );
  });
});

/** While on, the first batch that is refused is written all the same, in front of the next one that is taken. */
function lateKv(kv: Kv): { readonly late: { isOn: boolean }; readonly kv: Kv } {
  const late: { isOn: boolean; changes: readonly KvChange[] } = { isOn: false, changes: [] };
  const batch = async (changes: readonly KvChange[]): Promise<void> => {
    await kv.batch([...late.changes, ...changes]).catch((error: unknown) => {
      if (late.isOn && late.changes.length === 0) late.changes = changes;
      throw error;
    });
    late.changes = [];
  };
  return { late, kv: { ...kv, batch } };
}

describe("kv overlay: a store that refuses", () => {
  it("says why, keeps what was put, and has room for as many changes as its bound, not for one more", async () => {
    const stores = memoryKvStores();
    const opened = await stores.open("kv", { mapBytesMax: 1e6 });
    assert(opened.ok);
    const overlay = new KvOverlay(opened.value, 3);
    stores.refuseBatches("the disk is full");
    for (const key of [1, 2]) overlay.put(Uint8Array.of(key), Uint8Array.of(key));
    await overlay.flush();
    assert.deepEqual([overlay.refusal, overlay.pendingCount, overlay.hasRoom], ["kv: the disk is full", 2, true]);

    overlay.put(Uint8Array.of(3), Uint8Array.of(3));

    assert.equal(overlay.hasRoom, false);
    stores.refuseBatches(undefined);
    await overlay.flush();
    assert.deepEqual([overlay.refusal, overlay.pendingCount, overlay.hasRoom], [undefined, 0, true]);
    assert.equal(opened.value.count(), 3);
  });
});

describe("kv overlay: range", () => {
  it("reads about as much as it answers with, and what is removed in front of that", async () => {
    const opened = await memoryKvStores().open("kv", { mapBytesMax: 1e6 });
    assert(opened.ok);
    const { range } = opened.value;
    let readCount = 0;
    const counting: Kv = {
      ...opened.value,
      range: (...asked) => {
        const pairs = range(...asked);
        readCount += pairs.length;
        return pairs;
      },
    };
    const keyOf = (at: number): Uint8Array => Uint8Array.of(1 + (at >> 8), at & 255);
    const numbersOf = (pairs: ReturnType<KvOverlay["range"]>): readonly number[] =>
      pairs.map(({ key }) => Buffer.from(key).readUInt16BE() - 256);
    const overlay = new KvOverlay(counting);
    for (let at = 0; at < 4000; at += 1) overlay.put(keyOf(at), Uint8Array.of(1));
    await overlay.flush();
    for (let at = 2000; at < 4000; at += 1) overlay.put(keyOf(at), undefined);

    assert.deepEqual(numbersOf(overlay.range(keyOf(0), keyOf(4000), 3)), [0, 1, 2]);
    assert.equal(readCount, 3);
    for (let at = 0; at < 500; at += 1) overlay.put(keyOf(at), undefined);
    assert.deepEqual(numbersOf(overlay.range(keyOf(0), keyOf(4000), 3)), [500, 501, 502]);
    assert(readCount < 1500, `${readCount} are read`);
  });
});

describe("sequences: watermark", () => {
  it("is the highest number below which everything has settled and nothing is in doubt", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.array(fc.nat(), { maxLength: 60, size: "max" }), (last, script) => {
        const inDoubt = new Set<number>();
        const sequences = new Sequences(last, (sequence) => inDoubt.add(sequence));
        const pending: number[] = [];
        let next = last + 1;
        for (const step of script) {
          if (step % 2 === 0 || pending.length === 0) {
            assert.equal(sequences.begin(), next);
            pending.push(next);
            next += 1;
          } else {
            const [settled = 0] = pending.splice(step % pending.length, 1);
            if (step % 7 === 1) {
              sequences.doubt(settled);
              pending.push(settled);
            } else sequences.settle(settled);
          }
          for (const sequence of inDoubt) assert(sequences.watermark < sequence || !pending.includes(sequence));
          assert.equal(sequences.watermark, Math.min(next, ...pending) - 1);
        }
      }),
    );
  });
});

const headers = fc
  .record(
    {
      mark: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      kind: fc.constantFrom("chunk" as const, "manifest" as const, "shard" as const),
      sequence: fc.maxSafeNat(),
      isTransient: fc.boolean(),
      isSettled: fc.boolean(),
      epoch: fc.nat(2 ** 32 - 1),
      payloadBytes: fc.nat(4 * 2 ** 20),
      gap: fc.nat(1000),
      digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    },
    { noNullPrototype: true },
  )
  .map(({ gap, ...rest }) => ({
    ...rest,
    payloadOffset: RECORD_HEADER_BYTES + tableBytes(rest.payloadBytes) + gap,
    tableDigest: NO_TABLE,
  }));

describe("record header: decode", () => {
  it("reads what encode wrote, and ends on a multiple of eight", () => {
    fc.assert(
      fc.property(headers, fc.nat(2 ** 28), (header, position) => {
        assert.deepEqual(decodeHeader(encodeHeader(header), header.mark), header);
        assert.equal(recordEnd(position * 8, header) % 8, 0);
      }),
    );
  });

  it("refuses a header with any byte changed, and one of another pack", () => {
    fc.assert(
      fc.property(headers, fc.nat(RECORD_HEADER_BYTES - 1), fc.integer({ min: 1, max: 255 }), (header, at, mask) => {
        const bytes = Uint8Array.from(encodeHeader(header));
        bytes[at] = (bytes[at] ?? 0) ^ mask;

        assert.equal(decodeHeader(bytes, undefined), undefined);
        assert.equal(
          decodeHeader(
            encodeHeader(header),
            header.mark.map((byte) => byte ^ 1),
          ),
          undefined,
        );
      }),
    );
  });

  it("answers to arbitrary bytes without throwing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), (bytes) => {
        assert.equal(decodeHeader(bytes, undefined), undefined);
      }),
    );
  });
});
