/**
 * Every reader of bytes from elsewhere, fuzzed for `CEPA_FUZZ_SECONDS` each, 2 unless it is said. `CEPA_SEED` plays the same
 * inputs again, as far as the time goes.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { parseRanges } from "#actors/gateway/range.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { minute, second } from "#runtime/units.ts";
import { fuzz, type Target } from "#test/fuzz/fuzz.ts";
import { TARGETS } from "#test/fuzz/targets.ts";

const forMs = Number(process.env["CEPA_FUZZ_SECONDS"] ?? 2) * second;
const seed = Number(process.env["CEPA_SEED"] ?? randomInt(2 ** 31));

describe(`fuzzing, seed ${seed}`, () => {
  for (const target of TARGETS) {
    it(`finds nothing wrong about any bytes: ${target.name}`, async (context) => {
      const { executions, reached, kept } = await fuzz(target, seededRandom(seed), forMs);

      context.diagnostic(`${executions} executions, ${reached} ways through blocks, ${kept} inputs kept`);
      assert(kept > target.seeds.length / 2, "more is reached than by the seeds");
    });
  }
});

describe("the fuzzer", () => {
  const text = (input: Uint8Array): string => Buffer.from(input).toString("latin1");
  // What is planted is a change or two away: the luck that takes is a matter of a second or four. A minute is for none of it.
  const found = async (check: Target["check"]): Promise<unknown> => {
    const target = { name: "planted", seeds: [new Uint8Array(Buffer.from("bytes=0-1,5-9,2-"))], check };
    return await fuzz(target, seededRandom(1), minute).catch((failure: unknown) => failure);
  };

  it("finds an input that throws, and names it", async () => {
    const failure = await found((input) => {
      const ranges = parseRanges(text(input));
      assert(!Array.isArray(ranges) || !ranges.some((range) => "suffix" in range), "a planted bug");
    });

    assert.match(String(failure), /input [0-9a-f]+: .*a planted bug/);
  });

  it("finds an input that takes too long", async () => {
    const failure = await found((input) => {
      parseRanges(text(input));
      if (!text(input).includes("\x00")) return;
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 1_001_000);
    });

    assert.match(String(failure), /took [1-9]\d{3}/);
  });
});
