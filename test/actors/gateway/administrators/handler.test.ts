/** What administrators ask of a gateway, and what becomes of what is not theirs. Auth is a fake. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMIN_BODY_BYTES_MAX, ADMIN_TEXT_LENGTH_MAX } from "#actors/gateway/administrators/orders.ts";
import { FOREVER } from "#client/ssh/certificate.ts";
import { formatKeyLine } from "#client/ssh/key-line.ts";
import { must } from "#runtime/errors.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import {
  type Asking,
  AUTHORITY_PATH,
  certify,
  type Door,
  newOwner,
  openDoor,
} from "#test/actors/gateway/administrators/door.ts";
import { type KeyRow, PRODUCER } from "#test/actors/gateway/administrators/fake-auth.ts";
import { json, send } from "#test/actors/gateway/kit.ts";
import { silentLog } from "#test/kit/actor.ts";

const FP = "62hEfMrcwrOI7KYh19a2ZWaHbFGH94G/JYfUGVxDGMAym0aiNIHxY41wRFMw28qBifWcBB5X805BmKKS7IMaTw==";
const approval = { action: "approve", fingerprint: FP, producer_id: PRODUCER };

const row = (number: number, changes: Partial<KeyRow> = {}): KeyRow => ({
  number,
  fingerprint: FP,
  producerId: PRODUCER,
  status: "pending",
  isDisabled: false,
  type: "new_producer",
  supersedes: undefined,
  certificate: undefined,
  hint: "binance",
  contact: undefined,
  createdMs: 1_760_000_000_000,
  token: undefined,
  ...changes,
});

/** All but what is another one in every answer. */
function told(answer: SimulatedAnswer): unknown {
  const { corr_id: _, ...said } = json(answer);
  return [answer.status, said];
}

const REFUSED = [
  401,
  { code: "gateway.not-admin", message: "This is no request of an administrator.", retryable: false },
];

describe("gateway: keys, for administrators (GW-93)", () => {
  it("lists those that wait, under both names", async () => {
    const { ask, auth } = await openDoor();
    const further = {
      type: "key_rotation",
      supersedes: "another",
      certificate: { keyId: "ops", principal: "p" },
    } as const;
    auth.rows = [row(2), row(1, { hint: undefined, ...further })];

    const answers = [await ask({ path: "/admin/pending" }), await ask({ path: "/auth/pending" })];

    const key = { fingerprint: FP, ts: "2025-10-09T08:53:20.000Z", producer_id: PRODUCER };
    const pending = { ...key, name: "binance", type: "new_producer", supersedes: null, certificate: null };
    const certificate = { key_id: "ops", principal: "p" };
    const other = { ...key, name: null, type: "key_rotation", supersedes: "another", certificate };
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.deepEqual(json(answer), [pending, other]);
    }
    const listed = { filter: "pending", limit: 100 };
    assert.deepEqual(
      auth.asked.map(({ request }) => request),
      [listed, { ...listed, before: undefined }],
    );
  });

  it("lists all, with the token that was given last", async () => {
    const { ask, auth, clock } = await openDoor();
    const seconds = Math.floor(clock.wallMs() / 1000);
    const token = { jti: "j", expiresAt: seconds + 60, isRevoked: false };
    const approved = { status: "approved", token } as const;
    auth.rows = [
      row(4, approved),
      row(3, { ...approved, token: { ...token, isRevoked: true }, isDisabled: true }),
      row(2, { ...approved, token: { ...token, expiresAt: seconds } }),
      row(1),
    ];

    const keys = json(await ask({ path: "/auth" })) as unknown as Record<string, unknown>[];

    assert.deepEqual(
      keys.map((key) => [key["status"], key["active_key"], key["token_status"], key["access_token_jti"]]),
      [
        ["approved", true, "active", "j"],
        ["approved", false, "revoked", "j"],
        ["approved", true, "expired", "j"],
        ["pending", false, "unknown", null],
      ],
    );
  });

  it("says where the next ones are, where there may be some", async () => {
    const { ask, auth } = await openDoor();
    auth.rows = Array.from({ length: 100 }, (_, index) => row(900 - index));

    const first = await ask({ path: "/auth/active" });
    auth.rows = auth.rows.slice(1);
    const last = await ask({ path: "/auth/active/before/801" });

    assert.equal(first.headers["link"], '</auth/active/before/801>; rel="next"');
    assert.equal(last.headers["link"], undefined);
    assert.deepEqual(auth.asked.at(-1)?.request, { filter: "active", limit: 100, before: 801 });
  });
});

