/** Answers that are ready together (EDG-13). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Outbox } from "#runtime/real/edge/outbox.ts";

const pass = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("edge: outbox", () => {
  it("writes what is ready in one pass at its end, in order, and what comes meanwhile in the next one", async () => {
    const outbox = new Outbox();
    const told: string[] = [];
    outbox.add(() => told.push("first"));
    await Promise.resolve();
    outbox.add(() => {
      told.push("second");
      outbox.add(() => told.push("third"));
    });
    assert.deepEqual(told, []);

    await pass();
    assert.deepEqual(told, ["first", "second"]);
    await pass();
    assert.deepEqual(told, ["first", "second", "third"]);
  });
});
