/** Turns, with work that ends when it is told to: order, other names, failure, and several names at once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import { Turns } from "#runtime/turns.ts";

/** Work that says when it begins, and ends when it is told to. */
class Works {
  readonly seen: string[] = [];
  readonly #ends = new Map<string, PromiseWithResolvers<string>>();

  start(name: string): () => Promise<string> {
    return async () => {
      this.seen.push(name);
      const end = Promise.withResolvers<string>();
      this.#ends.set(name, end);
      return await end.promise;
    };
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.resolve(name);
    await immediate();
  }

  async fail(name: string): Promise<void> {
    this.#ends.get(name)?.reject(new Error(name));
    await immediate();
  }
}

describe("turns", () => {
  it("begins at once where nobody is there", () => {
    const works = new Works();
    void new Turns<string>().inTurn("a", works.start("1"));
    assert.deepEqual(works.seen, ["1"]);
  });

  it("runs the work of one name in the order in which it came, one at a time", async () => {
    const turns = new Turns<string>();
    const works = new Works();
    const answers = ["1", "2", "3"].map((name) => turns.inTurn("a", works.start(name)));
    await immediate();
    assert.deepEqual(works.seen, ["1"]);
    await works.end("1");
    assert.deepEqual(works.seen, ["1", "2"]);
    // Who comes when the first is over still stands behind the third.
    answers.push(turns.inTurn("a", works.start("4")));
    await works.end("2");
    assert.deepEqual(works.seen, ["1", "2", "3"]);
    await works.end("3");
    await works.end("4");
    assert.deepEqual(await Promise.all(answers), ["1", "2", "3", "4"]);
  });

  it("lets other names pass", async () => {
    const turns = new Turns<string>();
    const works = new Works();
    void turns.inTurn("a", works.start("1"));
    void turns.inTurn("b", works.start("2"));
    await immediate();
    assert.deepEqual(works.seen, ["1", "2"]);
  });

  it("goes on after work that failed, and tells only who gave it", async () => {
    const turns = new Turns<string>();
    const works = new Works();
    const failing = assert.rejects(turns.inTurn("a", works.start("1")), /1/);
    const next = turns.inTurn("a", works.start("2"));
    await works.fail("1");
    await failing;
    await works.end("2");
    assert.equal(await next, "2");
  });

  it("takes several names in one order, whatever order they are given in", async () => {
    const turns = new Turns<string>();
    const works = new Works();
    const both = turns.inTurns(["a", "b"], works.start("1"));
    const reversed = turns.inTurns(["b", "a", "b"], works.start("2"));
    const one = turns.inTurn("b", works.start("3"));
    await immediate();
    await works.end("1");
    await works.end("3");
    await works.end("2");
    await works.end("3");
    assert.deepEqual(await Promise.all([both, reversed, one]), ["1", "2", "3"]);
    assert.deepEqual(new Set(works.seen), new Set(["1", "2", "3"]));
  });
});