describe("gateway: orders of administrators (GW-93)", () => {
  it("approves, and says what that was, for whom", async () => {
    const { ask, auth } = await openDoor();

    const answer = await ask({ method: "POST", path: "/auth/review", body: { ...approval, notes: "known" } });

    const said = {
      producer_id: PRODUCER,
      status: "approved",
      fingerprint: FP,
      type: "new_producer",
      already: false,
      told: true,
    };
    assert.deepEqual([answer.status, json(answer)], [200, said]);
    const review = { action: "approve", fingerprint: FP, producerId: PRODUCER, reviewer: "fdc-admin", notes: "known" };
    assert.deepEqual(auth.asked, [{ name: "reviewKey", request: review }]);
  });

  it("denies, with the reason that the producer is told", async () => {
    const { ask, auth } = await openDoor();
    auth.reviewed = { kind: "denied", isTold: false };

    const body = { ...approval, action: "deny", reason: "unknown", notes: "ours" };
    const answer = await ask({ method: "POST", path: "/auth/review", body });

    const said = { producer_id: PRODUCER, status: "denied", fingerprint: FP, reason: "unknown", told: false };
    assert.deepEqual([answer.status, json(answer)], [200, said]);
    const review = { action: "deny", fingerprint: FP, producerId: PRODUCER, reviewer: "fdc-admin", notes: "unknown" };
    assert.deepEqual(auth.asked, [{ name: "reviewKey", request: review }]);
  });

  it("revokes a token, or a key", async () => {
    const { ask, auth } = await openDoor();

    const token = await ask({ method: "POST", path: "/auth/revoke", body: { jti: "j", reason: "stolen" } });
    const key = await ask({ method: "POST", path: "/auth/revoke", body: { fingerprint: FP } });

    assert.deepEqual([token.status, token.body.length, key.status], [204, 0, 204]);
    assert.deepEqual(
      auth.asked.map(({ request }) => request),
      [
        { what: { kind: "token", jti: "j", text: undefined }, reason: "stolen", reviewer: "fdc-admin" },
        { what: { kind: "key", fingerprint: FP }, reason: "revoked", reviewer: "fdc-admin" },
      ],
    );
  });

  it("approves a key of protocol 0.1.0 with a token, for an hour at most", async () => {
    const { ask, auth } = await openDoor();
    const post = { method: "POST", path: "/admin/approve" };

    const answer = await ask({ ...post, body: { fingerprint: FP, name: "n", schema_id: "s", ttl_seconds: 60 } });
    await ask({ ...post, body: { fingerprint: FP, ttl_seconds: 86_400 } });

    const said = { producer_id: PRODUCER, token: "a.b.c", jti: "j", expires_at: "2026-01-01T00:00:00.000Z" };
    assert.deepEqual([answer.status, json(answer)], [200, said]);
    assert.deepEqual(
      auth.asked.map(({ request }) => (request as { lifeMs: number }).lifeMs),
      [60_000, 3_600_000],
    );
  });

  for (const [what, path, body] of [
    ["no action", "/auth/review", { ...approval, action: "Approve" }],
    ["no producer", "/auth/review", { ...approval, producer_id: "binance" }],
    ["no fingerprint", "/auth/review", { ...approval, fingerprint: undefined }],
    ["a fingerprint with a line break", "/auth/review", { ...approval, fingerprint: "a\nb" }],
    ["notes with an escape sequence", "/auth/review", { ...approval, notes: "\u001b[2J" }],
    ["notes that are too long", "/auth/review", { ...approval, notes: "a".repeat(ADMIN_TEXT_LENGTH_MAX + 1) }],
    ["neither a token nor a key", "/auth/revoke", { reason: "a" }],
    ["both", "/auth/revoke", { jti: "j", fingerprint: FP }],
    ["a token that is no text", "/auth/revoke", { jti: "j", token: 1 }],
    ["no time", "/admin/approve", { fingerprint: FP, ttl_seconds: 0 }],
    ["half a second", "/admin/approve", { fingerprint: FP, ttl_seconds: 0.5 }],
    ["nothing", "/admin/approve", {}],
    ["no producer", "/admin/approve", { fingerprint: FP, producer_id: "binance" }],
  ] as const) {
    it(`refuses an order with ${what}, and nobody hears of it (GW-97)`, async () => {
      const { ask, auth } = await openDoor();
      const said = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));

      const answer = await ask({ method: "POST", path, body: said });

      assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.bad-order"]);
      assert.deepEqual(auth.asked, []);
    });
  }

  it("are in the log before they are done, with who wanted what, and nothing else that was sent (GW-93)", async (test) => {
    const logged = test.mock.method(silentLog, "info");
    const { ask } = await openDoor();
    const token = ["eyJhbGciOiJFZERTQSJ9", "e30".repeat(100), "c2ln".repeat(20)].join(".");

    const wrong = await ask({ method: "POST", path: "/auth/revoke", body: { jti: token } });
    const right = await ask({ method: "POST", path: "/auth/revoke", body: { jti: "j", reason: "lost", token } });
    const listed = await ask({ method: "GET", path: "/auth/all", body: {} });

    assert.deepEqual([wrong.status, right.status, listed.status], [400, 204, 200]);
    const lines = logged.mock.calls.flatMap(({ arguments: [event, fields] }) =>
      event === "gateway.admin-asked" ? [fields] : [],
    );
    assert.deepEqual(
      lines.map((fields) => [fields?.["principal"], fields?.["path"], fields?.["asked"]]),
      [
        ["fdc-admin", "/auth/revoke", '{"jti":"j","reason":"lost"}'],
        ["fdc-admin", "/auth/all", "{}"],
      ],
    );
    assert(!JSON.stringify(logged.mock.calls.map((call) => call.arguments)).includes("eyJ"));
  });

  it("takes notes of just that length, and a body in any form of JSON", async () => {
    const { ask, auth } = await openDoor();
    const body = { ...approval, notes: "a".repeat(ADMIN_TEXT_LENGTH_MAX) };
    const reversed = Object.fromEntries(Object.entries(body).reverse());

    const answer = await ask({
      method: "POST",
      path: "/auth/review",
      body,
      sentBody: JSON.stringify(reversed, undefined, 2),
    });

    assert.equal(answer.status, 200);
    assert.equal(auth.asked.length, 1);
  });

  for (const [what, sentBody, status] of [
    ["what is no JSON", "{", 400],
    ["a list", "[]", 400],
    ["a member that is there twice", '{"jti":"a","jti":"b"}', 400],
    ["one byte too many", `{"a":"${"a".repeat(ADMIN_BODY_BYTES_MAX)}"}`, 413],
  ] as const) {
    it(`refuses a body that is ${what} (GW-97)`, async () => {
      const { ask, auth } = await openDoor();
      const post = { method: "POST", path: "/auth/revoke", body: { jti: "b" }, sentBody };

      const answer = await ask(post);
      const chunked = await ask({ ...post, sent: { contentLength: undefined as never } });

      assert.deepEqual([answer.status, chunked.status], [status, status]);
      assert.deepEqual(auth.asked, []);
    });
  }

  it("does not read a body that says to be too long", async () => {
    const { ask } = await openDoor();
    const body = { failure: undefined, read: () => assert.fail("it is not read"), cancel: () => undefined };
    const sent = { body, contentLength: ADMIN_BODY_BYTES_MAX + 1 };

    const answer = await ask({ method: "POST", path: "/auth/revoke", body: { jti: "j" }, sent });

    assert.equal(answer.status, 413);
  });

  it("tells what auth cannot do as it is (GW-97)", async () => {
    const { ask, auth } = await openDoor();
    const statuses: unknown[] = [];
    for (const failure of [
      { code: "auth.key-unknown", fingerprint: FP },
      { code: "auth.key-decided", fingerprint: FP },
      { code: "auth.key-rotates", fingerprint: FP },
      { code: "auth.unavailable", server: "postgres", cause: "ECONNREFUSED at a secret place" },
      { code: "runtime.actor-stopped", actor: "auth" },
    ]) {
      auth.failures.reviewKey = failure;
      const answer = await ask({ method: "POST", path: "/auth/review", body: approval });
      assert.doesNotMatch(Buffer.from(answer.body).toString(), /secret|Nothing was decided/);
      statuses.push([answer.status, json(answer)["code"]]);
    }

    assert.deepEqual(statuses, [
      [404, "auth.key-unknown"],
      [409, "auth.key-decided"],
      [409, "auth.key-rotates"],
      [503, "auth.unavailable"],
      [503, "runtime.actor-stopped"],
    ]);
  });
});

