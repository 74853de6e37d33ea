/** Names over HTTP: what is verified before anybody hears of it, and what each failure looks like. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fullName } from "#actors/domain/name.ts";
import { NAME_RECORD_BYTES_MAX, type NameRecord } from "#actors/domain/name-record.ts";
import { NAMES_LISTED_MAX } from "#actors/gateway/names.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import type { FailureOf } from "#runtime/protocol.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { MemorySource } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";
import { labelOf, nextRecord, objectValue, signedRecord, signerOf } from "#test/kit/names.ts";

const owner = signerOf(1);
const first = signedRecord(owner, { exp: 2_000_000_000 });
const second = nextRecord(owner, first, { value: objectValue(0xbb) });
const path = `/n/${fullName(first)}`;
const dagCbor = "application/vnd.ipld.dag-cbor";

function jsonOf({ label, seq, prev, value, exp, publicKey, signature, digest }: NameRecord) {
  const sig = Buffer.from(signature).toString("hex");
  // As JSON leaves out what is undefined.
  return JSON.parse(JSON.stringify({ v: 1, name: label, seq, prev, value, exp, pub: publicKey, sig, digest }));
}

async function open() {
  const opened = await openSimulated();
  opened.overlay.replies.set("setName", undefined);
  opened.overlay.replies.set("getName", second);
  const get = (target: string, headers: Record<string, string> = {}, method = "GET"): Promise<SimulatedAnswer> =>
    send(opened.edge, { method, target, headers });
  const put = (bytes: Uint8Array, target = path, headers: Record<string, string> = {}): Promise<SimulatedAnswer> =>
    send(opened.edge, {
      method: "PUT",
      target,
      headers,
      body: new MemorySource(bytes, 100),
      contentLength: bytes.length,
    });
  return { ...opened, get, put };
}

describe("gateway: GET /n/<key>/<label>", () => {
  it("answers with the record as JSON, or with its bytes, each under an ETag of its own (GW-90)", async () => {
    const { get } = await open();

    const said = await get(path);
    const raw = await get(path, { accept: `text/plain, ${dagCbor};q=0.9` });

    assert.equal(said.status, 200);
    assert.deepEqual(json(said), jsonOf(second));
    assert.equal(said.headers["etag"], `"${second.digest}.json"`);
    assert.equal(raw.headers["etag"], `"${second.digest}"`);
    assert.equal(raw.headers["content-type"], dagCbor);
    assert.deepEqual(Buffer.from(raw.body), Buffer.from(second.bytes));
    for (const { headers } of [said, raw]) {
      assert.equal(headers["cache-control"], "no-cache");
      assert.equal(headers["vary"], "Accept");
    }
  });

  it("is 304 while the name leads there, and not under the ETag of the other form (GW-90)", async () => {
    const { get } = await open();

    assert.equal((await get(path, { "if-none-match": `"${second.digest}.json"` })).status, 304);
    assert.equal((await get(path, { "if-none-match": `"${second.digest}"` })).status, 200);
    assert.equal((await get(path, { "if-none-match": `"${first.digest}.json"` })).status, 200);
    assert.equal((await get(path, { "if-none-match": `"${second.digest}"`, accept: dagCbor })).status, 304);
  });

  it("answers expired, frozen and unknown names with what is known of them (GW-92)", async () => {
    const { get, overlay } = await open();
    const failures: readonly [FailureOf<OverlayProtocol, "getName">, number, object][] = [
      [{ code: "overlay.name-expired", record: second }, 410, { record: jsonOf(second) }],
      [{ code: "index.name-frozen", evidence: [first, second] }, 409, { evidence: [jsonOf(first), jsonOf(second)] }],
      [{ code: "index.name-unknown" }, 404, {}],
      [{ code: "index.names-unavailable", cause: "journal.damaged", executed: "no" }, 503, {}],
    ];
    for (const [failure, status, details] of failures) {
      overlay.failures.getName = failure;

      const answer = await get(path);

      const { code, message: _message, retryable, corr_id: _id, ...rest } = json(answer);
      assert.deepEqual([answer.status, code, retryable], [status, failure.code, status === 503]);
      assert.deepEqual(rest, details);
    }
  });

  it("asks nobody about what is no name, and knows the methods of each path", async () => {
    const { get, overlay } = await open();
    const key = owner.publicKey;

    for (const target of [
      `/n/${key}/Site`,
      `/n/${key}/..`,
      `/n/${key}/`,
      `/n/${key.toUpperCase()}/site`,
      "/n/x/site",
    ]) {
      const answer = await get(target);
      assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.bad-name"], target);
    }
    for (const target of [`${path}/other`, `${path}/history/1`, "/n"]) assert.equal((await get(target)).status, 404);
    for (const [target, method, allow] of [
      [path, "DELETE", "GET, HEAD, PUT"],
      [`${path}/history`, "PUT", "GET, HEAD"],
      [`/n/${key}`, "PUT", "GET, HEAD"],
    ] as const) {
      const answer = await get(target, {}, method);
      assert.deepEqual([answer.status, answer.headers["allow"]], [405, allow]);
    }
    assert.deepEqual(overlay.calls, []);
  });
});

describe("gateway: PUT /n/<key>/<label>", () => {
  it("hands a verified record down and answers with it (GW-91)", async () => {
    const { put, overlay } = await open();

    const answer = await put(first.bytes);

    assert.equal(answer.status, 200);
    assert.deepEqual(json(answer), jsonOf(first));
    assert.deepEqual(overlay.asked, [{ record: first }]);
  });

  it("refuses what is none, what is not signed and what is of another name, and nobody hears of it (GW-91)", async () => {
    const { put, overlay } = await open();
    const forged = Buffer.from(first.bytes);
    forged[forged.length - 1] = 0x62;
    const elsewhere = signedRecord(owner, { label: labelOf("other") });
    const refusals: readonly [Uint8Array, number, string][] = [
      [Buffer.from("hello"), 400, "name.malformed"],
      [Buffer.alloc(0), 400, "name.malformed"],
      [Buffer.alloc(NAME_RECORD_BYTES_MAX + 1), 400, "name.malformed"],
      [Buffer.alloc(1_000_000), 400, "name.malformed"],
      [forged, 422, "name.bad-signature"],
      [elsewhere.bytes, 422, "gateway.name-mismatch"],
      [signedRecord(signerOf(2)).bytes, 422, "gateway.name-mismatch"],
    ];
    for (const [bytes, status, code] of refusals) {
      const answer = await put(bytes);
      assert.deepEqual([answer.status, json(answer)["code"]], [status, code]);
    }
    assert.match(String(json(await put(Buffer.alloc(513)))["message"]), /too-large/);
    assert.match(String(json(await put(Buffer.alloc(512)))["message"]), /not-canonical/);
    assert.deepEqual(overlay.calls, []);
  });

  it("answers a conflict with the current record, or with null where there is none (GW-92)", async () => {
    const { put, overlay } = await open();
    for (const current of [second, undefined]) {
      const conflict: FailureOf<OverlayProtocol, "setName"> = { code: "index.name-conflict", current };
      overlay.failures.setName = conflict;

      const answer = await put(first.bytes);

      assert.equal(answer.status, 409);
      assert.deepEqual(json(answer)["current"], current === undefined ? null : jsonOf(current));
    }
  });

  it("says what else is in the way, and whether the record may be kept", async () => {
    const { put, overlay } = await open();
    const failures: readonly [FailureOf<OverlayProtocol, "setName">, number, RegExp][] = [
      [{ code: "overlay.target-unknown", value: first.value }, 422, /b3:aaaa.* not held here/],
      [{ code: "index.names-full", namesMax: 7 }, 507, /7 names/],
      [{ code: "index.names-unavailable", cause: "disk.full", executed: "no" }, 503, /disk\.full. Nothing was kept/],
      [{ code: "index.names-unavailable", cause: "disk.broken EIO", executed: "maybe" }, 503, /set the same record/],
    ];
    for (const [failure, status, sentence] of failures) {
      overlay.failures.setName = failure;

      const answer = await put(first.bytes);

      assert.equal(answer.status, status);
      assert.match(String(json(answer)["message"]), sentence);
    }
  });

  it("is a write: pages of other origins may not, and a body that breaks off keeps nothing", async () => {
    const { put, edge, overlay } = await open();
    const broken = new MemorySource(first.bytes, 50, { afterBytes: 50, failure: { code: "gateway.body-truncated" } });

    const foreign = await put(first.bytes, path, { origin: "http://elsewhere.example" });
    const cut = await send(edge, { method: "PUT", target: path, body: broken, contentLength: first.bytes.length });

    assert.equal(foreign.status, 403);
    assert.deepEqual([cut.status, json(cut)["code"]], [400, "gateway.body-truncated"]);
    assert.deepEqual(overlay.calls, []);
  });
});

describe("gateway: names and their histories", () => {
  it("has the history with what froze it", async () => {
    const { get, overlay } = await open();
    overlay.replies.set("readNameHistory", { history: [first, second], evidence: undefined });
    assert.deepEqual(json(await get(`${path}/history`)), {
      history: [jsonOf(first), jsonOf(second)],
      frozen: false,
    });
    overlay.replies.set("readNameHistory", { history: [first], evidence: [first, second] });

    const frozen = json(await get(`${path}/history`));

    assert.deepEqual([frozen["frozen"], frozen["evidence"]], [true, [jsonOf(first), jsonOf(second)]]);
  });

  it("lists the names of a key from behind a label, and says whether there are more", async () => {
    const { get, overlay } = await open();
    overlay.replies.set("listNames", [{ history: [first, second], evidence: undefined }]);

    const listed = json(await get(`/n/${owner.publicKey}?after=a`));

    assert.deepEqual(listed, { names: [{ ...jsonOf(second), frozen: false }], done: true });
    assert.deepEqual(overlay.asked, [{ publicKey: owner.publicKey, after: "a", limit: NAMES_LISTED_MAX }]);
    const full = Array.from({ length: NAMES_LISTED_MAX }, () => ({ history: [first], evidence: [first, second] }));
    overlay.replies.set("listNames", full);
    assert.equal(json(await get(`/n/${owner.publicKey}`))["done"], false);
  });
});
