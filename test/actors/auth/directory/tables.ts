/** What only the tables show: what is recorded, what they refuse to whoever writes, and what somebody else's locks do to us. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, describe, it } from "node:test";
import { directoryMigrations } from "#actors/auth/directory/migrations.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import { migrate } from "#runtime/sql/migrations.ts";
import type { Sql } from "#runtime/sql/sql.ts";
import { atMs, grantOf, requestOf, Scene, within } from "#test/actors/auth/directory/scene.ts";

const SCHEMA = "auth_tables";

/** Statements that break a rule, with the class of what Postgres says: 23 and what of it. */
const FORBIDDEN: readonly (readonly [rule: string, state: string, text: string])[] = [
  ["two approved keys", "23505", "update S.keys set status = 'approved', approved_ms = 1 where fingerprint = 'b'"],
  ["another status", "23514", "update S.keys set status = 'lost' where fingerprint = 'b'"],
  ["approved at no time", "23514", "update S.keys set status = 'approved' where fingerprint = 'z'"],
  ["revoked at no time", "23514", "update S.keys set status = 'revoked' where fingerprint = 'z'"],
  ["superseded by nobody", "23514", "update S.keys set status = 'superseded', ended_ms = 1 where fingerprint = 'a'"],
  ["a key of nobody", "23503", "update S.keys set producer_id = gen_random_uuid() where fingerprint = 'b'"],
  ["a number twice", "23505", "update S.keys set number = 1 where fingerprint = 'b'"],
  ["a request twice", "23505", "insert into S.requests select * from S.requests where nonce = 'n'"],
  ["a request of nobody", "23503", "update S.requests set fingerprint = 'x' where nonce = 'n'"],
  ["another operation", "23514", "update S.requests set operation = 'read' where nonce = 'n'"],
  ["half a key", "23514", "insert into S.signing_keys values ('k', '\\x00', 1)"],
  ["half a digest", "23514", "update S.requests set payload_sha256 = '\\x00' where nonce = 'n'"],
  ["half a signature", "23514", "update S.requests set signature = '\\x00' where nonce = 'n'"],
  ["a token without a key", "23503", "update S.tokens set fingerprint = 'x'"],
  ["a token of nowhere", "23503", "update S.tokens set root_jti = 'x'"],
  ["an alias of nobody", "23503", "update S.key_aliases set fingerprint = 'x'"],
  ["another change", "23514", "insert into S.changes values (100, 'subject', 'x')"],
  ["a change twice", "23505", "insert into S.changes values (1, 'key', 'x')"],
  ["another verdict", "23514", "update S.reviews set verdict = 'maybe'"],
  ["a key that goes", "23503", "delete from S.keys where fingerprint = 'a'"],
];

