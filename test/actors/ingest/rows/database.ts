/** What only a database does: it refuses rows, loses months, is locked by others, and shows its tables. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { postgresRows } from "#actors/ingest/rows/postgres-rows.ts";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { SqlFailure } from "#runtime/sql/sql.ts";
import { atMs, atNs, idOf, rowOf, Scene, within } from "#test/actors/ingest/rows/scene.ts";
import { type WatchedSql, watchedSql } from "#test/actors/ingest/rows/watched-sql.ts";

let schemaCount = 0;

export function describeDatabase(url: string): void {
  const sql = openSql({ url, connectionsMax: 4, statementTimeoutMs: 10_000 });
  after(() => sql.close());
  const ask = async (text: string): Promise<readonly (readonly (string | null)[])[]> =>
    must(await sql.query({ text }, within), text).map((row) => Object.values(row));
  const open = async (before?: (name: string) => SqlFailure | undefined) => {
    schemaCount += 1;
    const schema = `ingest_database_${schemaCount}`;
    const watched = watchedSql(sql, before);
    const rows = postgresRows(watched, { schema });
    must(await rows.open(within), "open");
    return { schema, watched, rows, one: new Scene(rows) };
  };
  const writesOf = ({ asked }: WatchedSql): number => asked.splice(0).filter((name) => name === "write").length;
  const rowsOf = (count: number, bad: readonly number[]) =>
    Array.from({ length: count }, (_none, at) => rowOf(at + 1, bad.includes(at) ? { payload: "{" } : {}));

  describe("event rows (postgres): rows that are refused", () => {
    it("takes one statement for all, and at most 2 · log2 n more for each that is refused (ING-3)", async () => {
      const { one, watched, schema } = await open();

      await one.write(...rowsOf(256, []));
      assert.equal(writesOf(watched), 1);
      for (const bad of [[0], [255], [100], [0, 255], [17, 18], [1, 99, 200]]) {
        await ask(`truncate ${schema}.event_ids, ${schema}.events`);
        const written = await one.write(...rowsOf(256, bad));
        assert.deepEqual(
          written.flatMap((word, at) => (word === "new" ? [] : [at])),
          bad,
        );
        const count = writesOf(watched);
        assert(count <= 1 + bad.length * 2 * Math.log2(256), `${count} statements for ${bad}`);
      }
      assert.deepEqual(await ask(`select count(distinct event_id) from ${schema}.events`), [["253"]]);
    });

    it("rejects what a rule of somebody else's refuses, and what a trigger does", async () => {
      const { one, schema } = await open();
      await ask(`alter table ${schema}.events add constraint cheap check ((payload->>'price')::int < 10)`);
      await ask(`create function ${schema}.refuse() returns trigger language plpgsql as
        $$ begin if new.payload->>'price' = '7' then raise 'not seven'; end if; return new; end $$`);
      await ask(`create trigger refuse before insert on ${schema}.events
        for each row execute function ${schema}.refuse()`);

      const written = await one.write(...[5, 10, 7].map((price) => rowOf(price, { payload: `{"price":${price}}` })));

      assert.deepEqual(written, ["new", "23514", "P0001"]);
    });

    it("rejects no row for what is wrong with the database: the call fails, and nothing of it was done (ING-3)", async () => {
      const { rows, schema, watched } = await open();
      const broken = [
        ["42P01", `alter table ${schema}.tags rename to gone`, `alter table ${schema}.gone rename to tags`],
        [
          "0A000",
          `alter table ${schema}.event_ids rename digest to d`,
          `alter table ${schema}.event_ids rename d to digest`,
        ],
      ] as const;
      must(await rows.write([rowOf(99)], within), "write");
      for (const [_state, breaking, mending] of broken) {
        await ask(breaking);
        watched.asked.splice(0);
        const refused = await rows.write(rowsOf(8, [3]), within);
        assert(!refused.ok && refused.failure.code === "sql.refused");
        assert.equal(writesOf(watched), 1);
        await ask(mending);
        assert.deepEqual(await ask(`select count(*) from ${schema}.events`), [["1"]]);
      }
    });

    it("fails where the database goes away on the way, and the same call again finishes it (ING-2)", async () => {
      const gone: SqlFailure = { code: "sql.unreachable", executed: "maybe", cause: "it is gone" };
      let writeCount = 0;
      const { rows, one } = await open((name) => {
        if (name === "write") writeCount += 1;
        return name === "write" && writeCount === 6 ? gone : undefined;
      });
      // In order of the statements: all, 4, 2, 1, 1, 2.
      const batch = rowsOf(8, [1]);

      assert.deepEqual(await rows.write(batch, within), { ok: false, failure: gone });

      assert.deepEqual(await one.write(...batch), ["same", "22P02", ...Array(6).fill("new")]);
    });

    it("writes more than one statement takes by several (ING-15)", async () => {
      const { one, watched } = await open();
      const payload = JSON.stringify("x".repeat(1_000_000));

      const written = await one.write(...Array.from({ length: 20 }, (_none, at) => rowOf(at + 1, { payload })));

      assert.deepEqual(written, Array(20).fill("new"));
      assert.equal(writesOf(watched), 3);
    });
  });

  describe("event rows (postgres): months", () => {
    it("are made once, with those that follow, and anew where the database has lost one (ING-6)", async () => {
      const { one, schema, watched } = await open();
      const months = `select relname from pg_class where relnamespace = '${schema}'::regnamespace
        and relname ~ '^events_[0-9_]+$' order by 1`;

      await one.write(rowOf(1));
      assert.deepEqual((await ask(months)).flat(), [
        "events_2025_10",
        "events_2025_11",
        "events_2025_12",
        "events_2026_01",
      ]);
      await one.write(rowOf(2), rowOf(3, { tsNs: atNs + 90n * 86_400_000_000_000n }));
      assert.equal(watched.asked.filter((name) => name === "lock-months").length, 1);

      await ask(`drop table ${schema}.events_2025_10, ${schema}.event_tags_2025_10`);
      assert.deepEqual(await one.write(rowOf(4)), ["new"]);
      assert.equal((await ask(months)).length, 4);
    });

    it("are made by many at once", async () => {
      const { schema } = await open();
      const nodes = Array.from({ length: 6 }, () => new Scene(postgresRows(sql, { schema })));

      const written = await Promise.all(nodes.map((node, at) => node.write(rowOf(at + 1))));

      assert.deepEqual(written, Array(6).fill(["new"]));
    });

    it("hold every moment in the month of UTC that it is in", async () => {
      const { one, schema } = await open();
      const edges = [0, 1, 7, 24, 670, 671, 672].map((number) => Date.UTC(1970, number, 1));
      const rows = edges.flatMap((ms, at) => [
        rowOf(2 * at + 1, { tsNs: BigInt(ms) * 1_000_000n }),
        rowOf(2 * at + 2, { tsNs: BigInt(ms) * 1_000_000n - 1n }),
      ]);

      await one.write(...rows);

      const wrong = `select ts_ns, tableoid::regclass from ${schema}.events where tableoid::regclass::text <>
        '${schema}.events_' || to_char(to_timestamp(div(ts_ns, 1000000000) - (ts_ns < 0)::int) at time zone 'UTC', 'YYYY_MM')`;
      assert.deepEqual(await ask(wrong), []);
      assert.deepEqual(await ask(`select count(*) from ${schema}.events`), [[String(rows.length)]]);
    });
  });

  describe("event rows (postgres): others who write", () => {
    const crossing = async (ends: "commit" | "rollback", payload: string): Promise<readonly string[]> => {
      const { one, schema } = await open();
      await one.write(rowOf(9));
      let writing: Promise<readonly string[]> | undefined;
      const done = await sql.transaction(async (session) => {
        const digest = `select digest from ${schema}.event_ids`;
        const text = `insert into ${schema}.event_ids select '${idOf(1)}', ${atNs}, (${digest}) returning pg_backend_pid()`;
        const [row] = must(await session.query({ text }, within), text);
        writing = one.write(rowOf(1, { payload }), rowOf(2));
        const waits = `select from pg_stat_activity where ${row?.["pg_backend_pid"]} = any(pg_blocking_pids(pid))`;
        while ((await ask(waits)).length === 0);
        return ends === "commit"
          ? { ok: true, value: undefined }
          : { ok: false, failure: { code: "test.rolled-back" } };
      }, within);
      assert.equal(done.ok, ends === "commit");
      return (await writing) ?? [];
    };

    it("are waited for, and what they have committed counts", async () => {
      assert.deepEqual(await crossing("commit", rowOf(9).payload), ["same", "new"]);
      assert.deepEqual(await crossing("commit", "2"), ["conflict", "new"]);
    });

    it("are waited for, and what they have not committed does not count", async () => {
      assert.deepEqual(await crossing("rollback", "2"), ["new", "new"]);
    });
  });

  describe("event rows (postgres): its tables", () => {
    it("have a tag once, whatever its case, and an event once under it (ING-6)", async () => {
      const { one, schema } = await open();
      const tag = (key: string, value: string) => ({ key, value });
      await one.write(
        rowOf(1, { tags: [tag("Core.Symbol", "Straße"), tag("core.symbol", "STRASSE"), tag("b", "a")] }),
        rowOf(2, { tags: [tag("CORE.SYMBOL", "strasse")] }),
        rowOf(3, { tags: [tag("core.symbolstrasse", "x"), tag("a", "b")] }),
      );

      const worn = `select t.key, t.value, array_agg(right(e.event_id::text, 1) order by e.event_id)
        from ${schema}.event_tags e join ${schema}.tags t using (tag_id) group by t.tag_id, 1, 2 order by 1`;
      assert.deepEqual(await ask(worn), [
        ["Core.Symbol", "Straße", "{1,2}"],
        ["a", "b", "{3}"],
        ["b", "a", "{1}"],
        ["core.symbolstrasse", "x", "{3}"],
      ]);
    });

    it("can be read by subject in the order of the stream, whatever the order of writing (ING-5)", async () => {
      const { one, schema } = await open();
      const streamIds = ["0:9-10", "0:10-0", "1:5-18446744073709551615", "0:18446744073709551615-0", "0:9-9", "1:5-2"];
      await one.write(...streamIds.map((streamId, at) => rowOf(at + 1, { streamId })));

      const ordered = await ask(`select stream_generation || ':' || entry_id from ${schema}.readable_events
        order by stream_generation, split_part(entry_id, '-', 1)::numeric, split_part(entry_id, '-', 2)::numeric`);

      const inOrder = ["0:9-9", "0:9-10", "0:10-0", "0:18446744073709551615-0", "1:5-2", "1:5-18446744073709551615"];
      assert.deepEqual(ordered.flat(), inOrder);
      const plan = await ask(`explain select * from ${schema}.events where subject_id = '${idOf(1)}'
        order by stream_generation, stream_ms, stream_sequence limit 1`);
      assert.match(plan.flat().join("\n"), /Index Scan/);
      assert.doesNotMatch(plan.flat().join("\n"), /Seq Scan/);
    });

    it("may have lost the schema of a subject: nothing is written under it until it is registered again (ING-12)", async () => {
      const { one, schema } = await open();
      const { subjectId, schemaId } = await one.subject();
      await ask(`update ${schema}.subjects set schema_id = null`);
      const { producerId } = rowOf(1);

      assert.deepEqual(await one.bindings([producerId, subjectId]), [{ kind: "missing_subject_schema" }]);
      assert.deepEqual(await one.upgrade(), { kind: "refused", reason: "missing_subject_schema" });
      assert.deepEqual(await one.register({ schemaBody: { z: 1 } }), { kind: "refused", reason: "schema_conflict" });
      const again = await one.subject();

      assert.deepEqual([again.schemaId, again.isUnchanged], [schemaId, false]);
      assert.deepEqual(await one.bindings([producerId, subjectId]), [{ kind: "bound", schemaId }]);
    });

    it("show people what they need", async () => {
      const { one, schema } = await open();
      const { subjectId, schemaId } = await one.subject({ subjectKey: "k" });
      await one.write(rowOf(1, { subjectId, schemaId }));

      const shown = await ask(`select subject_key, schema_name, schema_version, ts at time zone 'UTC' as ts, entry_id,
        payload, tags, received_at at time zone 'UTC' as received from ${schema}.readable_events`);

      const tags = '[{"key": "core.symbol", "value": "AAPL"}]';
      const [ts, received] = ["2025-10-09 08:53:20.123456", "2025-10-09 08:53:20.123"];
      assert.deepEqual(shown, [["k", "s", "1", ts, "1760000000000-0", '{"price": 1}', tags, received]]);
      assert.equal(new Date(atMs).toISOString(), "2025-10-09T08:53:20.123Z");
    });
  });
}
