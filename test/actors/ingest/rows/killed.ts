/** A Postgres that is killed while many write to it: what was answered is there afterwards, and nothing of it in halves. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { EventRow } from "#actors/ingest/event-row.ts";
import { postgresRows } from "#actors/ingest/rows/postgres-rows.ts";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import { rowOf, Scene, within, wordOf } from "#test/actors/ingest/rows/scene.ts";
import type { TestPostgres } from "#test/kit/postgres.ts";

const SCHEMA = "ingest_killed";
const WORKERS = 4;
const BATCH = 50;
/** Of all together, when it is killed. */
const BATCHES = 60;

/** How many there are of what must not be. */
const BROKEN = {
  "ids without an event": "event_ids i where not exists (select from S.events e where e.event_id = i.event_id)",
  "events without an id": "events e where not exists (select from S.event_ids i where i.event_id = e.event_id)",
  "events twice": "(select from S.events group by event_id having count(*) > 1) e",
  "events without their tag": "events e where not exists (select from S.event_tags t where t.event_id = e.event_id)",
  "tags of no event": "event_tags t where not exists (select from S.events e where e.event_id = t.event_id)",
  "tags without a name": "event_tags e where not exists (select from S.tags t where t.tag_id = e.tag_id)",
};

export function describeKilled({ url, kill, start }: TestPostgres): void {
  const sql = openSql({ url, connectionsMax: WORKERS, statementTimeoutMs: 10_000 });
  after(() => sql.close());

  describe("event rows (postgres): a database that is killed", () => {
    it("has what was answered, the rest as a whole or not at all, and takes all of it again (ING-2)", async () => {
      const rows = postgresRows(sql, { schema: SCHEMA });
      must(await rows.open(within), "open");
      const answered: EventRow[] = [];
      const tried: EventRow[] = [];
      const enough = Promise.withResolvers<void>();
      const work = async (worker: number): Promise<string> => {
        for (let batch = 0; ; batch += 1) {
          const first = (worker * 1_000_000 + batch) * BATCH;
          const some = Array.from({ length: BATCH }, (_none, at) => rowOf(first + at + 1));
          tried.push(...some);
          const written = await rows.write(some, within);
          if (!written.ok) return written.failure.code;
          assert(written.value.every((one) => one.kind === "new"));
          answered.push(...some);
          if (answered.length >= BATCHES * BATCH) enough.resolve();
        }
      };

      const workers = Array.from({ length: WORKERS }, (_none, worker) => work(worker));
      await Promise.race([enough.promise, Promise.all(workers)]);
      await kill();
      assert.deepEqual(await Promise.all(workers), Array(WORKERS).fill("sql.unreachable"));
      await start();

      for (const [what, where] of Object.entries(BROKEN)) {
        const text = `select count(*) from ${where.startsWith("(") ? "" : "S."}${where}`.replaceAll("S.", `${SCHEMA}.`);
        assert.equal(must(await sql.query({ text }, within), what)[0]?.["count"], "0", what);
      }
      const one = new Scene(rows);
      for (let at = 0; at < answered.length; at += 1000) {
        const some = answered.slice(at, at + 1000);
        assert.deepEqual(
          await one.write(...some),
          some.map(() => "same"),
        );
      }
      const words = new Set(must(await rows.write(tried.slice(-1000), within), "again").map(wordOf));
      assert([...words].every((word) => word === "same" || word === "new"));
      const text = `select count(*) from ${SCHEMA}.events`;
      const [counted] = must(await sql.query({ text }, within), text);
      assert.equal(Number(counted?.["count"]) >= answered.length, true);
    });
  });
}
