/** Schemas that move forward, on a real Postgres: once each, in order, by one node at a time, and never past what is known. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { Within } from "#runtime/ref.ts";
import { type Migration, migrate } from "#runtime/sql/migrations.ts";
import { startPostgres } from "#test/kit/postgres.ts";

const postgres = await startPostgres();
const within: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
const sql = openSql({ url: postgres.url, connectionsMax: 8, statementTimeoutMs: 10_000 });
after(() => sql.close());

const first: Migration = { name: "first", text: "create table SCHEMA.a (n int)" };
const second: Migration = {
  name: "second",
  text: "alter table SCHEMA.a add m int default 2; insert into SCHEMA.a values (1)",
};

function run(schema: string, ...steps: readonly Migration[]) {
  const own = steps.map(({ name, text }) => ({ name, text: text.replaceAll("SCHEMA", schema) }));
  return migrate(sql, { schema, steps: own }, within);
}

async function rows(text: string): Promise<readonly unknown[]> {
  return must(await sql.query({ text }, within), text).map((row) => Object.values(row));
}

describe("sql: migrate", () => {
  it("does each step once, in order, and records it", async () => {
    assert.deepEqual(must(await run("one", first), "the first start"), 1);
    assert.deepEqual(must(await run("one", first, second), "a newer build"), 1);
    assert.deepEqual(must(await run("one", first, second), "its next start"), 0);

    assert.deepEqual(await rows("select n, m from one.a"), [["1", "2"]]);
    assert.deepEqual(await rows("select step, name from one.migrations order by step"), [
      ["0", "first"],
      ["1", "second"],
    ]);
  });

  it("does each once where several nodes start at the same time", async () => {
    const counts = await Promise.all([1, 2, 3, 4].map(() => run("many", first, second)));

    const done = counts.map((count) => must(count, "every start"));
    assert.equal(
      done.reduce((sum, count) => sum + count),
      2,
    );
    assert.deepEqual(await rows("select n, m from many.a"), [["1", "2"]]);
  });

  it("leaves nothing of a step that fails, and keeps those before it", async () => {
    const broken: Migration = { name: "broken", text: "create table SCHEMA.b (n int); select nothing from nowhere" };

    const failed = await run("half", first, broken);

    assert(!failed.ok && failed.failure.code === "sql.refused");
    assert.deepEqual(await rows("select name from half.migrations"), [["first"]]);
    assert.deepEqual(await rows("select to_regclass('half.b')"), [[null]]);
    assert.deepEqual(must(await run("half", first, second), "mended"), 1);
  });

  it("touches nothing where a step is not as it was done, or not known", async () => {
    must(await run("newer", first, second), "a newer build");

    const older = await run("newer", first);
    const changed = await run("newer", { ...first, text: `${first.text} -- changed` }, second);
    const others = await run("newer", { ...first, name: "another" }, second);

    assert.deepEqual(older, { ok: false, failure: { code: "sql.schema-unknown", schema: "newer", step: "second" } });
    for (const refused of [changed, others]) {
      assert.deepEqual(refused, { ok: false, failure: { code: "sql.schema-unknown", schema: "newer", step: "first" } });
    }
    assert.deepEqual(await rows("select n, m from newer.a"), [["1", "2"]]);
  });
});
