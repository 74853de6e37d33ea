/**
 * What becomes of an object that is held, let go, removed and restored in any order, over lives and lost catalogs (STO-20, STO-21,
 * STO-22, STO-114, STO-118, STO-121, STO-124).
 *
 * Each history is a function of its seed. `CEPA_HISTORIES` says how many are run, and `CEPA_HISTORY_SEED` which is the first.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EMPTY_HOLD_TALLY, HoldHistory, type HoldTally } from "#test/actors/storage/histories/hold-history.ts";

const count = Number(process.env["CEPA_HISTORIES"] ?? 25);
const firstSeed = Number(process.env["CEPA_HISTORY_SEED"] ?? 1);
/** Told of, and then no more are lived. The first is all that a planted bug is to be caught by. */
const WRONG_MAX = process.env["CEPA_SHRINK"] === "no" ? 1 : 3;

it(`storage: histories of what is held lose nothing, and bring nothing back, ${count} from seed ${firstSeed} on`, async (context) => {
  const sum: HoldTally = { ...EMPTY_HOLD_TALLY };
  const wrong: string[] = [];
  for (let seed = firstSeed; seed < firstSeed + count && wrong.length < WRONG_MAX; seed += 1) {
    try {
      const { ...one } = await new HoldHistory(seed).run();
      for (const [name, value] of Object.entries(one)) sum[name as keyof HoldTally] += value;
    } catch (error) {
      wrong.push(String(error));
    }
  }

  context.diagnostic(JSON.stringify(sum));
  assert.equal(wrong.length, 0, `${wrong.length} of at most ${count}\n${wrong.join("\n")}`);
  assert(sum.lives >= 3 * count && sum.restored > 0 && sum.collections > count && sum.verified > sum.lives);
});
