/**
 * Many histories of volumes, one after another, as a file of tests runs them.
 *
 * `CEPA_HISTORIES` says how many are run, `CEPA_HISTORY_SEED` which is the first: to see one again,
 * `CEPA_HISTORIES=1 CEPA_HISTORY_SEED=N`.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeObjects } from "#test/actors/storage/histories/objects.ts";
import { EMPTY_VOLUME_TALLY, VolumeHistory, type VolumeTally } from "#test/actors/storage/volumes/volume-history.ts";

const count = Number(process.env["CEPA_HISTORIES"] ?? 2);
const firstSeed = Number(process.env["CEPA_HISTORY_SEED"] ?? 1);
/** Told of, and then no more are lived. The first is all that a planted bug is to be caught by. */
const WRONG_MAX = process.env["CEPA_SHRINK"] === "no" ? 1 : 3;

/** `onceWrong`: what some have found, for as long as they lead there. */
export function liveThrough(leavesOut: boolean, onceWrong: readonly (readonly [seed: number, what: string])[]): void {
  describe(`storage: histories of volumes${leavesOut ? ", of which some are left out" : ""}`, () => {
    for (const [seed, what] of onceWrong) {
      it(`lose nothing, as history ${seed} once did: ${what}`, async () => {
        assert((await new VolumeHistory(seed, await makeObjects(), { leavesOut }).run()).lives > 0);
      });
    }

    it(`lose nothing, ${count} from seed ${firstSeed} on`, async (context) => {
      const objects = await makeObjects();
      const sum: VolumeTally = { ...EMPTY_VOLUME_TALLY };
      const wrong: string[] = [];
      for (let seed = firstSeed; seed < firstSeed + count && wrong.length < WRONG_MAX; seed += 1) {
        try {
          const one = await new VolumeHistory(seed, objects, { leavesOut }).run();
          for (const [name, value] of Object.entries(one)) sum[name as keyof VolumeTally] += value;
        } catch (error) {
          wrong.push(String(error));
        }
      }

      context.diagnostic(JSON.stringify(sum));
      assert.equal(wrong.length, 0, `${wrong.length} of at most ${count}\n${wrong.join("\n")}`);
      assert(
        sum.lives >= 3 * count && sum.acknowledged > sum.lives && sum.verified > sum.lives,
        "the histories were lived",
      );
      // What a volume refuses others take: no put has to be refused.
      const { refusedPuts: _, lesser, ...happened } = sum;
      assert(leavesOut ? count < 10 || lesser > 0 : lesser === 0, `${lesser} lives named fewer of them`);
      assert(count < 10 || Math.min(...Object.values(happened)) > 0, `all of it happened: ${JSON.stringify(sum)}`);
    });
  });
}
