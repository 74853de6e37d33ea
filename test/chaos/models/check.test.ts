/** What counts as a pass when models are checked, and what does not. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { actionsIn } from "#chaos/models/actions.ts";
import { checkModel, mutated } from "#chaos/models/check.ts";
import { explore, loadChecker } from "#chaos/models/checker.ts";
import { askedOnly, readConfigFile, witnessed } from "#chaos/models/config-file.ts";
import type { ModelPlan } from "#chaos/models/plan.ts";
import { joined } from "#chaos/models/run.ts";
import { createRealDisk } from "#runtime/real/disk.ts";

const source = `---- MODULE Steps ----
EXTENDS Naturals
CONSTANT Max
VARIABLES
  count   \\* of steps

Init == count = 0
Step == count < Max /\\ count' = count + 1
Next == Step
Spec == Init /\\ [][Next]_count /\\ WF_count(Step)

Bounded == count <= Max
Ends == <>(count >= Max)
NeverThree == count # 3
====
`;
const config = `SPECIFICATION Spec
CONSTANT Max = 5
INVARIANTS
  Bounded
PROPERTY Ends
CHECK_DEADLOCK FALSE
`;

const plan: ModelPlan = {
  module: "Steps",
  configurations: [{ name: "Steps", states: 6 }],
  witnesses: [{ name: "NeverThree", configuration: "Steps" }],
  mutants: [
    {
      name: "it goes on",
      from: "count < Max /\\",
      to: "count < Max + 1 /\\",
      configuration: "Steps",
      violates: "Bounded",
    },
  ],
};

/** What is wrong, of a plan that is changed so. */
function complaintsOf(change: Partial<ModelPlan>, changedSource = source): readonly (string | undefined)[] {
  const texts = { source: changedSource, configs: new Map([["Steps", config]]) };
  return [...checkModel({ ...plan, ...change }, texts, false)].map(({ complaint }) => complaint);
}

function mutant(change: Partial<ModelPlan["mutants"][number]>): Partial<ModelPlan> {
  return { mutants: plan.mutants.map((one) => ({ ...one, ...change })) };
}

before(() => loadChecker(createRealDisk()));

describe("models: explore", () => {
  it("explores all of it, and no less", () => {
    const model = { source, config };

    assert.deepEqual(explore(model), { problem: undefined, message: "", statesExplored: 6, trace: [] });
    assert.equal(explore(model, { statesMax: 6 }).problem, undefined);
    assert.equal(explore(model, { statesMax: 5 }).problem, "exceeded");
    assert.equal(explore(model, { depthMax: 6 }).problem, undefined);
    assert.equal(explore(model, { depthMax: 5 }).problem, "exceeded");
  });

  it("tells what is violated from what cannot be read", () => {
    const unfair = source.replace("/\\ WF_count(Step)", "");

    assert.equal(explore({ source: unfair, config }).problem, "violated");
    assert.equal(explore({ source, config: witnessed(config, "NeverThree") }).problem, "violated");
    assert.equal(explore({ source, config: witnessed(config, "Missing") }).problem, "broken");
    assert.equal(explore({ source: source.replace("Next == Step", "Next == ("), config }).problem, "broken");
    assert.equal(explore({ source: source.replace("count + 1", "count + Bounded"), config }).problem, "broken");
    assert.equal(explore({ source, config: config.replace("Max = 5", "") }).problem, "broken");
  });
});

