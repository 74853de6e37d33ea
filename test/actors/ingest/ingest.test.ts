/** Ingest, through its streams and its protocol: what becomes of an entry, and when it is acknowledged. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Admission } from "#actors/auth/protocol.ts";
import { parseUlid, uuidOfUlid } from "#actors/domain/ulid.ts";
import { type Uuid, uuidOfHex } from "#actors/domain/uuid.ts";
import { BINDING_AWAY_MS } from "#actors/ingest/bindings.ts";
import { DEAD_LETTER_PAYLOAD_BYTES_MAX } from "#actors/ingest/dead-letters.ts";
import { must } from "#runtime/errors.ts";
import { KiB, MiB, second } from "#runtime/units.ts";
import { envelope, eventId, lean, producerId, token } from "#test/actors/ingest/events.ts";
import { asked, ingestWorld, type World, type WorldOptions } from "#test/actors/ingest/world.ts";

interface Scene {
  readonly world: World;
  readonly subjectId: Uuid;
}

/** The bits of its ULID. */
const ENVELOPE_ID = uuidOfUlid(parseUlid("01J9Z0MZ3D0J3C3N8C4E9W6Z7Q") ?? assert.fail("a ULID"));

async function scene(options: WorldOptions = {}): Promise<Scene> {
  const world = await ingestWorld(options);
  world.admissions.set(token, { kind: "admitted", producerId, subjectId: undefined });
  return { world, subjectId: await world.subject(producerId) };
}

/** Reason and error of every dead letter. */
async function dead(world: World): Promise<readonly string[]> {
  const letters = await world.entries("events:dlq");
  return letters.map(({ reason, error }) => `${reason}: ${error}`);
}

describe("ingest: an event", () => {
  it("is a row, once, before it is acknowledged (ING-20)", async () => {
    const { world, subjectId } = await scene();
    const id = await world.send("events", { payload: lean(1, subjectId), token });
    await world.settled();

    const stored = must(await world.until(world.ref.call("readEvent", { eventId: eventId(1) }, asked)), "the event");

    assert.equal(stored.subjectKey, "binance/BTCUSDT");
    assert.equal(stored.streamId, `0:${id}`);
    assert.equal(stored.tsNs, 1_767_225_600_123_456_789n);
    assert.equal(stored.producerId, producerId);
    assert.deepEqual(await dead(world), []);
  });

  it("leaves the stream when every group of it is done with it, and not before (ING-33)", async () => {
    const { world, subjectId } = await scene();
    await world.ask("XGROUP", "CREATE", "events", "other", "0", "MKSTREAM");
    // A block of the stream goes as a whole: there are two, and a little.
    for (let at = 0; at < 250; at += 1) await world.send("events", { payload: lean(at, subjectId), token });
    await world.settled();
    await world.pass(5000);
    const whileUnread = await world.ask("XLEN", "events");

    await world.ask("XGROUP", "SETID", "events", "other", "$");
    await world.pass(2000);

    assert.equal(whileUnread, 250);
    assert.equal(await world.ask("XLEN", "events"), 50);
    const last = must(await world.until(world.ref.call("readEvent", { eventId: eventId(249) }, asked)), "the event");
    assert.equal(last.eventId, eventId(249));
  });

  it("comes in again and is the same, also as another entry (ING-21)", async () => {
    const { world, subjectId } = await scene();
    for (let time = 0; time < 2; time += 1) await world.send("events", { payload: lean(1, subjectId), token });
    await world.settled();

    assert.deepEqual(await dead(world), []);
    const other = await world.send("events", { payload: lean(1, subjectId, { payload: { price: 2 } }), token });
    await world.settled();

    assert.deepEqual(await dead(world), ["duplicate_event: another event has this id"]);
    const [letter] = await world.entries("events:dlq");
    assert.equal(letter?.["id"], other);
    assert.equal(letter?.["attempts"], "1");
  });

  it("of protocol 0.1.0 is one of the subject of its source and symbol (ING-22)", async () => {
    const world = await ingestWorld();
    world.admissions.set(token, { kind: "admitted", producerId, subjectId: undefined });
    await world.send("events", { payload: envelope(), token });
    await world.send("events", { payload: envelope({ type: "heartbeat" }), token });
    await world.settled();

    assert.deepEqual(await dead(world), []);
    const stored = must(await world.until(world.ref.call("readEvent", { eventId: ENVELOPE_ID }, asked)), "the event");
    assert.deepEqual([stored.subjectKey, stored.schemaName], ["binance/BTCUSDT", "fdc-0.1.0/trade"]);
    assert.deepEqual(stored.tags, [
      { key: "core.source", value: "binance" },
      { key: "core.symbol", value: "BTCUSDT" },
    ]);
  });
});

