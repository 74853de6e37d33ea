/**
 * The model of objects beside nodes of a few lines, right and wrong ones: of what right ones answer an order is always found, and
 * each of the wrong ones is seen in some history.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HistoryRecorder } from "#chaos/checkers/history-recorder.ts";
import { checkLinearizability } from "#chaos/checkers/linearizability.ts";
import { type ObjectAnswer, type ObjectAsked, objectModel } from "#chaos/checkers/object-model.ts";
import type { Outcome } from "#chaos/checkers/operation.ts";
import { drawnAs } from "#test/kit/runs.ts";

type Wrong =
  | "removes nothing"
  | "restores nothing"
  | "forgets removals"
  | "collects what is held"
  | "gives up what is in the trash"
  | "lets pins lapse"
  | "finds what is gone";

/** One object, as anybody would write it. */
class ObjectNode {
  #isThere = false;
  #isHeld = false;
  #isInTrash = false;
  readonly #wrong: Wrong | undefined;

  constructor(wrong: Wrong | undefined) {
    this.#wrong = wrong;
  }

  do(asked: ObjectAsked): ObjectAnswer {
    const wrong = this.#wrong;
    const wasThere = this.#isThere;
    switch (asked.kind) {
      case "put":
        this.#isHeld = wasThere ? this.#isHeld || !asked.isShort : !asked.isShort;
        this.#isThere = true;
        return "done";
      case "read":
        return wasThere || wrong === "finds what is gone" ? "done" : "absent";
      case "pin":
        if (wasThere && !asked.isShort && wrong !== "lets pins lapse") this.#isHeld = true;
        return wasThere ? "done" : "absent";
      case "unpin":
        this.#isHeld = false;
        return wasThere ? "done" : "absent";
      case "remove":
        if (!wasThere) return "absent";
        if (wrong !== "removes nothing") this.#toTrash();
        return "done";
      case "restore": {
        if (!this.#isInTrash) return "absent";
        this.#isInTrash = false;
        this.#isThere = this.#isHeld = wrong !== "restores nothing";
        return "done";
      }
    }
  }

  collect(emptiesTrash: boolean): void {
    if (this.#isThere && (!this.#isHeld || this.#wrong === "collects what is held")) this.#toTrash();
    if (emptiesTrash || this.#wrong === "gives up what is in the trash") this.#isInTrash = false;
  }

  crash(): void {
    if (this.#wrong === "forgets removals" && this.#isInTrash) this.#isThere = true;
  }

  #toTrash(): void {
    this.#isThere = this.#isHeld = false;
    this.#isInTrash = true;
  }
}

const asked: fc.Arbitrary<ObjectAsked> = fc.oneof(
  fc.record({ kind: fc.constantFrom("put" as const, "pin" as const), isShort: fc.boolean() }),
  fc.record({ kind: fc.constantFrom("read" as const, "unpin" as const, "remove" as const, "restore" as const) }),
);
/** One of three clients asks, or is answered what it asked before; or the node collects or crashes. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ client: fc.nat({ max: 2 }), asked, isLost: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.constantFrom("collect" as const, "crash" as const) },
);
const histories = fc.record({ steps: fc.array(step, { maxLength: 40, size: "max" }), emptiesTrash: fc.boolean() });
type History = typeof histories extends fc.Arbitrary<infer Value> ? Value : never;

/** Each takes effect at once when it is asked, and is answered when its client asks for something else. */
function problemsOf({ steps, emptiesTrash }: History, wrong?: Wrong): number {
  const node = new ObjectNode(wrong);
  const recorder = new HistoryRecorder<ObjectAsked, ObjectAnswer>();
  const underWay = new Map<number, () => void>();
  for (const one of steps) {
    if (one === "collect") node.collect(emptiesTrash);
    else if (one === "crash") node.crash();
    else {
      underWay.get(one.client)?.();
      const begun = recorder.begin(`client ${one.client}`, "object", one.asked);
      const said = node.do(one.asked);
      const outcome: Outcome<ObjectAnswer> = one.isLost === 0 ? { kind: "unknown" } : { kind: "ok", answer: said };
      underWay.set(one.client, () => recorder.end(begun, outcome));
    }
  }
  for (const end of underWay.values()) end();
  return checkLinearizability(recorder.operations(), objectModel({ emptiesTrash })).problems.length;
}

describe("model of objects", () => {
  it("explains what a right node answers, with collections at any time", () => {
    fc.assert(
      fc.property(histories, (history) => {
        assert.equal(problemsOf(history), 0);
      }),
      drawnAs({ usual: 1500, slowness: 5 }),
    );
  });

  for (const wrong of [
    "removes nothing",
    "restores nothing",
    "forgets removals",
    "collects what is held",
    "gives up what is in the trash",
    "lets pins lapse",
    "finds what is gone",
  ] as const) {
    it(`sees a node that ${wrong}`, () => {
      const sample = fc.sample(histories, { numRuns: 300, seed: 1 });

      assert(sample.some((history) => problemsOf(history, wrong) > 0));
    });
  }

  it("tells what was asked, and what the object may be", () => {
    const model = objectModel({ emptiesTrash: true });
    const put = { kind: "put", isShort: true } as const;
    const state = model.step(model.initial, put, { kind: "unknown" });

    assert(state !== undefined);
    assert.equal(model.tellState(state), "loose or removed or gone");
    assert.equal(model.tell(put, { kind: "ok", answer: "done" }), "put for a moment → done");
    assert.equal(model.step(state, put, { kind: "unknown" }), undefined, "without an effect");
    assert.equal(model.step(model.initial, put, { kind: "ok", answer: "absent" }), undefined);
  });
});
