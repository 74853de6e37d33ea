/** Many who write the same at once: nobody stops anybody for ever, and all are told the same. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { EventRow } from "#actors/ingest/event-row.ts";
import { BINDINGS_PENDING_MAX } from "#actors/ingest/rows/event-rows.ts";
import { postgresRows } from "#actors/ingest/rows/postgres-rows.ts";
import { must, ok } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { openSql } from "#runtime/real/sql.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { idOf, other, producer, rowOf, Scene, within } from "#test/actors/ingest/rows/scene.ts";
import { type WatchedSql, watchedSql } from "#test/actors/ingest/rows/watched-sql.ts";

const NODES = 6;
const ROUNDS = 8;
const EVENTS = 300;

export function describeCrowd(url: string): void {
  /** Each with connections of its own, as nodes have them. */
  const open = async (schema: string): Promise<readonly { readonly one: Scene; readonly watched: WatchedSql }[]> => {
    const nodes = Array.from({ length: NODES }, () => {
      const watched = watchedSql(openSql({ url, connectionsMax: 2, statementTimeoutMs: 10_000 }));
      after(() => watched.close());
      return { one: new Scene(postgresRows(watched, { schema })), watched };
    });
    await Promise.all(nodes.map(async ({ one }) => must(await one.rows.open(within), "open")));
    return nodes;
  };
  const sql = openSql({ url, connectionsMax: 1, statementTimeoutMs: 10_000 });
  after(() => sql.close());
  const ask = async (text: string): Promise<readonly unknown[]> =>
    must(await sql.query({ text }, within), text).map((row) => ({ ...row }));

  /** Statements of all of them are held at the door until all are there. Each writer has had its months before. */
  const together = async <Value>(schema: string, work: () => readonly Promise<Value>[]): Promise<readonly Value[]> => {
    let working: readonly Promise<Value>[] = [];
    const opened = await sql.transaction<void, never>(async (session) => {
      const query = async (text: string) => must(await session.query({ text }, within), text);
      await query(`lock table ${schema}.event_ids in share row exclusive mode`);
      working = work();
      const waiting = `select count(*) from pg_locks where not granted and relation = '${schema}.event_ids'::regclass`;
      while ((await query(waiting))[0]?.["count"] !== String(working.length));
      return ok();
    }, within);
    must(opened, "the door");
    return await Promise.all(working);
  };

  describe("event rows (postgres): many at once", () => {
    it("write the same events with the same tags, in any order: each is new for one, and the same for all others (ING-4)", async () => {
      const nodes = await open("ingest_crowd_1");
      const newCounts = new Map<string, number>();

      for (let round = 0; round < ROUNDS; round += 1) {
        await together("ingest_crowd_1", () =>
          nodes.map(async ({ one }, node) => {
            // Half of them were written before.
            const numbers = shuffled(seededRandom(round * NODES + node), round * (EVENTS / 2), EVENTS);
            const words = await one.write(...numbers.map(eventOf));
            for (const [at, number] of numbers.entries()) {
              const id = idOf(number);
              if (words[at] === "new") newCounts.set(id, (newCounts.get(id) ?? 0) + 1);
              else assert.equal(words[at], "same");
            }
          }),
        );
      }

      const total = ((ROUNDS + 1) * EVENTS) / 2;
      assert.deepEqual([...new Set(newCounts.values())], [1]);
      assert.equal(newCounts.size, total);
      const counted = await ask(`select count(*), count(distinct event_id) as ids from ingest_crowd_1.events`);
      assert.deepEqual(counted, [{ count: String(total), ids: String(total) }]);
      // Once, and once more where somebody else's rows were committed meanwhile. Who is in the way of another is tried more often.
      for (const { watched } of nodes) {
        const writeCount = watched.asked.filter((name) => name === "write").length;
        assert(writeCount <= 2 * ROUNDS, `${writeCount} statements`);
      }
      const writeCounts = nodes.map(({ watched }) => watched.asked.filter((name) => name === "write").length);
      assert(Math.max(...writeCounts) > ROUNDS, "some had to wait for others");
    });

    it("write the same new tags with different events, in any order (ING-4)", async () => {
      const nodes = await open("ingest_crowd_2");
      // Long enough for all of them to be at it at once.
      await ask(`create function ingest_crowd_2.linger() returns trigger language plpgsql as
        $$ begin perform pg_sleep(0.002); return new; end $$`);
      await ask(`create trigger linger before insert on ingest_crowd_2.tags
        for each row execute function ingest_crowd_2.linger()`);

      const words = await together("ingest_crowd_2", () =>
        nodes.map(({ one }, node) => {
          const tagged = shuffled(seededRandom(node), 0, 30).map((value, at) =>
            rowOf(node * 30 + at, { tags: [{ key: "k", value: String(value) }] }),
          );
          return one.write(...tagged);
        }),
      );

      assert(words.flat().every((word) => word === "new"));
      for (const { watched } of nodes) assert.equal(watched.asked.filter((name) => name === "write").length, 1);
      assert.deepEqual(await ask("select count(*) from ingest_crowd_2.tags"), [{ count: "30" }]);
    });

    it("write different events of one id: one is there, and everybody else is told (ING-1)", async () => {
      const nodes = await open("ingest_crowd_3");

      const words = await together("ingest_crowd_3", () =>
        nodes.map(({ one }, node) =>
          one.write(...shuffled(seededRandom(node), 0, 100).map((number) => rowOf(number, { payload: String(node) }))),
        ),
      );

      const all = words.flat();
      assert.equal(all.filter((word) => word === "new").length, 100);
      assert.equal(all.filter((word) => word === "conflict").length, (NODES - 1) * 100);
    });

    it("register, upgrade and use the same subjects: one has made each, and versions have no gap (ING-4, ING-8)", async () => {
      const nodes = await open("ingest_crowd_4");
      const keys = Array.from({ length: 8 }, (_none, at) => `x/${at}`);

      const answers = await Promise.all(
        nodes.flatMap(({ one }, node) => [
          ...keys.map((subjectKey) => one.register({ subjectKey })),
          one.legacy(...keys.toReversed().map((key) => [idOf(0xd0 + node), `${key}/l`, "trade"] as const)),
          one.legacy(...keys.map((key) => [producer, `${key}/l`, "quote"] as const)),
        ]),
      );
      const done = answers.filter((answer) => "kind" in answer && answer.kind === "done");
      assert.equal(done.length, NODES * keys.length);
      assert.equal(done.filter((answer) => "isUnchanged" in answer && !answer.isUnchanged).length, keys.length);

      await Promise.all(
        nodes.flatMap(({ one }, node) =>
          keys.map((subjectKey) => one.upgrade({ subjectKey, schemaDelta: { [`b${node}`]: node } })),
        ),
      );

      const families = await ask(
        "select name, count(*), max(version) from ingest_crowd_4.schemas group by name having count(*) <> max(version)",
      );
      assert.deepEqual(families, []);
      const bodies =
        await ask(`select distinct body from ingest_crowd_4.subjects join ingest_crowd_4.schemas using (schema_id)
        where origin = 'registered'`);
      const whole = Object.fromEntries(nodes.map((_node, node) => [`b${node}`, node]));
      assert.deepEqual(
        bodies.map((row) => JSON.parse(Object(row).body)),
        [{ a: 1, ...whole }],
      );
    });

    it("ask for subjects of somebody else: a producer waits for no more reviews than it may (ING-14)", async () => {
      const nodes = await open("ingest_crowd_5");
      const [first] = nodes;
      assert(first !== undefined);
      const keys = Array.from({ length: BINDINGS_PENDING_MAX - 1 + NODES * 2 }, (_none, at) => `y/${at}`);
      for (const subjectKey of keys) await first.one.register({ subjectKey });
      const before = keys.splice(0, BINDINGS_PENDING_MAX - 1);
      for (const subjectKey of before) await first.one.register({ subjectKey, producerId: other });
      // Whoever is let in lingers, so that all who are let in are there at once.
      await ask(`create function ingest_crowd_5.linger() returns trigger language plpgsql
        as $$ begin perform pg_sleep(0.2); return new; end $$`);
      await ask(`create trigger linger before insert on ingest_crowd_5.binding_requests
        for each row execute function ingest_crowd_5.linger()`);

      const answers = await Promise.all([
        ...keys.map((subjectKey, at) => (nodes[at % NODES] ?? first).one.register({ subjectKey, producerId: other })),
        first.one.register({ subjectKey: "y/15", producerId: idOf(0xd) }),
      ]);

      const reasons = answers.map((answer) => (answer.kind === "refused" ? answer.reason : answer.kind));
      assert.equal(reasons.pop(), "needs_review", "others have their own");
      assert.deepEqual(reasons.sort(), ["needs_review", ...Array(keys.length - 1).fill("too_many_reviews")]);
      assert.equal((await first.one.waiting()).length, BINDINGS_PENDING_MAX + 1);
    });
  });
}

function shuffled(random: Random, first: number, count: number): readonly number[] {
  const numbers = Array.from({ length: count }, (_none, at) => first + at + 1);
  for (const at of numbers.keys()) {
    const swapped = at + random.below(count - at);
    [numbers[at], numbers[swapped]] = [numbers[swapped] ?? 0, numbers[at] ?? 0];
  }
  return numbers;
}

/** The same for the same number, with tags that many events have, and that come with others in any order. */
function eventOf(number: number): EventRow {
  const tag = (at: number) => ({ key: "k", value: String((number * 7 + at * 13) % 29) });
  return rowOf(number, { tags: [tag(0), tag(1), tag(2)] });
}
