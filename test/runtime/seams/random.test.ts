/** The random seam: one suite for both, then what only the seeded one promises. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Defect } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

function randomSuite(name: string, make: () => Random): void {
  describe(`random (${name})`, () => {
    test("bytes answers with as many as asked, in memory of their own", () => {
      const random = make();

      for (const count of [0, 1, 3, 4, 5, 32, 4097]) {
        const bytes = random.bytes(count);
        assert.deepEqual([bytes.length, bytes.byteOffset, bytes.buffer.byteLength], [count, 0, count]);
      }
      assert.throws(() => random.bytes(-1), Defect);
    });

    test("every byte value turns up, about equally often", () => {
      const counts = new Uint32Array(256);
      for (const byte of make().bytes(256 * 400)) counts[byte] = (counts[byte] ?? 0) + 1;

      // 400 expected, standard deviation 20: eight of them.
      for (const count of counts) assert.ok(count > 240 && count < 560, `a byte value came ${count} times`);
    });

    test("below is uniform, also where 2^32 is no multiple", () => {
      const random = make();
      const counts = [0, 0, 0];
      // With the naive remainder the first two thirds would be twice as likely.
      const exclusiveMax = 3 * 2 ** 30;
      for (let round = 0; round < 3000; round += 1) {
        const third = Math.floor(random.below(exclusiveMax) / 2 ** 30);
        counts[third] = (counts[third] ?? 0) + 1;
      }

      for (const count of counts) assert.ok(count > 850 && count < 1150, `a third came ${count} times of 1000`);
    });

    test("below stays below, at both ends of its range", () => {
      const random = make();

      for (let round = 0; round < 100; round += 1) {
        assert.equal(random.below(1), 0);
        const wide = random.below(2 ** 32);
        assert.ok(Number.isInteger(wide) && wide >= 0 && wide < 2 ** 32);
      }
      assert.throws(() => random.below(0), Defect);
      assert.throws(() => random.below(2 ** 32 + 1), Defect);
      assert.throws(() => random.below(1.5), Defect);
    });

    test("ids are 16 lower-case hex digits and do not repeat", () => {
      const random = make();
      const ids = Array.from({ length: 2000 }, () => random.id());

      for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/);
      assert.equal(new Set(ids).size, ids.length);
    });
  });
}

randomSuite("real", createRealRandom);
randomSuite("seeded", () => seededRandom(7));

describe("random (seeded)", () => {
  const draw = (random: Random): unknown => [random.id(), random.below(1000), [...random.bytes(9)], random.id()];

  test("the same seed gives the same answers (property)", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => assert.deepEqual(draw(seededRandom(seed)), draw(seededRandom(seed)))),
    );
  });

  test("neighbouring seeds share nothing", () => {
    const drawn = Array.from({ length: 500 }, (_, seed) => seededRandom(seed).id());

    assert.equal(new Set(drawn).size, drawn.length);
  });

  test("what a seed means never changes: written-down chaos seeds stay valid", () => {
    const random = seededRandom(1);

    assert.deepEqual(
      [random.id(), random.below(100), Buffer.from(random.bytes(5)).toString("hex")],
      ["904ccb1995c9db5c", 49, "223547f258"],
    );
  });
});