describe("models: check", () => {
  it("has no complaint where all is as the plan says", () => {
    assert.deepEqual(complaintsOf({}), [undefined, undefined, undefined, undefined]);
  });

  it("complains of another count of states, of what does not hold, and of what cannot be reached", () => {
    const [count] = complaintsOf({ configurations: [{ name: "Steps", states: 7 }] });
    const [holds] = complaintsOf({}, source.replace("Bounded == count <= Max", "Bounded == count < Max"));
    const [, reached] = complaintsOf({ witnesses: [{ name: "Bounded", configuration: "Steps" }] });

    assert.match(String(count), /6 states, where 7 are known/);
    assert.match(String(holds), /it is violated: InvariantViolation[\s\S]*count = 5/);
    assert.match(String(reached), /Bounded holds in Steps/);
  });

  it("counts a mistake as noticed only by what is to notice it, in a module that can be evaluated", () => {
    const [, , , byAnother] = complaintsOf(mutant({ violates: "Ends" }));
    const [, , , none] = complaintsOf(mutant({ to: "count + 0 < Max /\\" }));
    const [, , , broken] = complaintsOf(mutant({ to: "count < Bounded /\\" }));

    assert.match(String(byAnother), /Ends does not notice it/);
    assert.match(String(none), /Bounded does not notice it/);
    assert.match(String(broken), /it is broken/);
  });

  it("complains of what the model may do, and never does", () => {
    const idle = source
      .replace("Next == Step", "Next == Step \\/ \\E one \\in Several : Rest(one)")
      .replace("Step ==", "Several == {1, 2}\nRest(one) ==\n  /\\ count > Max\n  /\\ count' = one\nStep ==");

    assert.deepEqual(actionsIn(idle), ["Step", "Rest"]);
    const [, , step, rest] = complaintsOf({}, idle);
    const [, , broken] = complaintsOf({}, source.replace("count + 1", "count + Bounded"));

    assert.equal(step, undefined);
    assert.equal(rest, "no configuration comes to it");
    assert.match(String(broken), /it is broken/);
  });

  it("takes no mistake that fits nowhere, or twice, and none that nobody asks for", () => {
    assert.throws(() => mutated(source, { name: "none", from: "missing", to: "" }), /exactly once, not 0 times/);
    assert.throws(() => mutated(source, { name: "two", from: "Step", to: "" }), /exactly once, not \d times/);
    assert.throws(() => askedOnly(config, "NeverThree"), /asks for NeverThree/);
  });

  it("leaves out what takes long, unless there is time", () => {
    const texts = { source, configs: new Map([["Steps", config]]) };
    const long: ModelPlan = { ...plan, configurations: [{ name: "Steps", states: 6, isLong: true }], witnesses: [] };
    const names = (isLong: boolean): readonly string[] => [...checkModel(long, texts, isLong)].map(({ name }) => name);

    assert.deepEqual(names(false), ["Step", "it goes on"]);
    assert.deepEqual(names(true), ["Steps", "Step", "it goes on"]);
  });
});

describe("models: a configuration", () => {
  it("is its setting, and the names of what is to hold", () => {
    const { setting, invariants, properties } = readConfigFile(config);

    assert.deepEqual(invariants, ["Bounded"]);
    assert.deepEqual(properties, ["Ends"]);
    assert.equal(setting, "SPECIFICATION Spec\nCONSTANT Max = 5\nCHECK_DEADLOCK FALSE\n");
    assert.match(askedOnly(config, "Ends"), /PROPERTY Ends\n$/);
    assert.match(askedOnly(config, "Bounded"), /INVARIANT Bounded\n$/);
  });
});

describe("models: a run", () => {
  it("is joined with its model to one module", () => {
    const run =
      "---- MODULE Run ----\nEXTENDS Steps\nCONSTANT Looks\nVARIABLES\n  at   \\* next\n\nRunInit == Init /\\ at = 1\n====\n";

    const one = joined(source, run);

    assert.match(one, /^---- MODULE Run ----\n\nEXTENDS Naturals\n/);
    assert.match(one, /\nVARIABLES at,\n {2}count {3}\\\* of steps\n/);
    assert.equal(one.match(/VARIABLES/g)?.length, 1);
    assert.equal(one.match(/^====$/gm)?.length, 1);
    assert.throws(() => joined(source, run.replace("EXTENDS Steps", "EXTENDS Other")), /has EXTENDS Steps once/);
  });
});
