/** Arms that take turns: who is there, what counts, and that one which loses messages is caught. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Command } from "#bench/actors/asked-child.ts";
import { type Contender, type ContestOptions, checked, hold } from "#bench/actors/contest.ts";

/** A child that has its say at once, and then answers every line with the next of `rounds`, over and over. */
function child(hello: object, ...rounds: readonly object[]): Command {
  const script = `
    const rounds = ${JSON.stringify(rounds)};
    let asked = 0;
    console.log(${JSON.stringify(JSON.stringify(hello))});
    require("node:readline").createInterface({ input: process.stdin }).on("line", () => {
      console.log(JSON.stringify(rounds[asked++ % rounds.length]));
    });`;
  return { file: process.execPath, args: ["-e", script] };
}

const ready = { ready: true };
const perSecond: ContestOptions = {
  work: "cast",
  rounds: 3,
  warmups: 1,
  fresh: false,
  score: ({ handled, took }) => ({ sample: (handled * 1000) / took, wait: 0 }),
};
const steady: Contender = { name: "steady", command: child(ready, { sent: 10, handled: 10, took: 100 }) };

describe("bench: contest", () => {
  it("counts the rounds after warming up, and says why an arm is absent", async () => {
    const warming: Contender = {
      name: "warming",
      command: child(ready, ...[1000, 100, 50, 20].map((took) => ({ sent: 10, handled: 10, took }))),
    };
    const missing: Contender = { name: "missing", command: "it cannot be had" };
    const shy: Contender = { name: "shy", command: child({ absent: "it is not installed" }) };

    const showings = await hold([warming, missing, shy], perSecond);

    assert.deepEqual(
      showings,
      new Map<string, unknown>([
        ["warming", { samples: [100, 200, 500], waits: [0, 0, 0] }],
        ["missing", "it cannot be had"],
        ["shy", "it is not installed"],
      ]),
    );
  });

  it("gives every round a process of its own where one leaves something behind", async () => {
    const once: Contender = {
      name: "once",
      command: child(ready, { sent: 1, handled: 1, took: 100 }, { sent: 1, handled: 0, took: 1 }),
    };

    const showings = await hold([once], { ...perSecond, warmups: 0, fresh: true });

    assert.deepEqual(showings, new Map([["once", { samples: [10, 10, 10], waits: [0, 0, 0] }]]));
  });

  it("catches an arm that loses a message, in whichever round", async () => {
    const losing: Contender = {
      name: "losing",
      command: child(ready, { sent: 10, handled: 10, took: 1 }, { sent: 10, handled: 9, took: 1 }),
    };

    await assert.rejects(hold([steady, losing], perSecond), /^Error: losing \(cast\) lost 1 of 10$/);
  });

  it("catches an arm that ends, that cannot be started, or that says what is no round", async () => {
    const ending: Contender = {
      name: "ending",
      command: { file: process.execPath, args: ["-e", "console.log('{}')"] },
    };
    const missing: Contender = { name: "missing", command: { file: "/nowhere/erl", args: [] } };
    const raving: Contender = { name: "raving", command: child(ready, { sent: "many" }) };

    await assert.rejects(hold([ending], perSecond), /^Error: ending \(cast\) ended/);
    await assert.rejects(hold([missing], perSecond), /^Error: missing \(cast\) ended/);
    await assert.rejects(hold([raving], perSecond), /^Error: raving \(cast\) answered with what is no round/);
  });

  it("takes a round in which nothing was done for no round", () => {
    assert.throws(() => checked("lazy", { sent: 0, handled: 0, took: 1 }), /lazy lost 0 of 0/);
  });
});
