/** Whatever somebody adds to a stream of ingest: nothing breaks, and every entry comes to something that is counted. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { SubjectVerdict } from "#actors/auth/protocol.ts";
import { canonicalText, readCanonical } from "#actors/domain/canonical-json.ts";
import type { JsonValue } from "#actors/domain/json-value.ts";
import { SUBJECT_STREAM } from "#actors/ingest/subjects.ts";
import { must } from "#runtime/errors.ts";
import type { RedisCommand } from "#runtime/redis/redis.ts";
import { envelope, eventId, lean, producerId, token } from "#test/actors/ingest/events.ts";
import { asked, ingestWorld, type World } from "#test/actors/ingest/world.ts";
import { patient } from "#test/kit/patient.ts";
import { runsOf } from "#test/kit/runs.ts";
import { noise, spoilt, type Words } from "#test/kit/spoilt-entries.ts";

const COUNT = runsOf({ usual: 300, slowness: 0.3 });
const BATCH = 200;
const SEED = Math.floor(fc.sample(fc.nat(), 1)[0] ?? 0);

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
const members = fc.constantFrom(
  "event_id",
  "ts",
  "subject_id",
  "payload",
  "tags",
  "version",
  "type",
  "id",
  "data",
  "x",
);

async function addAll(world: World, stream: string, all: readonly Words[]): Promise<void> {
  must(await world.until(world.redis.ready(patient)), "a connection");
  for (let at = 0; at < all.length; at += BATCH) {
    const commands = all
      .slice(at, at + BATCH)
      .map((words): RedisCommand => ["XADD", stream, "*", ...(words.length === 0 ? ["a", "b"] : words)]);
    for (const added of await world.until(world.redis.batch(commands, patient))) must(added, "added");
    await world.settled(stream);
  }
}

/** How many of each, by the names of counters. */
function countsOf(world: World): (name: string) => number {
  const deltas = world.machine.metrics.takeDeltas();
  return (name) => deltas.reduce((sum, delta) => sum + (delta.name === name ? delta.value : 0), 0);
}