describe("ingest: an entry that is no event", () => {
  const odd: readonly (readonly [
    what: string,
    fields: (subjectId: Uuid) => Readonly<Record<string, string | Uint8Array>>,
    said: string,
  ])[] = [
    ["has an empty payload", () => ({ payload: "", token }), "empty_payload: empty"],
    ["has no token", (subject) => ({ payload: lean(1, subject) }), "unauthenticated: auth_required"],
    [
      "has no good token",
      (subject) => ({ payload: lean(1, subject), token: "bad" }),
      "unauthenticated: bad_token_format",
    ],
    ["is too large", () => ({ payload: "x".repeat(2000), token }), "too_large: 2000 bytes, and at most 1024 are taken"],
    ["is no UTF-8", () => ({ payload: Uint8Array.of(0x7b, 0xff), token }), "bad_event_json: not-utf8"],
    ["is no JSON", () => ({ payload: "{", token }), "bad_event_json: not-json"],
    [
      "has no event_id",
      (subject) => ({ payload: lean(1, subject, { event_id: 1 }), token }),
      "bad_event_json: bad-event-id",
    ],
    [
      "is of long ago",
      (subject) => ({ payload: lean(1, subject, { ts: "2025-11-01T00:00:00Z" }), token }),
      "ts_out_of_range: too-old",
    ],
    [
      "is of a subject that there is not",
      () => ({ payload: lean(1, eventId(77)), token }),
      `producer_subject_forbidden: the producer may not write about the subject ${eventId(77)}: nobody has registered it`,
    ],
    ["has a broken envelope", () => ({ payload: envelope({ version: "9" }), token }), "bad_envelope: bad-version"],
  ];
  for (const [what, fields, said] of odd) {
    it(`is dead-lettered with its reason (${what}) (ING-23)`, async () => {
      const { world, subjectId } = await scene({ config: { eventBytesMax: 1024 } });
      const sent = fields(subjectId);
      const id = await world.send("events", sent);
      await world.send("events", { payload: lean(5, subjectId), token });
      await world.settled();

      assert.deepEqual(await dead(world), [said]);
      const [letter] = await world.entries("events:dlq");
      assert.equal(letter?.["id"], id);
      assert.deepEqual(Object.keys(letter ?? {}).slice(0, 7), [
        ...["id", "payload", "error", "reason", "attempts", "first_at", "last_at"],
      ]);
      must(await world.until(world.ref.call("readEvent", { eventId: eventId(5) }, asked)), "the one beside it");
    });
  }

  it("is whose its token says, also where there is nothing to read, and says what there was (ING-23)", async () => {
    const { world } = await scene({ config: { eventBytesMax: 1024 } });
    const was = { producerId, subjectId: undefined };
    world.admissions.set("over", { kind: "refused", reason: "unauthenticated", problem: "token_expired", was });
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`${at}`.repeat(40), "v"]));

    await world.send("events", { data: "{}", token });
    await world.send("events", { payload: "x".repeat(2000), token: "over" });
    await world.send("events", { payload: "", token: "bad" });
    await world.send("events", many);
    await world.settled();

    const letters = await world.entries("events:dlq");
    const names = Array.from({ length: 8 }, (_, at) => `${`${at}`.repeat(32)} (1 B)`).join(", ");
    assert.deepEqual(
      letters.map(({ reason, error, producer_id: whose }) => [reason, error, whose]),
      [
        ["empty_payload", `no payload, but data (2 B), token (${token.length} B)`, producerId],
        ["too_large", "2000 bytes, and at most 1024 are taken", producerId],
        ["empty_payload", "empty", undefined],
        ["empty_payload", `no payload, but ${names}, 1 more`, undefined],
      ],
    );
  });

  it("waits where nobody can say whose it is, also where there is nothing to read (ING-25)", async () => {
    const { world } = await scene();
    world.isAuthAway = true;
    await world.send("events", { data: "{}", token });
    await world.pass(5000);
    const meanwhile = await world.entries("events:dlq");
    world.isAuthAway = false;
    await world.settled();

    assert.deepEqual(meanwhile, []);
    assert.equal((await world.entries("events:dlq"))[0]?.["producer_id"], producerId);
  });

  for (const [name, said] of [
    ["payload", "empty_payload: repeated"],
    ["token", "unauthenticated: repeated"],
  ] as const) {
    it(`is dead-lettered where it has two fields ${name}, which says so (ING-23)`, async () => {
      const { world, subjectId } = await scene();
      const fields = { payload: lean(1, subjectId), token };

      await world.ask("XADD", "events", "*", ...Object.entries(fields).flat(), name, fields[name]);
      await world.settled();

      assert.deepEqual(await dead(world), [said]);
    });
  }

  it("is dead-lettered where its token is for another subject, in either protocol (ING-23)", async () => {
    const { world, subjectId } = await scene();
    const other = await world.subject(producerId, "other");
    world.admissions.set("one", { kind: "admitted", producerId, subjectId: other });
    await world.send("events", { payload: lean(1, subjectId), token: "one" });
    await world.send("events", { payload: envelope(), token: "one" });
    await world.send("events", { payload: lean(2, other), token: "one" });
    await world.settled();

    const said = `subject_mismatch_token: the token is for ${other}`;
    assert.deepEqual(await dead(world), [said, said]);
  });

  it("is let in without a token only where it is an older producer's and the node says whose (ING-24)", async () => {
    const { world, subjectId } = await scene({ config: { legacyProducer: producerId } });
    await world.send("events", { payload: envelope() });
    await world.send("events", { payload: lean(1, subjectId) });
    await world.settled();

    assert.deepEqual(await dead(world), ["unauthenticated: auth_required"]);
  });
});

