/**
 * A Postgres that is killed while many speak to it: what was answered is there afterwards, and what was not is there as a
 * whole or not at all. Nothing has to be opened anew.
 */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Directory, ProducerId } from "#actors/auth/directory/directory.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { Sql } from "#runtime/sql/sql.ts";
import {
  grantOf,
  registrationOf,
  requestOf,
  reviewOf,
  Scene,
  tokenOf,
  within,
} from "#test/actors/auth/directory/scene.ts";
import type { TestPostgres } from "#test/kit/postgres.ts";

const SCHEMA = "auth_killed";
const WORKERS = 8;
/** Of all together, when it is killed. */
const ANSWERS = 300;

/** How many of each are not as they have to be. */
const BROKEN = {
  "keys without a request that brought them": `keys k where not exists (
    select from ${SCHEMA}.requests r where r.fingerprint = k.fingerprint and r.outcome = 'pending')`,
  "keys that wait for an answer to no request": `keys k where not exists (
    select from ${SCHEMA}.requests r where r.fingerprint = k.fingerprint and r.nonce = k.nonce)`,
  "keys without a name": `keys k where not exists (
    select from ${SCHEMA}.key_aliases a where a.fingerprint = k.fingerprint)`,
  "producers without a key": `producers p where not exists (
    select from ${SCHEMA}.keys k where k.producer_id = p.producer_id)`,
  "exchanges without a token": `requests r where outcome = 'issued' and not exists (
    select from ${SCHEMA}.tokens t where t.jti = r.nonce)`,
  "tokens without an exchange": `tokens t where jti = root_jti and not exists (
    select from ${SCHEMA}.requests r where r.fingerprint = t.fingerprint and r.nonce = t.jti)`,
  "keys that were approved without a review": `keys k where status = 'approved' and not exists (
    select from ${SCHEMA}.reviews v where v.fingerprint = k.fingerprint and v.verdict = 'approved')`,
  "reviews without an effect": `reviews v where exists (
    select from ${SCHEMA}.keys k where k.fingerprint = v.fingerprint and k.status = 'pending')`,
  "reviews and revocations without a change": `counters where name = 'changes' and value <>
    (select count(*) from ${SCHEMA}.reviews) + (select count(*) from ${SCHEMA}.denied_tokens)`,
  "numbers of keys that are wrong": `counters where name = 'keys' and value <> (select count(*) from ${SCHEMA}.keys)`,
  "numbers of changes that are wrong": `counters where name = 'changes' and value <> (
    select count(*) from ${SCHEMA}.changes)`,
};

interface Answered {
  readonly keys: Map<string, ProducerId>;
  readonly approved: Set<string>;
  readonly tokens: Set<string>;
  readonly revoked: Set<string>;
  count: number;
}

export function describeKilled({ url, kill, start }: TestPostgres): void {
  const sql = openSql({ url, connectionsMax: WORKERS, statementTimeoutMs: 10_000 });
  after(() => sql.close());

  describe("directory (postgres): a database that is killed", () => {
    it("has what was answered, the rest as a whole or not at all, and serves again when it is back", async () => {
      const directory = postgresDirectory(sql, { schema: SCHEMA });
      must(await directory.open(within), "open");
      const answered: Answered = {
        keys: new Map(),
        approved: new Set(),
        tokens: new Set(),
        revoked: new Set(),
        count: 0,
      };
      const enough = Promise.withResolvers<void>();
      const note = (): void => {
        answered.count += 1;
        if (answered.count === ANSWERS) enough.resolve();
      };

      const workers = Array.from({ length: WORKERS }, (_none, index) => work(directory, answered, note, `w${index}`));
      await Promise.race([enough.promise, Promise.all(workers)]);
      await kill();
      const codes = await Promise.all(workers);
      await start();

      assert.deepEqual(codes, Array(WORKERS).fill("sql.unreachable"));
      for (const [what, where] of Object.entries(BROKEN)) assert.equal(await count(sql, where), 0, what);
      const scene = new Scene(directory);
      for (const [fingerprint, producerId] of answered.keys) {
        assert.equal((await scene.keyOf(fingerprint))?.producerId, producerId);
      }
      for (const fingerprint of answered.approved) assert.equal((await scene.keyOf(fingerprint))?.status, "approved");
      const there = await scene.tokens(...answered.tokens);
      assert.deepEqual(new Set(Object.keys(there)), answered.tokens);
      for (const jti of answered.revoked) assert.equal(there[jti]?.isRevoked, true);
      assert((await scene.lastChange()) >= answered.approved.size + answered.revoked.size);
      assert(answered.revoked.size > WORKERS, "enough was answered");
      await scene.approved("afterwards");
    });
  });
}

/** Producers come, are approved, get tokens, and lose some, until the database does not answer: with which failure. */
async function work(directory: Directory, answered: Answered, note: () => void, name: string): Promise<string> {
  for (let round = 0; ; round += 1) {
    const fingerprint = `${name}-${round}`;
    const registered = await directory.register(registrationOf(fingerprint), within);
    if (!registered.ok) return registered.failure.code;
    note();
    assert(registered.value.kind === "pending");
    const { producerId } = registered.value;
    answered.keys.set(fingerprint, producerId);

    const approved = await directory.approve(reviewOf(fingerprint, producerId), within);
    if (!approved.ok) return approved.failure.code;
    note();
    answered.approved.add(fingerprint);

    const jti = `${fingerprint}-first`;
    const request = requestOf(fingerprint, "exchange", jti);
    const issued = await directory.issue(grantOf(jti, fingerprint, producerId), request, within);
    if (!issued.ok) return issued.failure.code;
    note();
    answered.tokens.add(jti);

    const renewed = await directory.renew(jti, tokenOf(`${fingerprint}-second`), 0, within);
    if (!renewed.ok) return renewed.failure.code;
    note();
    answered.tokens.add(`${fingerprint}-second`);

    const revoked = await directory.revokeToken({ jti, isSigned: false, reason: "lost", atMs: 1 }, within);
    if (!revoked.ok) return revoked.failure.code;
    note();
    answered.revoked.add(jti);
  }
}

async function count(sql: Sql, where: string): Promise<number> {
  const from = where.startsWith("(") ? where : `${SCHEMA}.${where}`;
  const [row] = must(await sql.query({ text: `select count(*) as n from ${from}` }, within), where);
  return Number(row?.["n"]);
}
