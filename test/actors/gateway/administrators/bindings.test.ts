/** What administrators decide about other people's subjects, through a gateway. Ingest is a fake behind the codec of links. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMIN_BINDINGS_LISTED_MAX } from "#actors/gateway/administrators/ingest.ts";
import { parseIngestRoute } from "#actors/gateway/administrators/ingest-routes.ts";
import { BINDINGS_LISTED_MAX, SUBJECT_KEY_LENGTH_MAX } from "#actors/ingest/rows/event-rows.ts";
import { TEXT_BYTES_MAX } from "#client/wire.ts";
import { openDoor } from "#test/actors/gateway/administrators/door.ts";
import { bindingRequest } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { json, send } from "#test/actors/gateway/kit.ts";

const BINDINGS = "/ingest/bindings";
const ID = "00000000-0000-4000-8000-00000000000a";
const shown = { producer_id: ID, subject_id: ID, asked_at: "2025-10-09T08:53:20.000Z" };
const order = { action: "approve", producer_id: ID, subject_id: ID };

describe("gateway: bindings, for administrators (GW-100)", () => {
  it("lists who waits, the oldest first, and says where the next are", async () => {
    const { ask, ingest } = await openDoor();
    ingest.bindings = Array.from({ length: ADMIN_BINDINGS_LISTED_MAX + 1 }, (_, at) => bindingRequest(at * 2 + 1));

    const first = json(await ask({ path: BINDINGS }));
    const last = json(await ask({ path: `${BINDINGS}/after/${first["next"]}` }));

    const listed = first["bindings"] as unknown[];
    assert.deepEqual([listed.length, listed[0], first["next"]], [100, { ...shown, subject_key: "hosts/1" }, 199]);
    assert.deepEqual(last, { bindings: [{ ...shown, subject_key: "hosts/201" }], next: null });
    assert.deepEqual(
      ingest.asked.map(({ request }) => request),
      [
        { after: undefined, limit: 100 },
        { after: 199, limit: 100 },
      ],
    );
  });

  it("asks for no longer a page than ingest gives, and the longest is an answer that a client takes", async () => {
    const { ask, ingest } = await openDoor();
    const longest = "\u0001".repeat(SUBJECT_KEY_LENGTH_MAX);
    ingest.bindings = Array.from({ length: ADMIN_BINDINGS_LISTED_MAX }, (_, at) => bindingRequest(at + 1, longest));

    const { status, body } = await ask({ path: BINDINGS });

    assert.equal(status, 200);
    assert(body.length < TEXT_BYTES_MAX && ADMIN_BINDINGS_LISTED_MAX <= BINDINGS_LISTED_MAX);
  });

  it("passes on what was decided, and by whom, and says whether the producer was told", async () => {
    const { ask, ingest } = await openDoor();
    const review = (action: string) =>
      ask({ method: "POST", path: `${BINDINGS}/review`, body: { ...order, action, notes: "passed over" } });

    const approved = await review("approve");
    ingest.reviewed = { subjectKey: "hosts/a", isTold: false };
    const denied = await review("deny");

    const pair = { producer_id: ID, subject_id: ID, subject_key: "hosts/a" };
    assert.deepEqual([approved.status, json(approved)], [200, { status: "approved", ...pair, told: true }]);
    assert.deepEqual([denied.status, json(denied)], [200, { status: "denied", ...pair, told: false }]);
    const asked = { producerId: ID, subjectId: ID, reviewer: "fdc-admin" };
    assert.deepEqual(
      ingest.asked.map(({ request }) => request),
      [
        { action: "approve", ...asked },
        { action: "deny", ...asked },
      ],
    );
  });

  for (const [what, body] of [
    ["no action", { producer_id: ID, subject_id: ID }],
    ["another action", { ...order, action: "revoke" }],
    ["no producer", { ...order, producer_id: undefined }],
    ["a producer that is no UUID", { ...order, producer_id: "binance" }],
    ["no subject", { ...order, subject_id: null }],
    ["a subject by its key", { ...order, subject_id: "hosts/a" }],
  ] as const) {
    it(`changes nothing with ${what} (GW-97)`, async () => {
      const { ask, ingest } = await openDoor();
      const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));

      const answer = await ask({ method: "POST", path: `${BINDINGS}/review`, body: given });

      assert.deepEqual([answer.status, json(answer)["code"], ingest.asked], [400, "gateway.bad-order", []]);
    });
  }

  it("knows no subject that nobody has registered, and tells what ingest cannot do", async () => {
    const { ask, ingest } = await openDoor();
    const review = { method: "POST", path: `${BINDINGS}/review`, body: order };
    ingest.reviewed = undefined;

    const unknown = await ask(review);
    ingest.failure = { code: "ingest.unavailable", cause: "postgres" } as never;
    const away = await ask(review);

    assert.deepEqual([unknown.status, json(unknown)["code"]], [404, "ingest.subject-unknown"]);
    assert.deepEqual([away.status, json(away)["code"]], [503, "ingest.unavailable"]);
  });

  it("is for nobody who is no administrator, signed for this and nothing else, and once (GW-94, GW-95)", async () => {
    const { ask, ingest, edge } = await openDoor();
    const path = `${BINDINGS}/review`;

    const unsigned = await ask({ path: BINDINGS, sent: { headers: { "x-admin-signature": undefined as never } } });
    const changed = await ask({
      method: "POST",
      path,
      body: order,
      sentBody: JSON.stringify({ ...order, action: "deny" }),
    });
    const elsewhere = await ask({ method: "POST", path: "/auth/review", body: order, sent: { target: path } });
    const nonce = "a nonce that was used".replaceAll(" ", "-");
    await ask({ path: "/auth", nonce });
    const again = await ask({ method: "POST", path, body: order, nonce });
    const everybody = await send(edge, { target: BINDINGS });

    const answers = [unsigned, changed, elsewhere, again, everybody];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 401, 401, 401, 404],
    );
    assert.deepEqual(ingest.asked, []);
  });

  it("takes orders by POST, and questions by GET", async () => {
    const { ask, ingest } = await openDoor();

    const answers = [
      await ask({ method: "POST", path: BINDINGS }),
      await ask({ path: `${BINDINGS}/review` }),
      await ask({ method: "POST", path: `${BINDINGS}/after/1` }),
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

  for (const path of [
    "/",
    "/review/",
    "/after",
    "/after/",
    "/after/0",
    "/after/01",
    "/after/1/",
    "/after/-1",
    `/${ID}`,
  ]) {
    it(`has no path ${path}`, () => {
      assert.equal(parseIngestRoute(`${BINDINGS}${path}`), undefined);
    });
  }
});