describe("ingest: what it works with is away", () => {
  it("acknowledges nothing while auth cannot be asked (ING-25)", async () => {
    const { world, subjectId } = await scene();
    world.isAuthAway = true;
    await world.send("events", { payload: lean(1, subjectId), token });
    await world.pass(3000);

    const { trouble } = must(await world.until(world.ref.call("describe", {}, asked)), "describe");
    assert.equal(trouble, "reader 0: it is away");
    assert.deepEqual(await dead(world), []);
    world.isAuthAway = false;
    await world.settled();
    must(await world.until(world.ref.call("readEvent", { eventId: eventId(1) }, asked)), "the event");
  });

  it("keeps on disk what Postgres does not take, acknowledges it, and moves it later (ING-26)", async () => {
    const { world, subjectId } = await scene();
    await world.send("events", { payload: lean(1, subjectId), token });
    await world.settled();
    world.fateOfRows = () => "lost";
    await world.send("events", { payload: lean(2, subjectId), token });
    await world.pass(1000);

    const facts = must(await world.until(world.ref.call("describe", {}, asked)), "describe");
    assert.equal(facts.spill.rowCount, 1);
    assert.equal(facts.trouble, "postgres: it is away");
    await world.started.crash();
    world.fateOfRows = () => "answered";
    await world.settled();
    must(await world.until(world.ref.call("readEvent", { eventId: eventId(2) }, asked)), "the event");
  });

  for (const [what, cutTo, leftCount] of [
    ["cut", 0.6, 1],
    ["removed", 0, 0],
  ] as const) {
    it(`tells of what was acknowledged into files that were ${what}, and goes on (ING-41)`, async () => {
      const { world, subjectId } = await scene();
      await world.send("events", { payload: lean(0, subjectId), token });
      await world.settled();
      world.fateOfRows = () => "lost";
      for (const number of [1, 2]) {
        await world.send("events", { payload: lean(number, subjectId), token });
        await world.pass(1000);
      }
      world.machine.metrics.takeDeltas();
      await world.dieWhile(async () => {
        for (const { path, contents } of await world.spillFiles()) {
          if (cutTo === 0) must(await world.disk.remove(path), path);
          else await world.disk.replaceFile(path, contents.subarray(0, cutTo * contents.length));
        }
      });
      world.fateOfRows = () => "answered";
      await world.send("events", { payload: lean(3, subjectId), token });
      await world.settled();
      await world.pass(3000);

      const lost = world.machine.metrics.takeDeltas().filter(({ name }) => name === "ingest_lost_total");
      assert.deepEqual(
        lost.map(({ value }) => value),
        [2 - leftCount],
      );
      const { trouble } = must(await world.until(world.ref.call("describe", {}, asked)), "describe");
      const aside = leftCount === 0 ? "" : "; damaged files are set aside: 1";
      assert.equal(trouble, `spill: ${2 - leftCount} or more acknowledged events are lost${aside}`);
      for (const number of [1, 2, 3].filter((each) => each <= leftCount || each === 3)) {
        must(await world.until(world.ref.call("readEvent", { eventId: eventId(number) }, asked)), `event ${number}`);
      }
    });
  }

  it("remembers where a producer may write for ten minutes of that, and no longer (ING-35)", async () => {
    const { world, subjectId } = await scene();
    const send = (number: number): Promise<string> => world.send("events", { payload: lean(number, subjectId), token });
    const spilled = async (): Promise<number> =>
      must(await world.until(world.ref.call("describe", {}, asked)), "describe").spill.rowCount;
    await send(1);
    await world.settled();
    world.fateOfRows = () => "lost";
    await world.machine.clock.advance(BINDING_AWAY_MS - 20 * second);
    await send(2);
    await world.pass(5 * second);
    const remembered = await spilled();
    await world.pass(20 * second);
    await send(3);
    await world.pass(10 * second);
    const forgotten = await spilled();
    world.fateOfRows = () => "answered";
    await world.settled();

    assert.deepEqual([remembered, forgotten], [1, 1], "rows on disk");
    for (const number of [1, 2, 3]) {
      must(await world.until(world.ref.call("readEvent", { eventId: eventId(number) }, asked)), `event ${number}`);
    }
  });

  it("judges nothing anew that is a row already, whatever has become of its token (ING-20)", async () => {
    const { world, subjectId } = await scene();
    world.isAuthAway = true;
    await world.send("events", { payload: lean(1, subjectId), token });
    let refusedCount = 0;
    world.server.fateOf = (names) => {
      if (!names.includes("XACK") || refusedCount > 0) return "answered";
      refusedCount += 1;
      world.admissions.delete(token);
      return "lost";
    };
    world.isAuthAway = false;
    await world.settled();

    assert.deepEqual([refusedCount, await dead(world)], [1, []]);
    must(await world.until(world.ref.call("readEvent", { eventId: eventId(1) }, asked)), "the event");
  });

  it("puts aside what nobody can decide then, and what is behind it goes to the disk (ING-26)", async () => {
    const { world, subjectId } = await scene({ config: { pageCountMax: 20, readersMax: 1 } });
    const foreign = await world.subject(uuidOfHex("b".padStart(32, "0")), "binance/ETHUSDT");
    const send = (number: number, of: Uuid): Promise<string> =>
      world.send("events", { payload: lean(number, of), token });
    await send(0, subjectId);
    await world.settled();
    world.fateOfRows = () => "lost";
    for (let number = 1; number <= 5; number += 1) await send(number, foreign);
    for (let number = 6; number <= 60; number += 1) await send(number, subjectId);
    await world.pass(10 * second);
    const facts = must(await world.until(world.ref.call("describe", {}, asked)), "describe");
    for (let number = 61; number <= 80; number += 1) await send(number, foreign);
    await send(81, subjectId);
    await world.pass(10 * second);
    const full = must(await world.until(world.ref.call("describe", {}, asked)), "describe");
    world.fateOfRows = () => "answered";
    await world.settled();

    assert.equal(facts.spill.rowCount, 55);
    assert.match(facts.trouble ?? "", /it is away/);
    assert.equal(full.spill.rowCount, 55, "no more is put aside than may be in hand");
    assert.equal((await dead(world)).filter((said) => said.startsWith("producer_subject_forbidden")).length, 25);
    for (const number of [6, 60, 81]) {
      must(await world.until(world.ref.call("readEvent", { eventId: eventId(number) }, asked)), `event ${number}`);
    }
    const { trouble } = must(await world.until(world.ref.call("describe", {}, asked)), "describe");
    assert.equal(trouble, undefined);
  });

  it("gives up what is no event also where Redis has no memory for more (ING-36)", async () => {
    const { world, subjectId } = await scene();
    world.isAuthAway = true;
    await world.send("events", { payload: "{", token });
    await world.send("events", { payload: lean(1, subjectId), token });
    world.server.refuseGrowth(true);
    world.isAuthAway = false;
    await world.settled();
    world.server.refuseGrowth(false);

    assert.deepEqual(await dead(world), ["bad_event_json: not-json"]);
    must(await world.until(world.ref.call("readEvent", { eventId: eventId(1) }, asked)), "the event");
  });

  it("reads nothing more when the disk has no room for more of that, and says so until it has (ING-27)", async () => {
    const { world, subjectId } = await scene({ config: { spillBytesMax: 1000 } });
    await world.send("events", { payload: lean(0, subjectId), token });
    await world.settled();
    world.fateOfRows = () => "lost";
    for (let number = 1; number <= 20; number += 1) {
      await world.send("events", { payload: lean(number, subjectId), token });
      await world.pass(50);
    }

    const facts = must(await world.until(world.ref.call("describe", {}, asked)), "describe");
    assert(facts.spill.sizeBytes <= 1000 && facts.spill.rowCount > 0, JSON.stringify(facts));
    assert.equal(facts.trouble, "postgres: it is away; nothing more comes in: ingest.spill-full: budget");
    world.fateOfRows = () => "answered";
    await world.settled();
    assert.equal(must(await world.until(world.ref.call("describe", {}, asked)), "describe").trouble, undefined);
    for (let number = 1; number <= 20; number += 1) {
      must(await world.until(world.ref.call("readEvent", { eventId: eventId(number) }, asked)), `event ${number}`);
    }
  });
});