describe("gateway: an auth that cannot be asked", () => {
  const away = { code: "auth.unavailable", server: "redis", cause: "it hangs" } as const;
  const messageOf = (answer: Parameters<typeof json>[0]): unknown => json(answer)["message"];

  it("has decided nothing where it was only asked, and says so, and may have where it was told to", async () => {
    const { ask, auth } = await openDoor();
    auth.failures.listKeys = { ...away, executed: "no" } as never;
    auth.failures.reviewKey = away as never;

    const listed = await ask({ method: "GET", path: "/auth/all" });
    const reviewed = await ask({ method: "POST", path: "/auth/review", body: approval });
    auth.failures.takeAdminNonce = { ...away, executed: "no" } as never;
    const unheard = await ask({ method: "POST", path: "/auth/review", body: approval });

    const begins = "What auth works with cannot be asked now: redis.";
    assert.deepEqual([listed, reviewed, unheard].map(messageOf), [
      `${begins} Nothing was changed: ask again.`,
      `${begins} It may have been decided: look, then ask again.`,
      `${begins} Nothing was changed: ask again.`,
    ]);
  });
});

describe("gateway: who is no administrator (GW-94)", () => {
  const post = { method: "POST", path: "/auth/revoke", body: { jti: "j" } };

  /** Each is asked anew of a gateway that would take it without the change. */
  const changes: readonly (readonly [what: string, change: (door: Door) => Promise<Asking> | Asking])[] = [
    ["a client of another name", () => ({ sent: { client: { names: ["other.example"] } } })],
    ["a client without a name", () => ({ sent: { client: { names: [] } } })],
    ["no certificate", () => ({ sent: { headers: { "x-admin-cert": undefined as never } } })],
    ["no nonce", () => ({ sent: { headers: { "x-admin-nonce": undefined as never } } })],
    ["no signature", () => ({ sent: { headers: { "x-admin-signature": undefined as never } } })],
    ["a plain key", ({ administrator }) => ({ certificate: formatKeyLine(administrator.key) })],
    ["no line of a key", () => ({ certificate: "certificate" })],
    [
      "a certificate of another authority",
      async ({ administrator }) => ({
        certificate: await certify(await newOwner(), administrator.key),
      }),
    ],
    [
      "a certificate that only names the authority",
      async ({ administrator, authority }) => {
        const other = await newOwner();
        const forged = { key: authority.key, signer: { ...other.signer, publicKey: authority.signer.publicKey } };
        return { certificate: await certify(forged, administrator.key) };
      },
    ],
    [
      "another's certificate",
      async ({ authority }) => ({
        certificate: await certify(authority, (await newOwner()).key),
      }),
    ],
    [
      "a certificate for another name",
      async ({ administrator, authority }) => ({
        certificate: await certify(authority, administrator.key, { principals: ["fdc-producer"] }),
      }),
    ],
    [
      "a certificate that is over",
      async ({ administrator, authority, clock }) => ({
        certificate: await certify(authority, administrator.key, {
          validBefore: BigInt(Math.floor(clock.wallMs() / 1000)),
        }),
      }),
    ],
    [
      "a certificate for later",
      async ({ administrator, authority, clock }) => ({
        certificate: await certify(authority, administrator.key, {
          validAfter: BigInt(Math.floor(clock.wallMs() / 1000) + 1),
          validBefore: FOREVER,
        }),
      }),
    ],
    ["a signature of another key", async () => ({ signer: (await newOwner()).signer })],
    ["another body than was signed", () => ({ sentBody: '{"jti":"k"}' })],
    ["no body where one was signed", () => ({ sentBody: "" })],
    ["another path than was signed", () => ({ sent: { target: "/admin/approve" } })],
    ["another nonce than was signed", () => ({ sent: { headers: { "x-admin-nonce": "0123456789abcdef" } } })],
    ["a nonce that is too short", () => ({ nonce: "0123456789abcde" })],
    ["a nonce that is too long", () => ({ nonce: "a".repeat(129) })],
    ["a nonce with a space", () => ({ nonce: "0123456789abcdef 0" })],
    ["a signature in another alphabet", () => ({ sent: { headers: { "x-admin-signature": "-_".repeat(43) } } })],
    [
      "no authority that can be read",
      async ({ disk }) => {
        must(await disk.remove(AUTHORITY_PATH), "removed");
        return {};
      },
    ],
    [
      "an authority that was taken away",
      async ({ disk }) => {
        must(await disk.replaceFile(AUTHORITY_PATH, Buffer.from("")), "a file");
        return {};
      },
    ],
  ];

  for (const [what, change] of changes) {
    it(`is whoever comes with ${what}: one answer for all`, async () => {
      const door = await openDoor();
      assert.equal((await door.ask(post)).status, 204);
      door.auth.asked.length = 0;
      door.auth.nonces.clear();

      const answer = await door.ask({ ...post, ...(await change(door)) });

      assert.deepEqual(told(answer), REFUSED);
      assert.equal(answer.headers["www-authenticate"], 'Admin-Signature realm="cepa"');
      assert.deepEqual(door.auth.asked, []);
      // Nothing is remembered of who has not signed.
      assert.equal(door.auth.nonces.size, 0);
    });
  }

  it("is whoever sends again what was sent (GW-95)", async () => {
    const { ask, auth } = await openDoor();
    const nonce = "00112233445566778899aabbccddeeff";

    const first = await ask({ ...post, nonce });
    const again = await ask({ ...post, nonce });
    const other = await ask({ path: "/auth", nonce });

    assert.equal(first.status, 204);
    assert.deepEqual([told(again), told(other)], [REFUSED, REFUSED]);
    assert.equal(auth.asked.length, 1);
  });

  it("is nobody while nonces cannot be remembered: nothing is done then (GW-95)", async () => {
    const { ask, auth } = await openDoor();
    auth.failures.takeAdminNonce = { code: "auth.unavailable", server: "redis", cause: "gone" } as never;

    const answer = await ask(post);

    assert.deepEqual([answer.status, json(answer)["code"]], [503, "auth.unavailable"]);
    assert.deepEqual(auth.asked, []);
  });

  it("lets all names in where none are listed, and takes names in any case", async () => {
    const { ask } = await openDoor({ adminClientNames: [] });
    const named = await openDoor({ adminClientNames: ["x", "OPS.example"] });

    const answers = [await ask({ sent: { client: { names: [] } } }), await named.ask({})];

    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
  });

  it("verifies the vector of the original: the body in its canonical text, method, path and nonce (A.12)", async () => {
    const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
    const { ask, authority } = await openDoor();
    const { parsePublicKeyLine } = await import("#client/ssh/key-line.ts");
    const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea vec@test";
    const key = parsePublicKeyLine(line);
    assert(key !== undefined);
    const signature = "njr6h903clY89PiqGUCZ6t4O65TIZ/6pHPa4ubOhH/iVU2+1DSlhdpWNsW8aLhM4r9QJV8XRCtTvOr8MKsjwCw==";

    const answer = await ask({
      method: "POST",
      path: "/auth/review",
      body: { action: "approve", fingerprint: "FP", producer_id: PRODUCER },
      nonce: "00112233445566778899aabbccddeeff",
      certificate: await certify(authority, { ...key, seed }),
      sent: { headers: { "x-admin-signature": signature } },
    });

    assert.equal(answer.status, 200);
  });
});

