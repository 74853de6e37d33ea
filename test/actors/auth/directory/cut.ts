/** An operation that breaks off before one of its statements, or before its commit, has not happened. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { type Failure, fail, must, type Result } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { Within } from "#runtime/ref.ts";
import type { Sql, SqlFailure, SqlSession } from "#runtime/sql/sql.ts";
import {
  type Act,
  all,
  approve,
  approved,
  deny,
  deregister,
  issue,
  left,
  nothing,
  prune,
  register,
  renew,
  revoke,
  rotate,
  rotating,
  spend,
  withToken,
} from "#test/actors/auth/directory/acts.ts";
import { dumpOf } from "#test/actors/auth/directory/dump.ts";
import { Half } from "#test/actors/auth/directory/halves.ts";
import { Scene, within } from "#test/actors/auth/directory/scene.ts";

const SCHEMA = "auth_cut";
/** Of each kind that changes something. */
const CASES: readonly (readonly [name: string, before: Act, act: Act])[] = [
  ["a new producer", nothing, register("a")],
  ["a further key", approved, rotate("b")],
  ["a key that waits comes again", all(register("z")), register("z", { nonce: "2", textFingerprint: "another" })],
  ["a producer comes back", left, register("a", { nonce: "4", textFingerprint: "another" })],
  ["a producer leaves", withToken, deregister("a")],
  ["a request", approved, spend("a", "n")],
  ["an exchange", approved, issue("t1", "a", "n")],
  ["an exchange that is refused", left, issue("t3", "a", "n")],
  ["a renewal", withToken, renew("t1", "t3")],
  ["an approval", rotating, approve("b")],
  ["a denial", withToken, deny("a")],
  ["a token ends", withToken, revoke("t1")],
  ["what is over goes", all(withToken, revoke("x"), deny("a")), prune()],
];

export function describeCut(url: string): void {
  const sql = openSql({ url, connectionsMax: 2, statementTimeoutMs: 10_000 });
  after(() => sql.close());

  describe("directory (postgres): an operation that breaks off", () => {
    for (const [index, [name, before, act]] of CASES.entries()) {
      it(`has not happened, wherever it does: ${name}`, async () => {
        const schema = `${SCHEMA}_${index}`;
        const half = new Half(postgresDirectory(sql, { schema }));
        must(await half.scene.directory.open(within), "open");
        await before(half, half.scene);
        const untouched = await dumpOf(sql, schema);

        for (let place = 0; ; place += 1) {
          const cut = cutSql(sql, place);
          const outcome = await act(half, new Scene(postgresDirectory(cut, { schema }))).then(
            () => "done",
            (error: Error) => error.message,
          );
          if (!cut.wasCut) {
            assert.equal(outcome, "done");
            break;
          }
          assert.match(outcome, /cut off here/);
          assert.equal(await dumpOf(sql, schema), untouched, `before its statement ${place}`);
        }
        assert.notEqual(await dumpOf(sql, schema), untouched);
      });
    }
  });
}

/** Breaks the transaction off before that statement of it, its commit among them. */
function cutSql(sql: Sql, place: number): Sql & { readonly wasCut: boolean } {
  let count = 0;
  const isHere = (): boolean => {
    count += 1;
    return count === place + 1;
  };
  const broken = fail({ code: "sql.unreachable", executed: "maybe", cause: "cut off here" });
  return {
    get wasCut() {
      return count > place;
    },
    query: (statement, inner) => sql.query(statement, inner),
    transaction: <Value, F extends Failure>(
      work: (session: SqlSession) => Promise<Result<Value, F>>,
      inner: Within,
    ): Promise<Result<Value, F | SqlFailure>> =>
      sql.transaction<Value, F | SqlFailure>(async (session) => {
        const done = await work({
          query: async (statement, own) => (isHere() ? broken : await session.query(statement, own)),
        });
        return isHere() ? broken : done;
      }, inner),
    close: () => sql.close(),
  };
}
