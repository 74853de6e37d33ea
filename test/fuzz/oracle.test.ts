/** What a target is wrong about, whatever it reads: each of these is found in one that is. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRanges } from "#actors/gateway/range.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB, minute } from "#runtime/units.ts";
import { latin1Of } from "#test/fuzz/bytes.ts";
import { fuzz } from "#test/fuzz/fuzz.ts";
import { assertPlain, examine, Found } from "#test/fuzz/oracle.ts";
import type { Target } from "#test/fuzz/target.ts";

const held: Uint8Array[] = [];
const target = (check: Target["check"]): Target => ({
  name: "planted",
  seeds: [new Uint8Array(Buffer.from("bytes=0-1,5-9,2-"))],
  check,
});

describe("fuzz: what is examined", () => {
  for (const [what, check, says] of [
    ["throws", () => assert.fail("a planted bug"), /a planted bug/],
    ["throws later", async () => assert.fail("a planted bug"), /a planted bug/],
    ["takes too long", () => spin(200), /took [1-9]\d{2}/],
    [
      "holds memory that the input only speaks of",
      () => void held.push(new Uint8Array(24 * MiB).fill(1)),
      /held \d{8}/,
    ],
    [
      "gives all objects a member",
      () => void Object.assign(Object.prototype, { planted: 1 }),
      /inherit from was changed/,
    ],
  ] as const) {
    it(`finds a reader that ${what}`, async () => {
      const input = Uint8Array.of(1, 2);

      const failure = await examine(target(check), input).catch((cause: unknown) => cause);
      held.splice(0);
      Reflect.deleteProperty(Object.prototype, "planted");

      assert(failure instanceof Found);
      assert.match(failure.message, says);
      assert.match(failure.message, /^planted, input 0102: /);
    });
  }

  it("lets a reader change its own input", async () => {
    const input = Uint8Array.of(1, 2);

    await examine(
      target((bytes) => void bytes.fill(9)),
      input,
    );

    assert.deepEqual(input, Uint8Array.of(1, 2));
  });

  it("forgives what took long once", async () => {
    let calls = 0;

    await examine(
      target(() => {
        calls += 1;
        if (calls === 1) spin(200);
      }),
      Uint8Array.of(1),
    );

    assert.equal(calls, 2);
  });

  for (const [what, value] of [
    ["a key that reaches a prototype", JSON.parse('{"a":[{"__proto__":{"x":1}}]}')],
    ["an instance of a class", { a: new Map() }],
    ["what is too deep", [[[[1]]]]],
    ["a function", { a: () => 1 }],
  ] as const) {
    it(`takes no ${what} for plain data`, () => {
      assert.throws(() => assertPlain(value, 3), assert.AssertionError);
    });
  }
});

describe("fuzz: what is found", () => {
  // What is planted is a change or two away: the luck that takes is a matter of a second or two. The minutes are for none of it.
  const found = async (check: Target["check"]): Promise<unknown> =>
    await fuzz(target(check), { random: seededRandom(1), forMs: 5 * minute }).catch((failure: unknown) => failure);

  it("is an input that throws, and it is named", async () => {
    const failure = await found((input) => {
      const ranges = parseRanges(latin1Of(input));
      assert(!Array.isArray(ranges) || !ranges.some((range) => "suffix" in range), "a planted bug");
    });

    assert(failure instanceof Found);
    assert.match(failure.message, /a planted bug/);
    const ranges = parseRanges(latin1Of(failure.input));
    assert(Array.isArray(ranges) && ranges.some((range) => "suffix" in range), "it is the input that did it");
  });

  it("is an input that takes too long", async () => {
    const failure = await found((input) => {
      parseRanges(latin1Of(input));
      if (latin1Of(input).includes("\x00")) spin(200);
    });

    assert.match(String(failure), /took [1-9]\d{2}/);
  });
});

function spin(ms: number): void {
  const before = process.cpuUsage();
  let turns = 0;
  while (process.cpuUsage(before).user < ms * 1000) {
    // To ask is a matter of the system, and hardly counts.
    for (let turn = 0; turn < 100_000; turn += 1) turns ^= turn;
  }
  assert(turns >= 0);
}
