/** On which days a client is to be served. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Calm } from "#chaos/calm.ts";

describe("chaos calm", () => {
  it("is over for everybody when something is wrong with the node, until the node was seen to be well", () => {
    const calm = new Calm();
    calm.seenReady();
    const before = calm.dayOf("a");
    calm.disturbed();
    calm.seenReady();
    calm.healed();
    const after = [calm.day, calm.dayOf("a"), calm.dayOf(undefined)];
    calm.seenReady();

    assert.notEqual(before, undefined);
    assert.deepEqual(after, [undefined, undefined, undefined]);
    assert.notEqual(calm.dayOf("a"), undefined);
    assert.notEqual(calm.dayOf("a"), before, "it is another day");
  });

  it("is over for those who are cut off, and for nobody else: they are to be served meanwhile", () => {
    const calm = new Calm();
    calm.seenReady();
    const days = () => [calm.dayOf("a"), calm.dayOf("b"), calm.day];
    const before = days();
    calm.disturbed(["b"]);
    const during = days();
    const { faults, isDisturbed } = calm;
    calm.healed(["b"]);

    assert.deepEqual(during, [before[0], undefined, before[2]]);
    assert.deepEqual([faults, isDisturbed, calm.faults], [1, false, 0]);
    assert.notEqual(calm.dayOf("b"), before[1], "it is another day");
    assert.equal(calm.dayOf("a"), before[0]);
  });
});