describe("ingest: dead letters", () => {
  it("are added in parts, and each that is there is not added again (ING-36)", async () => {
    const { world } = await scene();
    const payload = `{${"x".repeat(900 * KiB)}`;
    world.isAuthAway = true;
    for (let number = 0; number < 12; number += 1) await world.send("events", { payload, token });
    let appends = 0;
    world.server.fateOf = (names) => {
      if (!names.includes("APPEND")) return "answered";
      appends += 1;
      return appends === 2 ? "lost" : "answered";
    };
    world.isAuthAway = false;
    await world.settled();

    assert.equal((await dead(world)).length, 12);
    assert(appends >= 4, `${appends} parts, with the one that was lost`);
  });

  it("are of entries under any id, as if they had come when they were read (ING-39)", async () => {
    const { world, subjectId } = await scene();
    const ids = ["253402300800000-0", "9007199254740993-1", "18446744073709551615-18446744073709551615"];
    for (const id of ids) await world.ask("XADD", "events", id, "payload", "x", "token", token);
    await world.settled();
    await world.pass(5 * second);
    await world.send("events", { payload: lean(1, subjectId), token });
    await world.settled();

    const letters = await world.entries("events:dlq");
    assert.deepEqual(
      letters.map(({ id }) => id),
      ids,
    );
    assert(letters.every(({ first_at = "" }) => first_at.startsWith("2026-")));
    assert.deepEqual(world.started.exits, []);
    must(await world.until(world.ref.call("readEvent", { eventId: eventId(1) }, asked)), "the stream was set back");
  });

  it("are redriven when what was wrong is mended, with no token that is still good (ING-28)", async () => {
    const { world } = await scene();
    const subjectId = await world.subject(eventId(50), "later");
    await world.send("events", { payload: lean(1, subjectId), token });
    await world.settled();
    const page = must(await world.until(world.ref.call("listDeadLetters", { limit: 5 }, asked)), "the list");
    const [letter] = page.letters;
    assert(letter !== undefined && page.totalCount === 1);
    const { letterId } = letter;
    world.admissions.clear();

    const before = await world.until(world.ref.call("redriveDeadLetter", { letterId }, asked));
    await world.table.reviewBinding({ producerId, subjectId, isApproved: true, reviewer: "me", atMs: 1 });
    // What was found not to be bound is not remembered.
    const after = await world.until(world.ref.call("redriveDeadLetter", { letterId }, asked));
    const gone = await world.until(world.ref.call("redriveDeadLetter", { letterId }, asked));

    assert(before.ok && before.value.kind === "still-dead" && before.value.reason === "producer_subject_forbidden");
    assert.deepEqual(must(after, "the redrive"), { kind: "written", outcome: "new" });
    assert(!gone.ok && gone.failure.code === "ingest.dead-letter-unknown");
    must(await world.until(world.ref.call("readEvent", { eventId: eventId(1) }, asked)), "the event");
  });

  it("make room for newer ones also where they take too much (ING-29)", async () => {
    const { world } = await scene({ config: { deadLetterBytesMax: 1 * MiB, eventBytesMax: 1 * MiB } });
    const large = `{${"x".repeat(400 * KiB)}`;
    for (let number = 0; number < 8; number += 1) {
      await world.send("events", { payload: large, token: "y".repeat(10_000) });
      await world.settled();
    }
    const kept = await world.entries("events:dlq");

    assert.equal(kept.length, 2);
    assert.equal(kept[1]?.["payload"], large, "all of it");
    assert.equal(kept[1]?.["token"]?.length, 4097, "and of a token what one may have, and a character");
  });

  it("whose token was over when they were read are redriven as what they were (ING-28)", async () => {
    const { world, subjectId } = await scene();
    const was = { producerId, subjectId: undefined };
    const over: Admission = { kind: "refused", reason: "unauthenticated", problem: "token_expired", was };
    world.admissions.set("over", over);
    await world.send("events", { payload: lean(1, subjectId), token: "over" });
    await world.settled();
    const page = must(await world.until(world.ref.call("listDeadLetters", { limit: 10 }, asked)), "the list");
    const { letterId } = page.letters[0] ?? assert.fail("a letter");

    const redriven = await world.until(world.ref.call("redriveDeadLetter", { letterId }, asked));

    assert.deepEqual(await dead(world), []);
    assert.deepEqual(must(redriven, "the redrive"), { kind: "written", outcome: "new" });
  });

  it("say how much came where only the beginning is kept, and are not redriven (ING-29)", async () => {
    const { world } = await scene();
    const payload = `{}${" ".repeat(DEAD_LETTER_PAYLOAD_BYTES_MAX)}`;
    await world.send("events", { payload, token });
    await world.settled();

    const page = must(await world.until(world.ref.call("listDeadLetters", { limit: 16 }, asked)), "letters");
    const [head] = page.letters;
    const letterId = head?.letterId ?? "";
    const shown = must(await world.until(world.ref.call("readDeadLetter", { letterId }, asked)), "a letter");
    const redriven = must(await world.until(world.ref.call("redriveDeadLetter", { letterId }, asked)), "redriven");

    assert.deepEqual([head?.payloadBytes, head?.isCut], [payload.length, true]);
    assert.deepEqual([shown.payload.length, shown.isCut], [DEAD_LETTER_PAYLOAD_BYTES_MAX, true]);
    const error = "only the beginning of it is kept";
    assert.deepEqual(redriven, { kind: "still-dead", reason: "too_large", error });
  });

  it("are dropped, and make room for newer ones, which is counted (ING-29)", async () => {
    const { world } = await scene({ config: { deadLettersMax: 3 } });
    for (let number = 0; number < 5; number += 1) await world.send("events", { payload: `{${number}`, token });
    await world.settled();
    const page = must(await world.until(world.ref.call("listDeadLetters", { limit: 10 }, asked)), "the list");
    const shown: string[] = [];
    for (const { letterId } of page.letters) {
      const letter = must(await world.until(world.ref.call("readDeadLetter", { letterId }, asked)), "a letter");
      shown.push(Buffer.from(letter.payload).toString());
      assert(!Object.keys(letter).includes("token"), "nobody gets to see a token");
    }
    assert.deepEqual(shown, ["{2", "{3", "{4"]);
    const [first] = page.letters;
    assert(first !== undefined && !Object.keys(first).some((name) => name === "token" || name === "payload"));

    const { letterId } = first;
    must(await world.until(world.ref.call("dropDeadLetter", { letterId }, asked)), "the drop");

    const again = await world.until(world.ref.call("readDeadLetter", { letterId }, asked));
    assert(!again.ok && again.failure.code === "ingest.dead-letter-unknown");
    const trimmed = world.machine.metrics
      .takeDeltas()
      .filter(({ name }) => name === "ingest_dead_letters_trimmed_total");
    assert.deepEqual(
      trimmed.map(({ value }) => value),
      [2],
    );
  });
});
