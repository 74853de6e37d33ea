/** The kit of plants itself: what it takes for caught, and what it does not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { expectCaught, type Plant } from "#test/kit/planted.ts";

const wrongWay: Plant = {
  name: "a scope closes the oldest first",
  file: "runtime/scope.ts",
  from: "for (let close = this.#open.pop(); close !== undefined; close = this.#open.pop()) {",
  to: "for (let close = this.#open.shift(); close !== undefined; close = this.#open.shift()) {",
  check: { file: "test/runtime/scope.test.ts", test: "closes in the reverse order of opening, each before the next" },
  says: "Expected values to be strictly deep-equal",
};

describe("plants: what counts as caught", () => {
  it("a named test that fails with the named words", async () => {
    await expectCaught(wrongWay);
  });

  it("not a test that fails with other words", async () => {
    await assert.rejects(expectCaught({ ...wrongWay, says: "out of order" }), /is not what it says/);
  });

  it("not a test that passes", async () => {
    await assert.rejects(expectCaught({ ...wrongWay, to: wrongWay.from }), /does not notice/);
  });

  it("not a plant whose text is not there, or there twice", async () => {
    await assert.rejects(expectCaught({ ...wrongWay, from: "nowhere to be found" }), /has its text 0 times/);
    await assert.rejects(expectCaught({ ...wrongWay, from: "this.#open" }), /the plant does not fit/);
  });

  it("not a check that does not load the file", async () => {
    const header = "What a node's HTTP answers look like to a client";
    await assert.rejects(
      expectCaught({ ...wrongWay, file: "client/wire.ts", from: header, to: header }),
      /does not load client\/wire\.ts/,
    );
  });
});
