/** What administrators ask of ingest through a gateway: dead letters, and events. Ingest is a fake behind the codec of links. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import { ADMIN_LETTERS_LISTED_MAX } from "#actors/gateway/administrators/ingest.ts";
import { parseIngestRoute } from "#actors/gateway/administrators/ingest-routes.ts";
import { DEAD_LETTERS_LISTED_MAX } from "#actors/ingest/dead-letters.ts";
import { TEXT_BYTES_MAX } from "#client/wire.ts";
import { MiB } from "#runtime/units.ts";
import { openDoor } from "#test/actors/gateway/administrators/door.ts";
import { letter, type StoredEvent } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { json, send } from "#test/actors/gateway/kit.ts";

const uuid = (number: number): Uuid => {
  const id = parseUuid(`00000000-0000-4000-8000-${String(number).padStart(12, "0")}`);
  assert(id !== undefined);
  return id;
};

const LETTERS = "/ingest/dead-letters";
const head = {
  letter_id: "1760000000000-1",
  id: "1759999999999-1",
  reason: "bad_event_json",
  error: "not-json",
  attempts: 1,
  first_at: "2025-10-09T08:53:20.000Z",
  last_at: "2025-10-09T08:53:20.500Z",
  producer_id: null,
  token_subject_id: null,
  payload_bytes: 1,
  payload_cut: false,
};

describe("gateway: dead letters, for administrators (GW-99)", () => {
  it("lists them without what came, the oldest first, and says where the next are", async () => {
    const { ask, ingest } = await openDoor();
    ingest.letters = Array.from({ length: ADMIN_LETTERS_LISTED_MAX + 1 }, (_, at) => letter(at + 1));

    const first = json(await ask({ path: LETTERS }));
    const last = json(await ask({ path: `${LETTERS}/after/${first["next"]}` }));

    const letters = first["letters"] as unknown[];
    assert.deepEqual([first["total"], letters.length, letters[0]], [17, 16, head]);
    assert.equal(first["next"], "1760000000000-16");
    assert.deepEqual(last, {
      total: 17,
      next: null,
      letters: [{ ...head, letter_id: "1760000000000-17", id: "1759999999999-17" }],
    });
    assert.deepEqual(
      ingest.asked.map(({ request }) => request),
      [
        { after: undefined, limit: 16 },
        { after: "1760000000000-16", limit: 16 },
      ],
    );
  });

  it("asks for no longer a page than ingest gives", () => {
    assert(ADMIN_LETTERS_LISTED_MAX <= DEAD_LETTERS_LISTED_MAX);
  });

  it("shows one with what came: as text, or in Base64 where that is none, or one of controls", async () => {
    const { ask, ingest } = await openDoor();
    const sender = { producerId: uuid(1), subjectId: uuid(2) };
    const payloads = ["ü\n", Buffer.from([0xff]), "\u0000"].map((text) => Buffer.from(text as string));
    ingest.letters = payloads.map((payload, at) => letter(at + 1, { payload, sender }));

    const shown = await Promise.all([1, 2, 3].map((at) => ask({ path: `${LETTERS}/1760000000000-${at}` })));

    const who = { producer_id: uuid(1), token_subject_id: uuid(2) };
    assert.deepEqual(json(shown[0] as never), { ...head, ...who, payload_bytes: 3, payload: "ü\n" });
    assert.deepEqual(
      shown.slice(1).map((answer) => json(answer)["payload_base64"]),
      ["/w==", "AA=="],
    );
  });

  for (const [what, byte] of [
    ["escapes", 1],
    ["quotes", 0x22],
    ["no text", 0xff],
  ] as const) {
    it(`shows the largest of ${what} in an answer that a client takes`, async () => {
      const { ask, ingest } = await openDoor();
      ingest.letters = [letter(1, { payload: new Uint8Array(MiB).fill(byte) })];

      const { status, body } = await ask({ path: `${LETTERS}/1760000000000-1` });

      assert.equal(status, 200);
      assert(body.length < TEXT_BYTES_MAX);
    });
  }

  it("redrives one, and says what came of it", async () => {
    const { ask, ingest } = await openDoor();
    ingest.letters = [letter(1)];
    const redrive = { method: "POST", path: `${LETTERS}/1760000000000-1/redrive` };

    const written = json(await ask(redrive));
    ingest.redriven = { kind: "still-dead", reason: "bad_event_json", error: "not-json" };
    const dead = json(await ask(redrive));
    ingest.redriven = { kind: "nothing-to-write" };
    const nothing = json(await ask(redrive));

    const letter_id = "1760000000000-1";
    assert.deepEqual(written, { letter_id, result: "written", outcome: "new" });
    assert.deepEqual(dead, { letter_id, result: "still-dead", reason: "bad_event_json", error: "not-json" });
    assert.deepEqual(nothing, { letter_id, result: "nothing-to-write" });
  });

  it("drops one, once", async () => {
    const { ask, ingest } = await openDoor();
    ingest.letters = [letter(1), letter(2)];
    const drop = { method: "POST", path: `${LETTERS}/1760000000000-1/drop` };

    const dropped = await ask(drop);
    const again = await ask(drop);

    assert.deepEqual([dropped.status, dropped.body.length], [204, 0]);
    assert.deepEqual([again.status, json(again)["code"]], [404, "ingest.dead-letter-unknown"]);
    assert.deepEqual(
      ingest.letters.map(({ letterId }) => letterId),
      ["1760000000000-2"],
    );
  });

  it("is for nobody who is no administrator, and not for orders that are not signed as such", async () => {
    const { ask, ingest, edge } = await openDoor();
    ingest.letters = [letter(1)];
    const path = `${LETTERS}/1760000000000-1`;

    const unsigned = await ask({ path, sent: { headers: { "x-admin-signature": undefined as never } } });
    const other = await ask({ method: "POST", path: `${path}/redrive`, sent: { target: `${path}/drop` } });
    const changed = await ask({ path, sent: { target: `${LETTERS}/1760000000000-2` } });
    const everybody = await send(edge, { target: path });

    assert.deepEqual([unsigned.status, other.status, changed.status, everybody.status], [401, 401, 401, 404]);
    assert.deepEqual(ingest.asked, []);
  });

  it("takes orders by POST, and questions by GET", async () => {
    const { ask, ingest } = await openDoor();
    const path = `${LETTERS}/1760000000000-1`;

    const answers = [
      await ask({ method: "POST", path }),
      await ask({ path: `${path}/drop` }),
      await ask({ method: "POST", path: LETTERS }),
    ];

    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers["allow"]]),
      [
        [405, "GET"],
        [405, "POST"],
        [405, "GET"],
      ],
    );
    assert.deepEqual(ingest.asked, []);
  });

  it("tells what ingest cannot do", async () => {
    const { ask, ingest } = await openDoor();
    ingest.failure = { code: "ingest.unavailable", cause: "redis" } as never;

    const answer = await ask({ path: LETTERS });

    assert.deepEqual([answer.status, json(answer)["code"]], [503, "ingest.unavailable"]);
    assert.match(String(json(answer)["message"]), /redis/);
  });
});

describe("gateway: paths of ingest (GW-99)", () => {
  for (const path of [
    `${LETTERS}/`,
    `${LETTERS}/1`,
    `${LETTERS}/01-1`,
    `${LETTERS}/1-*`,
    `${LETTERS}/1-18446744073709551616`,
    `${LETTERS}/1-1/`,
    `${LETTERS}/1-1/keep`,
    `${LETTERS}/after/1-1/drop`,
    `${LETTERS}/after/`,
    "/ingest/events/",
    "/ingest/events/00000000000040008000000000000001----",
    `/ingest/events/${uuid(1)}/`,
    "/ingest",
  ]) {
    it(`are not ${path}`, () => {
      assert.equal(parseIngestRoute(path), undefined);
    });
  }

  it("take every id that Redis writes, and a UUID in any case", () => {
    const last = "18446744073709551615-18446744073709551615";

    assert.deepEqual(parseIngestRoute(`${LETTERS}/${last}/drop`), {
      method: "POST",
      route: { name: "ingest-drop", letterId: last },
    });
    const eventId = "abcdefab-0000-4000-8000-000000000001";
    assert.deepEqual(parseIngestRoute(`/ingest/events/${eventId.toUpperCase()}`)?.route, {
      name: "ingest-event",
      eventId,
    });
  });
});

describe("gateway: events, for administrators (GW-99)", () => {
  const event: StoredEvent = {
    eventId: uuid(1),
    tsNs: 1_760_000_000_123_456_789n,
    subjectId: uuid(2),
    subjectKey: "binance/BTC",
    schemaId: uuid(3),
    schemaName: "trade",
    schemaVersion: 2,
    producerId: uuid(4),
    streamId: "1:1760000000000-0",
    payload: '{"price": 0.12345678901234567890, "__proto__": 12345678901234567890}',
    tags: [{ key: "a", value: "b" }],
    receivedMs: 1_760_000_000_000,
  };

  it("shows one with its time to the nanosecond and its payload with every digit", async () => {
    const { ask, ingest } = await openDoor();
    ingest.event = event;

    const answer = await ask({ path: `/ingest/events/${uuid(1)}` });

    const text = Buffer.from(answer.body).toString();
    const { payload: _, ...said } = json(answer);
    assert.equal(answer.status, 200);
    assert(text.endsWith(`,"payload":${event.payload}}\n`), text);
    assert.deepEqual(said, {
      event_id: uuid(1),
      ts: "2025-10-09T08:53:20.123456789Z",
      ts_ns: "1760000000123456789",
      subject_id: uuid(2),
      subject_key: "binance/BTC",
      schema_id: uuid(3),
      schema: "trade",
      schema_version: 2,
      producer_id: uuid(4),
      stream_id: "1:1760000000000-0",
      received_at: "2025-10-09T08:53:20.000Z",
      tags: [{ key: "a", value: "b" }],
    });
  });

  it("knows none that was not committed", async () => {
    const { ask } = await openDoor();

    const answer = await ask({ path: `/ingest/events/${uuid(1)}` });

    assert.deepEqual([answer.status, json(answer)["code"]], [404, "ingest.event-unknown"]);
  });
});