export function describeTables(url: string): void {
  const connect = (options = ""): Sql => {
    const sql = openSql({ url: `${url}${encodeURIComponent(options)}`, connectionsMax: 2, statementTimeoutMs: 10_000 });
    after(() => sql.close());
    return sql;
  };
  const sql = connect();
  const open = async (schema: string): Promise<Scene> => {
    const directory = postgresDirectory(sql, { schema });
    must(await directory.open(within), "open");
    return new Scene(directory);
  };
  const rows = async (text: string): Promise<readonly unknown[]> =>
    must(await sql.query({ text }, within), text).map((row) => Object.values(row));

  describe("directory (postgres): its tables", () => {
    it("have each request with what it came to, and each review with who decided", async () => {
      const scene = await open(`${SCHEMA}_1`);
      const producerId = await scene.pending("a", { nonce: "1", meta: { region: "eu", "\0": "\ud800" } });
      await scene.register("a", { nonce: "2" });
      await scene.deregister("a", "3");
      await scene.issue(grantOf("t", "a", producerId), requestOf("a", "exchange", "4"));
      await scene.approve("a", producerId);
      await scene.register("a", { nonce: "5" });
      await scene.issue(grantOf("t", "a", producerId), requestOf("a", "exchange", "6"));
      await scene.spend("a", "7");
      await scene.deregister("a", "8");
      await scene.deny("a", producerId);
      await scene.register("a", { nonce: "9" });
      await scene.register("b", { nonce: "10", producerId });

      const requests = await rows(
        `select nonce, operation, outcome, reason from ${SCHEMA}_1.requests order by nonce::int`,
      );
      assert.deepEqual(requests, [
        ["1", "register", "pending", null],
        ["2", "register", "still-pending", null],
        ["3", "deregister", "denied", "pending"],
        ["4", "exchange", "refused", "key_not_approved"],
        ["5", "register", "approved", null],
        ["6", "exchange", "issued", null],
        ["7", "subject", "spent", null],
        ["8", "deregister", "deregistered", null],
        ["9", "register", "denied", "revoked"],
      ]);
      const [request] = await rows(
        `select fingerprint, encode(payload_sha256, 'hex') as digest, encode(signature, 'hex'), at_ms
          from ${SCHEMA}_1.requests where nonce = '1'`,
      );
      assert.deepEqual(request, ["a", "06".repeat(32), "07".repeat(64), String(atMs)]);
      assert.deepEqual(await rows(`select verdict, reviewer from ${SCHEMA}_1.reviews order by number`), [
        ["approved", "fdc-admin"],
        ["denied", "fdc-admin"],
      ]);
      assert.deepEqual(await rows(`select meta from ${SCHEMA}_1.producers`), [
        ['{"\u{fffd}": "\u{fffd}", "region": "eu"}'],
      ]);
    });

    it("keep a digest of what was signed, also where an older build has kept all of it (AUTH-17)", async () => {
      const { schema, steps } = directoryMigrations(`${SCHEMA}_4`);
      const at = steps.findIndex(({ name }) => name === "digests-of-requests");
      must(await migrate(sql, { schema, steps: steps.slice(0, at) }, within), "migrate");
      await rows(`with producer as (insert into ${schema}.producers (meta, created_ms) values ('{}', 1) returning producer_id)
        insert into ${schema}.keys (fingerprint, number, producer_id, key_line, nonce, status, created_ms)
        select 'a', 1, producer_id, 'k', 'n', 'pending', 1 from producer`);
      await rows(`insert into ${schema}.requests values ('a', 'n', 'subject', 'e 1-0', '{"of":"\u00e9"}',
        decode(repeat('07', 64), 'hex'), 1, 'spent')`);

      const scene = await open(schema);

      const digest = createHash("sha256").update('{"of":"\u00e9"}').digest("hex");
      assert.deepEqual(await rows(`select encode(payload_sha256, 'hex') from ${schema}.requests`), [[digest]]);
      assert.deepEqual(await scene.spend("a", "n", "e 2-0"), { kind: "replay" });
      assert.equal((await scene.spend("a", "n", "e 1-0")).kind, "spent");
    });

    it("refuse what breaks a rule, whoever writes it", async () => {
      const scene = await open(`${SCHEMA}_2`);
      const producerId = await scene.approved("a");
      await scene.pending("b", { producerId });
      await scene.pending("z");
      await scene.issue(grantOf("t", "a", producerId), requestOf("a", "exchange", "n"));

      for (const [rule, state, text] of FORBIDDEN) {
        const refused = await sql.query({ text: text.replaceAll("S.", `${SCHEMA}_2.`) }, within);
        assert(!refused.ok && refused.failure.code === "sql.refused", rule);
        assert.equal(refused.failure.state, state, rule);
      }
    });

    it("may be held by somebody else in another order: an operation that has to give way is done again", async () => {
      const scene = await open(`${SCHEMA}_3`);
      const producerId = await scene.approved("a");
      // Looks for a deadlock once, so long after it began to wait: when there is one, and before the other side looks, after 1 s.
      const hurried = new Scene(postgresDirectory(connect(" -c deadlock_timeout=500ms"), { schema: `${SCHEMA}_3` }));
      let denying: Promise<unknown> | undefined;

      const crossed = await sql.transaction(async (session) => {
        const ask = async (text: string) => must(await session.query({ text }, within), text);
        const [own] = await ask(
          `select pg_backend_pid() as pid from ${SCHEMA}_3.counters where name = 'changes' for update`,
        );
        denying = hurried.deny("a", producerId);
        const waits = `select from pg_stat_activity where ${own?.["pid"]} = any(pg_blocking_pids(pid))`;
        while ((await rows(waits)).length === 0);
        return await session.query({ text: `select from ${SCHEMA}_3.producers for update` }, within);
      }, within);

      assert.equal(crossed.ok, true);
      assert.deepEqual(await denying, { kind: "denied", nonce: "nonce 1" });
      assert.equal((await scene.keyOf("a"))?.status, "revoked");
      assert.deepEqual(await rows(`select count(*) from ${SCHEMA}_3.reviews`), [["2"]]);
    });
  });
}
