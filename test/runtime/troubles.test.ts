/** What keeps an actor from its work, put in words that may be shown. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { troubleOf } from "#runtime/trouble-of.ts";
import { Troubles } from "#runtime/troubles.ts";

describe("trouble, in words", () => {
  for (const [what, failure, words] of [
    ["a cause in words", { code: "sql.unreachable", cause: "connection refused" }, "connection refused"],
    ["another failure", { code: "ingest.late", cause: { code: "sql.busy" } }, "ingest.late: sql.busy"],
    ["how a database calls it", { code: "sql.refused", state: "53300" }, "sql.refused 53300"],
    ["how Redis calls it", { code: "redis.refused", kind: "OOM" }, "redis.refused OOM"],
    ["nothing but its code", { code: "sql.timeout" }, "sql.timeout"],
    ["a cause that is no failure", { code: "sql.timeout", cause: { message: "secret" } }, "sql.timeout"],
    ["a cause whose code is no text", { code: "sql.timeout", cause: { code: 7 } }, "sql.timeout"],
    ["a cause that is nothing", { code: "sql.timeout", cause: null }, "sql.timeout"],
    ["a state that is no text", { code: "sql.timeout", state: 7 }, "sql.timeout"],
  ] as const) {
    it(`is ${what}`, () => {
      assert.equal(troubleOf(failure), words);
    });
  }
});

describe("troubles of several", () => {
  it("are told as the one that came first, once for each change, and their end is told", () => {
    const told: (string | undefined)[] = [];
    const troubles = new Troubles((trouble) => told.push(trouble));
    const [rows, streams] = [troubles.of("postgres"), troubles.of("redis")];

    streams("away");
    rows("full");
    streams("away");
    streams("late");
    streams(undefined);
    rows(undefined);
    rows(undefined);

    assert.deepEqual(told, ["redis: away", "redis: late", "postgres: full", undefined]);
    assert.equal(troubles.worst, undefined);
  });
});