describe("gateway: how administrators ask (GW-96)", () => {
  for (const [what, sent, status, code] of [
    ["a query", { target: "/auth?filter=all" }, 400, "gateway.query-refused"],
    ["X-Forwarded-For", { headers: { "x-forwarded-for": "127.0.0.1" } }, 400, "gateway.forwarded-refused"],
    ["X-Forwarded-Client-Cert", { headers: { "x-forwarded-client-cert": "a" } }, 400, "gateway.forwarded-refused"],
    ["Forwarded", { headers: { forwarded: "for=127.0.0.1" } }, 400, "gateway.forwarded-refused"],
    ["another path", { target: "/auth/" }, 404, "gateway.no-route"],
    ["an unknown filter", { target: "/auth/none" }, 404, "gateway.no-route"],
    ["a page that is none", { target: "/auth/all/before/0" }, 404, "gateway.no-route"],
    ["a path of the node", { target: "/status" }, 404, "gateway.no-route"],
    ["another method", { method: "DELETE" }, 405, "gateway.method-not-allowed"],
    ["an order that is not posted", { target: "/auth/revoke" }, 405, "gateway.method-not-allowed"],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { ask, auth } = await openDoor();

      const answer = await ask({ sent });

      assert.deepEqual([answer.status, json(answer)["code"]], [status, code]);
      assert.deepEqual([auth.asked.length, auth.nonces.size], [0, 0]);
    });
  }

  it("is not there for everybody: the node's own listener knows none of it", async () => {
    const { edge } = await openDoor();

    const statuses = [];
    for (const target of ["/auth", "/auth/review", "/admin/pending"])
      statuses.push((await send(edge, { target })).status);

    assert.deepEqual(statuses, [404, 404, 404]);
  });

  it("shows where they are let in", async () => {
    const { edge, adminEdge, ref } = await openDoor();

    const status = json(await send(edge, { target: "/status" }))["gateway"];
    const facts = must(await ref.call("describe", {}, { timeoutMs: 1000 }), "facts");

    assert.equal((status as { admin: string }).admin, adminEdge.url);
    assert.equal(facts.adminUrl, adminEdge.url);
  });

  it("takes no orders of a node that shuts down, and waits for those under way", async () => {
    const { adminEdge, ref, ask } = await openDoor();

    const drained = must(await ref.call("drain", { timeoutMs: 10 }, { timeoutMs: 1000 }), "drained");

    assert.equal(drained.unfinishedCount, 0);
    assert.equal(await adminEdge.send({ target: "/auth", client: { names: [] } }), undefined);
    await assert.rejects(ask({}));
  });

  it("keeps its listener through a crash, and who was let in before is again", async () => {
    const { crash, ask, auth } = await openDoor();

    await crash();
    const answer = await ask({});

    assert.equal(answer.status, 200);
    assert.equal(auth.asked.length, 1);
  });
});
