/** The seam to Postgres, with a real one behind it: what it answers, and what is known when it does not. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type Failure, fail, must, ok } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { Within } from "#runtime/ref.ts";
import type { Sql, SqlRow, SqlValue } from "#runtime/sql/sql.ts";
import { eventually } from "#test/kit/node.ts";
import { startPostgres } from "#test/kit/postgres.ts";
import { describeBinaryArrays } from "#test/runtime/sql/binary-arrays.ts";

const postgres = await startPostgres();
const within: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
const NUMBERS = /^\d+$/;

function open(connectionsMax = 2, statementTimeoutMs = 10_000): Sql {
  const opened = openSql({ url: postgres.url, connectionsMax, statementTimeoutMs });
  after(() => opened.close());
  return opened;
}

const sql = open();

async function ask(text: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
  return must(await sql.query({ text, values }, within), text);
}

describeBinaryArrays(sql);

describe("sql: query", () => {
  it("answers with rows of text, and null", async () => {
    assert.deepEqual(await ask("select 1 as a, null as b, 1.10::numeric as c, 9007199254740993::bigint as d"), [
      { a: "1", b: null, c: "1.10", d: "9007199254740993" },
    ]);
    assert.deepEqual(await ask("select 1 where false"), []);
  });

  it("takes every kind of parameter as it is", async () => {
    const text = "select $1::text as a, $2::bigint as b, $3::bool as c, $4::bytea as d, $5::text[] as e, $6::text as f";
    const list = ['a"b\\', null, "", "NULL"];

    const [row] = await ask(text, ["'\"\\é\u{1f600}", 2n ** 63n - 1n, true, Uint8Array.of(0, 255), list, null]);

    const e = '{"a\\"b\\\\",NULL,"","NULL"}';
    assert.deepEqual({ ...row }, { a: "'\"\\é\u{1f600}", b: "9223372036854775807", c: "t", d: "\\x00ff", e, f: null });
  });

  it("says what the database refuses, and by which constraint; the connection serves on", async () => {
    const one = open(1);
    await ask("create table refusing (id int constraint refusing_id primary key)");
    must(await one.query({ text: "insert into refusing values (1)" }, within), "the first");

    const again = await one.query({ text: "insert into refusing values (1)" }, within);
    const wrong = await one.query({ text: "select nothing from nowhere" }, within);

    assert(!again.ok && again.failure.code === "sql.refused");
    assert.deepEqual([again.failure.state, again.failure.constraint], ["23505", "refusing_id"]);
    assert(!wrong.ok && wrong.failure.code === "sql.refused");
    assert.equal(wrong.failure.state, "42P01");
    assert.equal((await one.query({ text: "select 1" }, within)).ok, true);
  });

  it("keeps to its connections: one more waits", async () => {
    const two = open(2);
    const working = () => two.query({ text: "select pg_sleep(0.3), pg_backend_pid() as pid" }, within);

    const answers = await Promise.all([working(), working(), working(), working()]);

    const pids = answers.map((answer) => must(answer, "all are answered")[0]?.["pid"] ?? "");
    assert(pids.every((pid) => NUMBERS.test(pid)));
    assert.equal(new Set(pids).size, 2);
  });

  it("does not know what came of a statement whose connection broke; the next one has another", async () => {
    const one = open(1);
    const asked = one.query({ text: "select pg_sleep(30), 'cut me off'" }, within);
    const others = "from pg_stat_activity where query like '%cut me off%' and pid <> pg_backend_pid()";
    await eventually(5000, "it is cut off", async () => {
      return (await ask(`select pg_terminate_backend(pid) ${others}`)).length > 0;
    });

    const broken = await asked;

    assert(!broken.ok && broken.failure.code === "sql.unreachable");
    assert.equal(broken.failure.executed, "maybe");
    assert.equal((await one.query({ text: "select 1" }, within)).ok, true);
  });

  it("stops waiting when nobody wants the answer, and gives that connection to nobody", async () => {
    const one = open(1);
    const controller = new AbortController();
    const asked = one.query({ text: "select pg_sleep(30)" }, { ...within, signal: controller.signal });
    setTimeout(() => controller.abort(), 100);

    const broken = await asked;

    assert(!broken.ok && broken.failure.code === "sql.unreachable");
    assert.equal(broken.failure.executed, "maybe");
    assert.deepEqual(must(await one.query({ text: "select 2 as a" }, within), "the next"), [{ a: "2" }]);
    const late = await one.query({ text: "select 1" }, { ...within, signal: controller.signal });
    assert(!late.ok && late.failure.code === "sql.unreachable");
    assert.equal(late.failure.executed, "no");
  });

  for (const [what, run] of [
    ["a statement", (one: Sql, until: Within) => one.query({ text: "select pg_sleep(30)" }, until)],
    [
      "a transaction",
      (one: Sql, until: Within) =>
        one.transaction((session) => session.query({ text: "select pg_sleep(30)" }, until), until),
    ],
  ] as const) {
    it(`waits for ${what} until the deadline, and gives that connection to nobody`, async () => {
      const one = open(1);

      const broken = await run(one, { ...within, deadlineMs: realClock.nowMs() + 100 });

      assert(!broken.ok && broken.failure.code === "sql.unreachable");
      assert.equal(broken.failure.executed, "maybe");
      assert.deepEqual(must(await one.query({ text: "select 2 as a" }, within), "the next"), [{ a: "2" }]);
      const late = await run(one, { ...within, deadlineMs: realClock.nowMs() });
      assert(!late.ok && late.failure.code === "sql.unreachable");
      assert.equal(late.failure.executed, "no");
    });
  }

  it("has the database end a statement that takes too long", async () => {
    const broken = await open(1, 100).query({ text: "select pg_sleep(30)" }, within);

    assert(!broken.ok && broken.failure.code === "sql.unreachable");
    assert.match(broken.failure.cause, /^57014 /);
  });

  it("says at once that nothing ran where nobody listens, or after its end", async () => {
    const none = openSql({ url: "postgresql://a@127.0.0.1:1/b", connectionsMax: 1, statementTimeoutMs: 1000 });

    const refused = await none.query({ text: "select 1" }, within);
    await none.close();
    const closed = await none.query({ text: "select 1" }, within);

    for (const answer of [refused, closed]) {
      assert(!answer.ok && answer.failure.code === "sql.unreachable");
      assert.equal(answer.failure.executed, "no");
    }
  });
});

describe("sql: transaction", () => {
  const count = async (): Promise<string | null | undefined> => (await ask("select count(*) as n from kept"))[0]?.["n"];

  it("is done where its work succeeds, and not at all where it fails or throws", async () => {
    await ask("create table kept (id int primary key)");
    const put = (id: number, end: () => unknown) =>
      sql.transaction<number, Failure<"test.no">>(async (session) => {
        must(await session.query({ text: "insert into kept values ($1)", values: [id] }, within), "the row");
        return end() === "no" ? fail({ code: "test.no" }) : ok(id);
      }, within);

    assert.deepEqual(await put(1, () => "yes"), ok(1));
    assert.deepEqual(await put(2, () => "no"), fail({ code: "test.no" }));
    await assert.rejects(
      put(3, () => assert.fail("of its own")),
      /of its own/,
    );

    assert.equal(await count(), "1");
    assert.deepEqual(await put(4, () => "yes"), ok(4));
  });

  it("is not done where the database refuses a part of it, whatever the work makes of that", async () => {
    const before = await count();

    const done = await sql.transaction(async (session) => {
      await session.query({ text: "insert into kept values (100)" }, within);
      await session.query({ text: "insert into kept values (1)" }, within);
      return ok("all is well");
    }, within);

    assert.equal(await count(), before);
    assert(!done.ok && done.failure.code === "sql.refused");
  });

  it("is READ COMMITTED, whatever the database does by default", async () => {
    const options = encodeURIComponent("-c default_transaction_isolation=serializable");
    const other = openSql({ url: `${postgres.url}&options=${options}`, connectionsMax: 1, statementTimeoutMs: 10_000 });
    after(() => other.close());
    const text = "select current_setting('transaction_isolation') as level";

    const alone = await other.query({ text }, within);
    const together = await other.transaction((session) => session.query({ text }, within), within);

    assert.deepEqual(must(alone, "alone"), [{ level: "serializable" }]);
    assert.deepEqual(must(together, "in a transaction"), [{ level: "read committed" }]);
  });

  it("is not done where its connection breaks before the end", async () => {
    const before = await count();
    const controller = new AbortController();

    const done = await sql.transaction(
      async (session) => {
        await session.query({ text: "insert into kept values (200)" }, within);
        controller.abort();
        return ok("all is well");
      },
      { ...within, signal: controller.signal },
    );

    assert(!done.ok && done.failure.code === "sql.unreachable");
    assert.equal(await count(), before);
  });
});

describe("sql: a database that is killed", () => {
  it("breaks what is under way, and serves again when it is back, without being opened anew", async () => {
    const asked = sql.query({ text: "select pg_sleep(30)" }, within);
    await new Promise((resolve) => setTimeout(resolve, 100));

    await postgres.kill();
    const broken = await asked;
    const refused = await sql.query({ text: "select 1" }, within);
    await postgres.start();

    assert(!broken.ok && broken.failure.code === "sql.unreachable");
    assert.equal(broken.failure.executed, "maybe");
    assert(!refused.ok && refused.failure.code === "sql.unreachable");
    assert.equal((await sql.query({ text: "select 1" }, within)).ok, true);
  });
});
