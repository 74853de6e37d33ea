/** What every CPU pool promises: the conformance suite of the cpu seam. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { must } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Within } from "#runtime/ref.ts";
import { KiB } from "#runtime/units.ts";
import { patternOf } from "#test/runtime/seams/pattern.ts";

export interface CpuUnderTest {
  readonly cpu: Cpu;
  /** Now, by the clock that deadlines are compared with. */
  readonly nowMs: () => number;
  /** Makes a file that the pool can read, and answers with its path. */
  readonly fileOf: (contents: Uint8Array) => Promise<string>;
}

export const forever: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

export function cpuSuite(name: string, make: (context: TestContext) => Promise<CpuUnderTest>): void {
  describe(`cpu (${name})`, () => {
    test("digest agrees on the pool and at once, for plain, viewed and shared bytes", async (context) => {
      const { cpu } = await make(context);
      for (const size of [0, 1, 1024, 65_537, 1_000_003]) {
        const plain = patternOf(size);
        const roomy = new Uint8Array(size + 20);
        const shared = new Uint8Array(new SharedArrayBuffer(size + 20), 7, size);
        roomy.set(plain, 11);
        shared.set(plain);

        const expected = digestOf(plain);
        for (const bytes of [plain, roomy.subarray(11, 11 + size), shared]) {
          assert.deepEqual(must(await cpu.run("digest", { bytes }, forever), "digesting"), expected);
          assert.deepEqual(cpu.digest(bytes), expected);
        }
        assert.deepEqual(plain, patternOf(size), "the caller keeps its bytes");
      }
    });

    test("a hasher digests pieces as one, and goes on after a digest", async (context) => {
      const { cpu } = await make(context);
      const bytes = patternOf(100_000);
      const hasher = cpu.hasher();

      assert.deepEqual(hasher.digest(), digestOf(new Uint8Array(0)));
      hasher.update(bytes.subarray(0, 1));
      hasher.update(new Uint8Array(0));
      hasher.update(bytes.subarray(1, 50_000));
      assert.deepEqual(hasher.digest(), digestOf(bytes.subarray(0, 50_000)));
      hasher.update(bytes.subarray(50_000));

      assert.deepEqual(hasher.digest(), digestOf(bytes));
    });

    test("digestFileRange digests the range whole and by segments, wherever it begins and ends", async (context) => {
      const { cpu, fileOf } = await make(context);
      const contents = patternOf(700 * KiB + 5);
      const path = await fileOf(contents);
      const segment = 64 * KiB;

      for (const [position, lengthBytes] of [
        [0, 0],
        [0, 1],
        [3, segment],
        [0, segment + 1],
        [1000, 4 * segment],
        [17, 4 * segment + 1],
        [0, contents.length],
      ] as const) {
        const { digest, segments } = must(
          await cpu.run("digestFileRange", { path, position, lengthBytes }, forever),
          "digesting",
        );

        const range = contents.subarray(position, position + lengthBytes);
        const expected: Uint8Array[] = [];
        for (let at = 0; at < lengthBytes; at += segment) expected.push(digestOf(range.subarray(at, at + segment)));
        assert.deepEqual(digest, digestOf(range));
        assert.deepEqual(segments, new Uint8Array(Buffer.concat(expected)));
      }
    });

    test("digestFileRange fails for a missing file and for a range past the end, by one byte too", async (context) => {
      const { cpu, fileOf } = await make(context);
      const path = await fileOf(patternOf(1000));
      const codeOf = async (request: { path: string; position: number; lengthBytes: number }): Promise<string> => {
        const result = await cpu.run("digestFileRange", request, forever);
        return result.ok ? "ok" : result.failure.code;
      };

      assert.equal(await codeOf({ path, position: 1, lengthBytes: 999 }), "ok");
      assert.equal(await codeOf({ path, position: 1, lengthBytes: 1000 }), "pool.task-failed");
      assert.equal(await codeOf({ path: `${path}-none`, position: 0, lengthBytes: 1 }), "pool.task-failed");
    });

    test("nothing runs for a caller that has given up or whose deadline has passed", async (context) => {
      const { cpu, nowMs } = await make(context);
      const bytes = patternOf(10);
      const expired = { ok: false, failure: { code: "pool.expired", executed: "no" } };

      const givenUp = { deadlineMs: Number.POSITIVE_INFINITY, signal: AbortSignal.abort() };
      assert.deepEqual(await cpu.run("digest", { bytes }, givenUp), expired);
      assert.deepEqual(await cpu.run("digest", { bytes }, { ...forever, deadlineMs: nowMs() }), expired);
      assert.equal((await cpu.run("digest", { bytes }, { ...forever, deadlineMs: nowMs() + 60_000 })).ok, true);
    });

    test("many at once are all answered, each with its own", async (context) => {
      const { cpu } = await make(context);
      const inputs = Array.from({ length: 200 }, (_, index) => new Uint8Array(10_000).fill(index));

      const results = await Promise.all(inputs.map((bytes) => cpu.run("digest", { bytes }, forever)));

      assert.deepEqual(
        results.map((result) => must(result, "digesting")),
        inputs.map(digestOf),
      );
    });

    test("close waits for what runs and can be called twice", async (context) => {
      const { cpu } = await make(context);
      const bytes = patternOf(3_000_000);
      const running = cpu.run("digest", { bytes }, forever);
      await undefined;
      await undefined;

      await Promise.all([cpu.close(), cpu.close()]);

      assert.deepEqual(must(await running, "digesting"), digestOf(bytes));
    });
  });
}
