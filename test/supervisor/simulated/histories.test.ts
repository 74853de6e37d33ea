/**
 * A whole node over histories of clients, crashes and kills, in simulation (STO-1, STO-3, STO-4, GW-20, SUP-3): nothing that
 * was acknowledged is lost, no byte is wrong, every refusal may be tried again, nothing is left running at the end.
 *
 * Each history is a function of its seed, which is proven on every 20th by running it again, and on a few by running them in
 * a process of their own. `CEPA_SEEDS` says how many are run, and `CEPA_SEED` which is the first: to see one again,
 * `CEPA_SEEDS=1 CEPA_SEED=N`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { runSeed, runSeeds } from "#runtime/simulated/seeds.ts";
import { loaded } from "#test/supervisor/simulated/catalogue.ts";
import { NodeHistory } from "#test/supervisor/simulated/node-history.ts";

const count = Number(process.env["CEPA_SEEDS"] ?? 21);
const from = Number(process.env["CEPA_SEED"] ?? 1);

/** What happens in every few histories, and what in some of a hundred: a run in which it did not shows nothing. */
const OFTEN = ["power cut", "process gone", "put without answer", "refused 503"];
const SELDOM = ["down at work", "link cut", "kill actor/storage", "kill cell/data", "broken sync", "refused 507"];

describe("simulated node: histories", () => {
  it(`lose nothing and leave nothing behind (SIM-9), ${count} from seed ${from} on`, async (context) => {
    const sum: Record<string, number> = { lives: 0 };
    const done = await runSeeds({ from, count }, async (simulation) => {
      const history = new NodeHistory(simulation, loaded);
      await history.run();
      for (const [what, times] of Object.entries({ ...history.ledger.tally, lives: history.lives })) {
        sum[what] = (sum[what] ?? 0) + times;
      }
    });

    context.diagnostic(JSON.stringify({ ...done, ...sum }));
    assert.equal(done.repeated, Math.ceil(count / 20));
    const { lives = 0, put = 0, get = 0 } = sum;
    assert(lives >= count && put > count && get > count, "the histories were lived");
    const mustHave = count < 20 ? [] : count < 100 ? OFTEN : [...OFTEN, ...SELDOM];
    for (const what of mustHave) assert(sum[what] !== undefined, `there was: ${what}`);
  });

  it("are the same in a process of its own (SIM-1)", async () => {
    for (const seed of [from, from + 1]) {
      const here = await runSeed(seed, (simulation) => new NodeHistory(simulation, loaded).run());

      const main = join(import.meta.dirname, "digest-main.ts");
      const there = await promisify(execFile)(process.execPath, [
        "--disable-warning=ExperimentalWarning",
        main,
        `${seed}`,
      ]);

      assert.equal(there.stdout, here);
    }
  });
});
