/**
 * Every reader of bytes from elsewhere, fuzzed for `CEPA_FUZZ_SECONDS` each, a thirtieth of one unless it is said. `CEPA_SEED` plays the same inputs again, as far as the time goes.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Random } from "#runtime/random.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { second } from "#runtime/units.ts";
import { Corpus, type CorpusInput } from "#test/fuzz/corpus.ts";
import { FAMILIES } from "#test/fuzz/families.ts";
import { fuzz } from "#test/fuzz/fuzz.ts";

const forMs = Number(process.env["CEPA_FUZZ_SECONDS"] ?? 0.03) * second;
const seed = Number(process.env["CEPA_SEED"] ?? randomInt(2 ** 31));
/** Inputs of the corpus, about, where there is little time. */
const BEGUN_WITH = 4;
const corpus = new Corpus(join(import.meta.dirname, "corpus"));

describe(`fuzzing, seed ${seed}`, () => {
  for (const family of FAMILIES) {
    it(`finds nothing wrong about any bytes: ${family.name}`, async (context) => {
      for (const target of await family.load()) {
        const random = seededRandom(seed);
        const inputs = beginWith(corpus.read(family, target), random);
        const { executions, reached, kept } = await fuzz(target, { random, forMs, corpus: inputs });

        context.diagnostic(`${target.name}: ${executions} executions, ${reached} ways, ${kept.length} inputs`);
        assert(executions > target.seeds.length + inputs.length, "more is tried than what is known");
      }
    });
  }
});

/** All of the corpus where there is time for it, which is looked at one by one first; otherwise a few. */
function beginWith(inputs: readonly CorpusInput[], random: Random): readonly Uint8Array[] {
  const isLong = forMs >= second;
  return inputs.filter(() => isLong || random.below(inputs.length) < BEGUN_WITH).map(({ bytes }) => bytes);
}
