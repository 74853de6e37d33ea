/**
 * Producers that are not ours, on a real node: a shell with `redis-cli`, a program with nothing but `ioredis`, and Python with
 * its standard library. They come as strangers, with a key of their own, the operator lets them in, and what they publish is in Postgres.
 *
 * They are the examples that users copy.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseUlid, uuidOfUlid } from "#actors/domain/ulid.ts";
import { EVENTS_GROUP } from "#actors/ingest/pipeline.ts";
import { cepa } from "#test/cli/run.ts";
import { eventually } from "#test/kit/node.ts";
import { provide } from "#test/kit/provide.ts";
import { comeByShell, letIn, PRODUCERS, runProgram, shell } from "#test/kit/shell-producer.ts";
import { startWorkNode, type WorkNode, workMissing } from "#test/kit/work-node.ts";

const missing = workMissing ?? (await provide({ "redis-cli": "redis-tools", python3: "python3" }));

describe("ingest: producers that are not ours", { skip: missing ?? false }, () => {
  let work: WorkNode;
  before(async () => {
    work = await startWorkNode();
  });
  after(() => work?.dispose());

  async function storedIn(subjectKey: string): Promise<ReadonlyMap<string, unknown>> {
    const query = "select event_id, payload::text from ingest.readable_events where subject_key = $1";
    const rows = await work.rows(query, [subjectKey]);
    return new Map(rows.map((row) => [String(row["event_id"]), JSON.parse(String(row["payload"]))]));
  }

  const readings = Array.from({ length: 25 }, (_, at) => ({ at, load: at / 8 }));
  const input = readings.map((reading) => JSON.stringify(reading));
  const programs = [
    ["ioredis", process.execPath, "producer.ts"],
    ["python", "python3", "producer.py"],
  ] as const;

  it("come by ioredis and from Python: they are approved, given a token, and every event is there once", async () => {
    const runs = programs.map(([name, command, file]) => {
      work.keygen.makeKey(name);
      work.certify(name);
      return runProgram(command, [join(PRODUCERS, file), work.url, work.file(name), `hosts/${name}`, "load"], input);
    });
    await letIn(work, programs.length);
    const ended = await Promise.all(runs);

    for (const [index, [name]] of programs.entries()) {
      const { code, lines, errors } = ended[index] ?? assert.fail("one run each");
      assert.equal(code, 0, errors);
      await eventually(10_000, "all are there", async () => (await storedIn(`hosts/${name}`)).size === input.length);
      const stored = await storedIn(`hosts/${name}`);
      assert.deepEqual(
        lines.map((id) => stored.get(id)),
        readings,
      );
    }
  });

  it("come again without being approved again, and go on where they were, past a line that is no object", async () => {
    const runs = programs.map(([name, command, file]) => {
      const args = [join(PRODUCERS, file), work.url, work.file(name), `hosts/${name}`, "load"];
      return runProgram(command, args, ["up 3 days", '{"at":"last"}']);
    });

    for (const [index, { code, lines, errors }] of (await Promise.all(runs)).entries()) {
      const subjectKey = `hosts/${programs[index]?.[0]}`;
      assert.deepEqual([code, lines.length], [1, 1], errors);
      assert.match(errors, /^line 1 is no JSON object, and is left out$/m);
      await eventually(10_000, "it is there", async () => (await storedIn(subjectKey)).has(lines[0] ?? ""));
      assert.equal((await storedIn(subjectKey)).size, input.length + 1);
    }
  });

  it("go on when Redis and the cell are killed under them, and lose nothing", async () => {
    const lines = Array.from({ length: 60 }, (_, at) => `{"after":${at}}`);
    async function* slowly(): AsyncGenerator<string> {
      for (const line of lines) {
        yield line;
        await sleep(40);
      }
    }
    const sizesNow = (): Promise<readonly number[]> =>
      Promise.all(programs.map(async ([name]) => (await storedIn(`hosts/${name}`)).size));
    const before = await sizesNow();
    const runs = programs.map(([name, command, file]) =>
      runProgram(command, [join(PRODUCERS, file), work.url, work.file(name), `hosts/${name}`, "load"], slowly()),
    );

    await eventually(15_000, "all of them publish", async () => {
      const sizes = await sizesNow();
      return sizes.every((size, at) => size > (before[at] ?? 0));
    });
    await Promise.all([work.kill("server", "redis"), work.kill("cell", "work")]);
    const ended = await Promise.all(runs);

    for (const [index, [name]] of programs.entries()) {
      const { code, lines: ids, errors } = ended[index] ?? assert.fail("one run each");
      assert.deepEqual([code, ids.length], [0, lines.length], errors);
      await eventually(10_000, "all are there", async () => {
        const stored = await storedIn(`hosts/${name}`);
        return ids.every((id) => stored.has(id));
      });
    }
  });

  it("come by redis-cli and openssl, speak both protocols, and what is no event is a dead letter with its reason", async () => {
    const { token, subjectId } = await comeByShell(work, "shell");
    const now = new Date();
    const lean = { ts: now.toISOString(), subject_id: subjectId, payload: { load: 0.5 }, tags: [] };
    const ulid = parseUlid("01J9Z0MZ3D0J3C3N8C4E9W6Z7Q");
    assert(ulid !== undefined);
    const [ts, price] = [now.getTime() * 1000, "0.100000000000000000001"];
    const envelope = `{"version":"0.1.0","type":"data","id":"${ulid}","ts":${ts},"data":{"kind":"trade","source":"binance","symbol":"BTCUSDT","seq":1,"ts_event":${ts},"ts_collector":${ts},"payload":{"price":${price}},"meta":{}}}`;
    const good = { event_id: randomUUID(), ...lean };
    const events = [
      JSON.stringify(good),
      envelope,
      JSON.stringify(good), // Again: the same event.
      '{"no": json}',
      JSON.stringify({ ...good, payload: { load: 0.75 } }), // Its id has another content.
      JSON.stringify({ ...lean, event_id: randomUUID(), subject_id: randomUUID() }),
      JSON.stringify({ ...lean, event_id: randomUUID(), ts: "2001-01-01T00:00:00Z" }),
    ];

    const sent = await shell(["publish", work.url, token], events);
    const forged = await shell(["publish", work.url, `${token.slice(0, -8)}AAAAAAAA`], [JSON.stringify(good)]);

    assert.deepEqual([sent.lines.length, sent.code, forged.code], [events.length, 0, 0], sent.errors);
    await eventually(10_000, "each is judged", async () => (await work.deadLetters()).length === 5);
    const letters = await work.deadLetters();
    assert.deepEqual(
      letters.map((letter) => [letter.get("id"), letter.get("reason")]).sort(),
      [
        [sent.lines[3], "bad_event_json"],
        [sent.lines[4], "duplicate_event"],
        [sent.lines[5], "producer_subject_forbidden"],
        [sent.lines[6], "ts_out_of_range"],
        [forged.lines[0], "unauthenticated"],
      ].sort(),
    );
    assert.deepEqual(await storedIn("hosts/shell"), new Map([[good.event_id, { load: 0.5 }]]));
    const [legacy] = await work.rows(
      "select event_id, schema_name, payload->'payload'->>'price' as price from ingest.readable_events where subject_key = $1",
      ["binance/BTCUSDT"],
    );
    assert.deepEqual({ ...legacy }, { event_id: uuidOfUlid(ulid), schema_name: "fdc-0.1.0/trade", price });
  });

  it("leave as many rows as they published, but for what is a dead letter, and nothing unacknowledged", async () => {
    const [counted] = await work.rows("select count(*) as rows, count(distinct event_id) as ids from ingest.events");
    const [groups] = [await work.look("XINFO", "GROUPS", "events")];

    // 25, 60 and one by each of the programs; by redis-cli an event and an envelope, the rest being letters or the same.
    assert.deepEqual({ ...counted }, { rows: "174", ids: "174" });
    assert.equal(Array.isArray(groups) ? groups.length : 0, 1);
    await eventually(5000, "all are acknowledged", async () => {
      const [pendingCount] = (await work.look("XPENDING", "events", EVENTS_GROUP)) as readonly unknown[];
      return pendingCount === 0;
    });
  });

  it("write about somebody else's subject when the operator has let them, and no longer than that", async () => {
    const admin = ["--admin", work.directory, "--data", work.node.dataDirectory, "--json"];
    const { producerId, token } = await comeByShell(work, "guest");
    const wanted = ["subject", work.url, work.file("guest"), producerId, "hosts/shell", "load"];
    const publish = async (): Promise<string> => {
      const event = { event_id: randomUUID(), ts: new Date().toISOString(), subject_id, payload: {}, tags: [] };
      const sent = await shell(["publish", work.url, token], [JSON.stringify(event)]);
      let reason: string | undefined;
      await eventually(10_000, "it is judged", async () => {
        const dead = (await work.deadLetters()).find((letter) => letter.get("id") === sent.lines[0]);
        reason = dead?.get("reason") ?? ((await storedIn("hosts/shell")).has(event.event_id) ? "row" : undefined);
        return reason !== undefined;
      });
      return reason ?? "";
    };

    const refused = await shell(wanted);
    const listed = await cepa(["auth", "bindings", ...admin]);
    const { subject_id, ...request } = JSON.parse(listed.stdout);
    const before = await publish();
    const bound = await cepa(["auth", "bind", producerId, subject_id, ...admin]);
    const between = await publish();
    const taken = await shell(wanted);
    const unbound = await cepa(["auth", "unbind", producerId, subject_id, ...admin]);
    const after = await publish();

    assert.match(refused.errors, /needs_review/);
    assert.deepEqual([request.producer_id, request.subject_key], [producerId, "hosts/shell"]);
    assert.deepEqual([bound.code, JSON.parse(bound.stdout).told], [0, true], bound.stderr);
    assert.deepEqual(taken.lines, [subject_id], taken.errors);
    assert.equal(unbound.code, 0, unbound.stderr);
    const forbidden = "producer_subject_forbidden";
    assert.deepEqual([before, between, after], [forbidden, "row", forbidden]);
  });
});
