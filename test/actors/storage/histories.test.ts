/**
 * Storage over whole histories of faults, crashes and decay: what was acknowledged is there, what is read is right, what is
 * listed is whole, and no cursor misses a commit (STO-1, STO-3, STO-4, STO-9, STO-10).
 *
 * Each history is a function of its seed. `CEPA_HISTORIES` says how many of each kind are run, and `CEPA_HISTORY_SEED` which
 * is the first: to see one again, `CEPA_HISTORIES=1 CEPA_HISTORY_SEED=N`.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EMPTY_TALLY, History, type HistoryKind, type Tally } from "#test/actors/storage/histories/history.ts";
import { makeObjects } from "#test/actors/storage/histories/objects.ts";

const count = Number(process.env["CEPA_HISTORIES"] ?? 10);
const firstSeed = Number(process.env["CEPA_HISTORY_SEED"] ?? 1);
/** Told of, and then no more are lived. The first is all that a planted bug is to be caught by. */
const WRONG_MAX = process.env["CEPA_SHRINK"] === "no" ? 1 : 3;
const kinds: readonly HistoryKind[] = ["faults", "places", "rot"];

describe("storage: histories", () => {
  for (const kind of kinds) {
    it(`of ${kind} lose nothing, ${count} from seed ${firstSeed} on`, async (context) => {
      const objects = await makeObjects();
      const sum: Tally = { ...EMPTY_TALLY };
      const wrong: string[] = [];
      for (let seed = firstSeed; seed < firstSeed + count && wrong.length < WRONG_MAX; seed += 1) {
        try {
          add(sum, await new History(seed, kind, objects).run());
        } catch (error) {
          wrong.push(String(error));
        }
      }

      context.diagnostic(`${kind}: ${JSON.stringify(sum)}`);
      assert.equal(wrong.length, 0, `${wrong.length} of at most ${count}\n${wrong.join("\n")}`);
      const { lives, acknowledged, verified, failedOperations } = sum;
      assert(lives >= 3 * count && acknowledged > lives && verified > lives, "the histories were lived");
      assert(count < 10 || failedOperations > 0, "operations failed");
    });
  }
});

function add(sum: Tally, { ...one }: Tally): void {
  for (const [name, value] of Object.entries(one)) sum[name as keyof Tally] += value;
}
