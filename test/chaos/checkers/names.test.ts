/**
 * Names on a whole simulated node over crashes, kills, power cuts and failures of its disk: what clients were told has an order
 * that the model of names allows, however many answers were lost (IDX-20; so IDX-8, IDX-9, IDX-10, OVL-18, OVL-25, OVL-27, GW-90
 * and GW-92 as well).
 *
 * Each history is a function of its seed. `CEPA_SEEDS` says how many are run, and `CEPA_SEED` which is the first: to see one
 * again, `CEPA_SEEDS=1 CEPA_SEED=N`.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nameModel } from "#chaos/checkers/name-model.ts";
import { runSeeds } from "#runtime/simulated/seeds.ts";
import { checkNames } from "#test/chaos/checkers/check-names.ts";
import { loaded } from "#test/supervisor/simulated/catalogue.ts";

const count = Number(process.env["CEPA_SEEDS"] ?? 8);
const from = Number(process.env["CEPA_SEED"] ?? 1);

/** What happens in every few histories, and what in some of a hundred: a run in which it did not shows nothing. */
const OFTEN = ["power cut", "process gone", "set set", "set unknown", "set conflict", "sent again", "effectiveCount"];
const SELDOM = [
  ...["kill actor/index", "kill actor/overlay", "kill actor/gateway", "kill cell/data", "broken sync", "slow disk"],
  ...["set frozen", "resolve frozen", "resolve expired", "list refused", "given up", "not changed", "unusedCount"],
];

describe("simulated node: names", () => {
  it(`are linearizable (IDX-20), ${count} histories from seed ${from} on`, async (context) => {
    const sum: Record<string, number> = {};
    const done = await runSeeds({ from, count }, (simulation) => checkNames(simulation, loaded, sum));

    context.diagnostic(JSON.stringify({ ...done, ...sum }));
    assert((sum["operationCount"] ?? 0) > 50 * count, "the histories were lived");
    const mustHave = count < 8 ? [] : count < 100 ? OFTEN : [...OFTEN, ...SELDOM];
    for (const what of mustHave) assert((sum[what] ?? 0) > 0, `there was: ${what}`);
  });
});

describe("name model: what it says", () => {
  const model = nameModel();
  const first = { digest: "11111111aa", seq: 1, prev: undefined, isExpired: false };
  const second = { digest: "22222222bb", seq: 2, prev: first.digest, isExpired: false };

  it("is for people: of what was asked and answered, and of where a name leads", () => {
    const set = { kind: "set", record: second } as const;
    const frozen = { kind: "frozen", evidence: [first.digest, second.digest] } as const;

    assert.deepEqual(
      [
        model.tell(set, { kind: "unknown" }),
        model.tell(set, { kind: "ok", answer: { kind: "conflict", current: undefined } }),
        model.tell({ kind: "resolve" }, { kind: "ok", answer: { kind: "leads", digest: first.digest } }),
        model.tell({ kind: "resolve" }, { kind: "ok", answer: frozen }),
        model.tellState({ records: [first, second], evidence: undefined }),
        model.tellState({ records: [first], evidence: frozen.evidence }),
        model.tellState(model.initial),
      ],
      [
        "set 2:22222222 after 11111111 → unknown",
        "set 2:22222222 after 11111111 → conflict with nothing",
        "resolve → leads 11111111",
        "resolve → frozen by 11111111 and 22222222",
        "2:22222222 after 11111111",
        "frozen at 1:11111111 by 11111111 and 22222222",
        "nothing",
      ],
    );
  });
});
