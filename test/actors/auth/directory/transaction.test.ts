/** Transactions of a directory, over a database that is only pretended: which refusals are tried again, and which are bugs. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DIRECTORY_LIMITS } from "#actors/auth/directory/directory.ts";
import { TRANSACTION_TRIES_MAX, transact } from "#actors/auth/directory/transaction.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { Sql, SqlFailure, SqlValue } from "#runtime/sql/sql.ts";
import { within } from "#test/actors/auth/directory/scene.ts";

const refused = (state: string): SqlFailure => ({ code: "sql.refused", state, message: "no" });

/** Answers every transaction with the next of `failures`, and with what comes of its work when there is none. */
async function run(...failures: readonly SqlFailure[]) {
  const left = [...failures];
  const values: (readonly SqlValue[])[] = [];
  let tryCount = 0;
  const sql: Sql = {
    query: async () => ok([]),
    transaction: async (work) => {
      tryCount += 1;
      const failure = left.shift();
      const done = await work({
        query: async (statement) => {
          values.push(statement.values ?? []);
          return ok([]);
        },
      });
      return failure === undefined ? done : fail(failure);
    },
    close: async () => undefined,
  };
  const answer: Result<string, SqlFailure> = await transact<string>(
    { sql, schema: "auth", limits: DIRECTORY_LIMITS },
    async ({ rows }) => {
      const bytes = Uint8Array.of(0);
      await rows("any", "any", ["a\0b", 1, null, true, ["\ud800", 2, null], bytes]);
      return ok("done");
    },
    within,
  );
  return { answer, tryCount, values };
}

describe("directory (postgres): transactions", () => {
  for (const state of ["40001", "40P01"]) {
    it(`are tried again where they were in the way of others (${state}), but not for ever`, async () => {
      const failures = Array<SqlFailure>(TRANSACTION_TRIES_MAX).fill(refused(state));

      const late = await run(...failures.slice(1));
      const never = await run(...failures);

      assert.deepEqual([late.answer, late.tryCount], [ok("done"), TRANSACTION_TRIES_MAX]);
      assert.deepEqual([never.answer, never.tryCount], [fail(refused(state)), TRANSACTION_TRIES_MAX]);
    });
  }

  it("are not tried again where they may have been done, or would be refused again", async () => {
    const lost: SqlFailure = { code: "sql.unreachable", executed: "maybe", cause: "lost" };

    for (const failure of [lost, refused("42501"), refused("25006")]) {
      const { answer, tryCount } = await run(failure);
      assert.deepEqual([answer, tryCount], [fail(failure), 1]);
    }
  });

  it("take a constraint that is broken, and data that no statement of ours has, for a defect", async () => {
    for (const state of ["23505", "23503", "23514", "23000", "22P02"])
      await assert.rejects(run(refused(state)), { name: "Defect" });
  });

  it("write no text that a database does not take, and all else as it is", async () => {
    const { values } = await run();

    assert.deepEqual(values, [["a\u{fffd}b", 1, null, true, ["\u{fffd}", 2, null], Uint8Array.of(0)]]);
  });
});
