/** What every key-value store promises: the conformance suite of the kv seam. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { Defect, must } from "#runtime/errors.ts";
import { keyBytesMax, valueBytesMax } from "#runtime/kv/check.ts";
import type { Kv, KvChange, KvStores } from "#runtime/kv/kv.ts";
import { MiB } from "#runtime/units.ts";

export interface StoresUnderTest {
  readonly stores: KvStores;
  /** It does not exist yet. */
  readonly directory: string;
}

type Make = (context: TestContext) => Promise<StoresUnderTest>;

export const mapBytesMax: number = 64 * MiB;

/** A key or value from small numbers. */
export function b(...bytes: number[]): Uint8Array {
  return new Uint8Array(bytes);
}

export function put(key: Uint8Array, value: Uint8Array): KvChange {
  return { key, value };
}

export function kvSuite(name: string, make: Make): void {
  const opened = async (context: TestContext): Promise<Kv> => {
    const { stores, directory } = await make(context);
    const kv = must(await stores.open(directory, { mapBytesMax }), "opening");
    context.after(() => kv.close());
    return kv;
  };
  const everything = (kv: Kv): unknown => kv.range(b(), new Uint8Array(keyBytesMax + 1).fill(255), 1_000_000);

  describe(`kv (${name})`, () => {
    test("a batch is visible when it has settled; a removed key is gone", async (context) => {
      const kv = await opened(context);

      await kv.batch([put(b(1), b(10, 11)), put(b(2), b()), put(b(3), b(30))]);
      await kv.batch([{ key: b(3), value: undefined }, put(b(1), b(12)), { key: b(9), value: undefined }]);

      assert.deepEqual([kv.get(b(1)), kv.get(b(2)), kv.get(b(3)), kv.get(b(4))], [b(12), b(), undefined, undefined]);
      assert.equal(kv.count(), 2);
    });

    test("changes of one batch apply in order", async (context) => {
      const kv = await opened(context);

      await kv.batch([put(b(1), b(1)), { key: b(1), value: undefined }, put(b(1), b(2)), put(b(2), b(2))]);

      assert.deepEqual([kv.get(b(1)), kv.count()], [b(2), 2]);
    });

    test("batches apply in the order of the calls, without waiting for each other", async (context) => {
      const kv = await opened(context);
      const settled: number[] = [];

      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          await kv.batch([put(b(1), b(index)), put(b(2, index), b(index))]);
          settled.push(index);
          assert.ok((kv.get(b(1))?.[0] ?? -1) >= index);
        }),
      );

      assert.deepEqual(kv.get(b(1)), b(99));
      assert.equal(kv.count(), 101);
      assert.deepEqual(
        settled,
        Array.from({ length: 100 }, (_, index) => index),
      );
    });

    test("the caller may use its buffers again at once", async (context) => {
      const kv = await opened(context);
      // A `slice` of a `Buffer` is a view.
      for (const [length, kind] of [4, 500, 100_000].flatMap((each) =>
        [Uint8Array, Buffer].map((of) => [each, of] as const),
      )) {
        const key = kind.from([1, 2, 3]);
        const value = kind.from(new Uint8Array(length).fill(7));

        const batch = kv.batch([put(key, value)]);
        key.fill(9);
        value.fill(9);
        await batch;

        assert.deepEqual(kv.get(b(1, 2, 3)), new Uint8Array(length).fill(7));
        assert.equal(kv.get(b(9, 9, 9)), undefined);
      }
    });

    test("what was returned stays what it was, whatever is written later", async (context) => {
      const kv = await opened(context);
      const large = new Uint8Array(100_000).fill(1);
      await kv.batch([put(b(1), b(5)), put(b(2), large)]);

      const [small, kept] = [kv.get(b(1)), kv.get(b(2))];
      const pairs = kv.range(b(0), b(9), 10);
      await kv.batch([put(b(1), b(6)), put(b(2), new Uint8Array(100_000).fill(2))]);
      for (let round = 0; round < 20; round += 1) await kv.batch([put(b(3, round), new Uint8Array(50_000).fill(3))]);
      kv.get(b(3, 1));

      assert.deepEqual([small, kept], [b(5), large]);
      assert.deepEqual(pairs, [put(b(1), b(5)), put(b(2), large)]);
      small?.fill(0);
      assert.deepEqual(kv.get(b(1)), b(6));
    });

    test("range is half open, in the order of unsigned bytes, and ends at its limit", async (context) => {
      const kv = await opened(context);
      const keys = [b(0), b(0, 0), b(0, 255), b(1), b(127), b(128), b(128, 0), b(255), b(255, 255)];
      await kv.batch(keys.toReversed().map((key) => put(key, key)));
      const keysOf = (from: Uint8Array, to: Uint8Array, limit: number): readonly Uint8Array[] =>
        kv.range(from, to, limit).map(({ key }) => key);

      assert.deepEqual(keysOf(b(0), b(255, 255, 255), 100), keys);
      assert.deepEqual(keysOf(b(), b(255, 255), 100), keys.slice(0, -1));
      assert.deepEqual(keysOf(b(0, 0), b(128), 100), [b(0, 0), b(0, 255), b(1), b(127)]);
      assert.deepEqual(keysOf(b(0, 1), b(255), 2), [b(0, 255), b(1)]);
      assert.deepEqual(keysOf(b(0), b(255), 0), []);
      assert.deepEqual(keysOf(b(5), b(5), 10), []);
      assert.deepEqual(keysOf(b(200), b(5), 10), []);
    });

    test("keys have 1 … 511 bytes and values 0 bytes … 1 MiB; past that is a defect and changes nothing", async (context) => {
      const kv = await opened(context);
      const longest = new Uint8Array(keyBytesMax).fill(1);
      const largest = new Uint8Array(valueBytesMax).fill(2);

      await kv.batch([put(longest, largest), put(b(1), b())]);
      assert.deepEqual([kv.get(longest)?.length, kv.get(b(1))?.length], [valueBytesMax, 0]);

      const fine = put(b(7), b(7));
      await assert.rejects(kv.batch([fine, put(new Uint8Array(keyBytesMax + 1), b())]), Defect);
      await assert.rejects(kv.batch([fine, put(b(), b())]), Defect);
      await assert.rejects(kv.batch([fine, put(b(2), new Uint8Array(valueBytesMax + 1))]), Defect);
      assert.throws(() => kv.get(b()), Defect);
      assert.equal(kv.get(b(7)), undefined);
    });

    test("closing keeps what was written; the directory opens again", async (context) => {
      const { stores, directory } = await make(context);
      const first = must(await stores.open(directory, { mapBytesMax }), "opening");
      const unawaited = first.batch([put(b(1), b(1))]);
      await first.close();
      await first.close();
      await unawaited;

      const second = must(await stores.open(directory, { mapBytesMax }), "opening again");
      context.after(() => second.close());

      assert.deepEqual([second.get(b(1)), second.count()], [b(1), 1]);
    });

    test("one opener at a time", async (context) => {
      const { stores, directory } = await make(context);
      const kv = must(await stores.open(directory, { mapBytesMax }), "opening");

      const second = await stores.open(directory, { mapBytesMax });

      assert.deepEqual(second, {
        ok: false,
        failure: { code: "kv.broken", path: directory, cause: "opened already" },
      });
      await kv.close();
    });

    test("a full store refuses what adds, whole, and still takes removals", async (context) => {
      const { stores, directory } = await make(context);
      const kv = must(await stores.open(directory, { mapBytesMax: 4 * MiB }), "opening");
      context.after(() => kv.close());
      const value = new Uint8Array(256 * 1024);
      let written = 0;
      const fill = async (): Promise<void> => {
        for (; written < 64; written += 1) await kv.batch([put(b(1, written), value), put(b(2, written), b(1))]);
      };

      await assert.rejects(fill(), /mapBytesMax/);

      assert.ok(written >= 8 && written <= 24, `${written} of 16 batches of 256 KiB fitted into 4 MiB`);
      assert.equal(kv.get(b(2, written)), undefined, "nothing of a refused batch is there");
      assert.equal(kv.count(), 2 * written);
      await kv.batch([{ key: b(1, 0), value: undefined }]);
      assert.equal(kv.count(), 2 * written - 1);
    });

    test("a batch that is too large for what is left keeps no smaller one out", async (context) => {
      const { stores, directory } = await make(context);
      const kv = must(await stores.open(directory, { mapBytesMax: 4 * MiB }), "opening");
      context.after(() => kv.close());
      const value = new Uint8Array(valueBytesMax);
      await kv.batch([put(b(1), value)]);

      await assert.rejects(kv.batch([2, 3, 4, 5].map((key) => put(b(key), value))), /mapBytesMax/);
      await kv.batch([put(b(6), b(6))]);

      assert.deepEqual([kv.count(), kv.get(b(6))], [2, b(6)]);
    });

    test("flush settles after the batches before it", async (context) => {
      const kv = await opened(context);
      const order: string[] = [];

      const batch = kv.batch([put(b(1), b(1))]).then(() => order.push("batch"));
      await batch;
      await kv.flush();
      order.push("flush");

      assert.deepEqual(order, ["batch", "flush"]);
    });

    const key = fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 });
    const change = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }) });

    test("agrees with a sorted list of pairs (property)", async (context) => {
      const kv = await opened(context);

      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 6 }),
          fc.tuple(key, key, fc.nat({ max: 5 })),
          async (batches, [from, to, limit]) => {
            const model = new Map<string, KvChange & { readonly value: Uint8Array }>();
            for (const changes of batches) {
              await kv.batch(changes);
              for (const { key, value } of changes) {
                if (value === undefined) model.delete(key.join());
                else model.set(key.join(), { key, value });
              }
            }

            const pairs = [...model.values()].sort((one, other) => Buffer.compare(one.key, other.key));
            assert.deepEqual(everything(kv), pairs);
            assert.equal(kv.count(), pairs.length);
            const within = pairs.filter(
              (pair) => Buffer.compare(pair.key, from) >= 0 && Buffer.compare(pair.key, to) < 0,
            );
            assert.deepEqual(kv.range(from, to, limit), within.slice(0, limit));
            await kv.batch(pairs.map((pair) => ({ key: pair.key, value: undefined })));
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}