describe("ingest: malformed entries (ING-39)", () => {
  it("are each a row, a dead letter or a notice, on events, and acknowledged", async () => {
    const world = await ingestWorld();
    world.admissions.set(token, { kind: "admitted", producerId, subjectId: undefined });
    const subjectId = await world.subject(producerId);
    const good = [0, 1, 2, 3]
      .map((number) => ({ payload: lean(number, subjectId), token }))
      .concat([
        { payload: envelope(), token },
        { payload: envelope({ type: "heartbeat" }), token },
      ]);
    const odd = fc.tuple(members, json, fc.boolean()).map(([name, value, isLean]): Words => {
      const changed = { [name]: value };
      return ["payload", isLean ? lean(9, subjectId, changed) : envelope(changed), "token", token];
    });
    const entries = fc.sample(fc.oneof(noise, spoilt(good), odd), { numRuns: COUNT, seed: SEED });

    await addAll(world, "events", entries);
    const last = [...good, { payload: lean(99, subjectId), token }].map(
      (fields): Words => Object.entries(fields).flat(),
    );
    await addAll(world, "events", last);

    const addedCount = COUNT + last.length;
    const count = countsOf(world);
    const outcomes = ["ingest_written_total", "ingest_notices_total", "ingest_dead_lettered_total"].map(count);
    const total = outcomes.reduce((sum, one) => sum + one, 0);
    assert.deepEqual(
      [total, count("ingest_acknowledged_total")],
      [addedCount, addedCount],
      `${outcomes}, seed ${SEED}`,
    );
    assert(
      outcomes.every((one) => one > 0),
      `${outcomes}, seed ${SEED}`,
    );
    assert.deepEqual(world.started.exits, [], `seed ${SEED}`);
    assert.equal((await world.entries("events:dlq")).length, outcomes[2], `seed ${SEED}`);
    must(await world.until(world.ref.call("readEvent", { eventId: eventId(99) }, asked)), "what is good comes in");
  });

  it("are denied where the database does not take what they say, and hold nobody up", async () => {
    const world = await ingestWorld();
    const request = { op: "register", subject_key: "a/b", schema_name: "s", schema_body: {} };
    world.verdictOf = (): SubjectVerdict => {
      const payload = canonicalText(request);
      return { kind: "judged", producerId, fingerprint: "f", payload, isRedelivery: false };
    };
    world.fateOfRows = (question) => (question === "registerSubject" ? "refused" : "answered");
    const fields = { pubkey: "a", payload: "{}", nonce: "n", sig: "s" };
    await addAll(world, SUBJECT_STREAM, [Object.entries(fields).flat()]);

    const [answer] = await world.entries(`fdc:subject:resp:${producerId}`);
    assert.deepEqual([answer?.["status"], answer?.["error"]], ["denied", "not_storable"]);
  });

  it("are denied with the operation that nobody knows, whatever it is", async () => {
    const world = await ingestWorld();
    const wanted: readonly (readonly [op: JsonValue | undefined, told: string | undefined])[] = [
      ["x".repeat(100), "x".repeat(64)],
      // What JavaScript cannot make a string of.
      [{ toString: 1 }, '{"toString":1}'],
      [[{ toString: null }], '[{"toString":null}]'],
      [5, "5"],
      [undefined, undefined],
    ];
    let nextAt = 0;
    world.verdictOf = (): SubjectVerdict => {
      const op = wanted[nextAt]?.[0];
      nextAt += 1;
      const payload = canonicalText(op === undefined ? {} : { op });
      return { kind: "judged", producerId, fingerprint: "f", payload, isRedelivery: false };
    };
    const fields = { pubkey: "a", payload: "{}", nonce: "n", sig: "s" };
    for (const _ of wanted) await addAll(world, SUBJECT_STREAM, [Object.entries(fields).flat()]);

    const answers = await world.entries(`fdc:subject:resp:${producerId}`);
    assert.deepEqual(
      answers.map(({ status, error, op }) => [status, error, op]),
      wanted.map(([, told]) => ["denied", "unknown_op", told]),
    );
    assert.deepEqual(world.started.exits, []);
  });

  it("are each judged and acknowledged, on the stream for subjects", async () => {
    const world = await ingestWorld();
    const request = { op: "register", subject_key: "a/b", schema_name: "s", schema_body: { a: "b" } };
    const names = fc.constantFrom("op", "subject_key", "schema_name", "schema_body", "attrs", "schema_delta", "x");
    const values: fc.Arbitrary<JsonValue> = fc.oneof(json, fc.constantFrom("register", "upgrade", "x".repeat(2000)));
    // Auth judges no other: what is no canonical JSON is refused there.
    const payloads = fc
      .tuple(names, values)
      .map(([name, value]) => canonicalText({ ...request, [name]: value }))
      .filter((text) => readCanonical(Buffer.from(text)).ok);
    const wanted = fc.sample(payloads, { numRuns: COUNT, seed: SEED });
    let nextAt = 0;
    world.verdictOf = (): SubjectVerdict => {
      const payload = wanted[nextAt % wanted.length] ?? "{}";
      nextAt += 1;
      return { kind: "judged", producerId, fingerprint: "f", payload, isRedelivery: false };
    };
    const good = { pubkey: "a", payload: "{}", nonce: "n", sig: "s" };
    const entries = fc.sample(fc.oneof(noise, spoilt([good]), fc.constant(Object.entries(good).flat())), {
      numRuns: COUNT,
      seed: SEED,
    });

    await addAll(world, SUBJECT_STREAM, entries);

    const judgedCount = countsOf(world)("ingest_subject_requests_total");
    assert.deepEqual([judgedCount, world.started.exits], [COUNT, []], `seed ${SEED}`);
    assert(nextAt > COUNT / 3, `${nextAt} were requests`);
  });
});
