/** JSON from strangers: canonical documents, entries of the stream, signed requests, and what they ask for. */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { verifyRequest } from "#actors/auth/signed-request.ts";
import { canonicalText, readCanonical, readJson } from "#actors/domain/canonical-json.ts";
import { readEntry } from "#actors/domain/events/entry.ts";
import { isJsonObject, type JsonObject, type JsonValue, sameJson } from "#actors/domain/json-value.ts";
import { KEY_TYPE } from "#actors/domain/ssh/key.ts";
import { parseRfc3339 } from "#actors/domain/time-ns.ts";
import { APPROVAL_TOKEN_MS, approveIn, bindingIn, reviewIn, revokeIn } from "#actors/gateway/administrators/orders.ts";
import type { BadOrder } from "#actors/gateway/failures.ts";
import { readSubjectRequest } from "#actors/ingest/subject-request.ts";
import { formatKeyLine } from "#client/ssh/key-line.ts";
import type { Result } from "#runtime/errors.ts";
import { BOUNDS, goodEnvelope, goodEvent, NOW, verdictOf } from "#test/actors/domain/events/entry-kit.ts";
import { entryModel } from "#test/actors/domain/events/entry-model.ts";
import { problemsOf, saidBy } from "#test/actors/domain/json-model.ts";
import { GO, PYTHON, RFC_8785 } from "#test/actors/domain/json-vectors.ts";
import { bytesOf, utf8Of } from "#test/fuzz/bytes.ts";
import { assertPlain } from "#test/fuzz/oracle.ts";
import type { Target } from "#test/fuzz/target.ts";

/** More than any reader of ours takes. */
const DEPTH_MAX = 80;
/** Members that a document may well have: they are own ones, and reach nothing. */
const isPlain = (value: JsonValue): void =>
  assertPlain(JSON.parse(JSON.stringify(value).replaceAll("__proto__", "proto")), DEPTH_MAX);

const canonicalJson: Target = {
  name: "canonical JSON",
  seeds: [
    ...[...PYTHON, ...GO, ...RFC_8785].map(({ text }) => text),
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    "1e400",
    "[1 ]",
  ].map(bytesOf),
  words: ['"__proto__":', "\\u0000", "\\ud800", "1e309", "-0", "null", "true", "[[[[[[[[", '{"a":', "9007199254740993"],
  check(input) {
    const text = utf8Of(input);
    const isUtf8 = Buffer.from(text).equals(input);
    for (const [form, read] of [
      ["canonical", readCanonical(input)],
      ["any", readJson(input)],
    ] as const) {
      const problems = isUtf8 ? problemsOf(text, form) : new Set(["not-utf8"]);
      assert.equal(read.ok, problems.size === 0);
      if (!read.ok) {
        if (!problems.has("not-json")) assert(problems.has(read.failure.problem), read.failure.problem);
        continue;
      }
      assert.deepEqual(read.value, saidBy(text));
      isPlain(read.value);
      assert(sameJson(JSON.parse(canonicalText(read.value)), read.value), "what is written of it says the same");
    }
  },
};

const nowNs = parseRfc3339(NOW) ?? 0n;
const entry: Target = {
  name: "entry of the stream",
  seeds: [
    goodEvent(),
    goodEvent({ payload: { "\u0001": [1.5e-300, -1, "\u{1f4b1}\u2028"] }, tags: [], x: { payload: [] } }),
    goodEnvelope(),
    goodEnvelope({ type: "heartbeat", data: undefined }),
  ].map(bytesOf),
  words: [
    '"event_id":',
    '"payload":',
    '"ts":',
    '"version":"0.1.0"',
    '"type":"heartbeat"',
    '"tags":[]',
    "\\u0070ayload",
  ],
  check(input) {
    const text = utf8Of(input);
    assert.deepEqual(
      verdictOf(readEntry(text, BOUNDS)),
      entryModel(text, { nowNs, sizeBytesMax: BOUNDS.sizeBytesMax }),
    );
  },
};

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const point = new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"));
const pubkey = formatKeyLine({ publicKey: point, comment: "" });
const NONCE = "0123456789abcdef";
const TERMS = { authorities: [], principals: new Set(["p"]), needsCertificate: false, nowSeconds: 1_800_000_000 };

/** As somebody who has a key of his own sends it: what is signed is all there is to believe. */
const request: Target = {
  name: "signed request",
  seeds: [
    '{"attrs":{"a":1},"op":"register","schema_body":{"x":{"type":"string"}},"schema_name":"s","subject_key":"k"}',
    '{"attrs_delta":{},"op":"upgrade","schema_delta":{},"schema_name":"s","subject_key":"k"}',
    '{"contact":"a@b","meta":null,"producer_hint":"p"}',
  ].map(bytesOf),
  words: [
    '"op":"register"',
    '"op":"upgrade"',
    '"schema_body":{}',
    '"schema_delta":{}',
    '"__proto__":{}',
    '"constructor":{}',
  ],
  check(input) {
    const sig = sign(null, Buffer.concat([input, Buffer.from(`.${NONCE}`)]), privateKey).toString("base64");
    const verified = verifyRequest({ pubkey, payload: input, nonce: NONCE, sig }, TERMS);
    const read = readCanonical(input);
    assert.equal(verified.ok, read.ok && isJsonObject(read.value));
    if (!verified.ok) {
      assert.equal(verified.failure.reason, "invalid_payload");
      return;
    }
    const { payload, payloadText, keyLine } = verified.value;
    assert.equal(payloadText, utf8Of(input), "it is kept as it was signed");
    assert(keyLine.startsWith(KEY_TYPE));
    // Of another byte nobody has signed anything.
    const other = Buffer.concat([input, Buffer.from(" ")]);
    const forged = verifyRequest({ pubkey, payload: other, nonce: NONCE, sig }, TERMS);
    assert(!forged.ok && forged.failure.reason === "invalid_sig", "a signature is of what was signed");
    const wanted = readSubjectRequest(payload);
    if (!wanted.ok) return;
    const { op, subjectKey, schemaName } = wanted.value;
    assert.deepEqual([op, subjectKey, schemaName], [payload["op"], payload["subject_key"], payload["schema_name"]]);
    isPlain(payload);
  },
};

const READERS: readonly ((said: JsonObject) => Result<object, BadOrder>)[] = [reviewIn, bindingIn, revokeIn, approveIn];
const order: Target = {
  name: "order of an administrator",
  seeds: [
    '{"action":"approve","producer_id":"00000000-0000-4000-8000-000000000001","fingerprint":"F","notes":"n"}',
    '{"action":"deny","producer_id":"00000000-0000-4000-8000-000000000001","subject_id":"00000000-0000-4000-8000-000000000002"}',
    '{"jti":"01K76AVR00000000000000000A","reason":"lost","token":"a.b.c"}',
    '{"fingerprint":"F","ttl_seconds":60}',
  ].map(bytesOf),
  words: ['"action":', '"jti":', '"fingerprint":', '"ttl_seconds":1e99', '"producer_id":null'],
  check(input) {
    const read = readJson(input);
    if (!read.ok || !isJsonObject(read.value)) return;
    for (const readIn of READERS) {
      const wanted = readIn(read.value);
      if (!wanted.ok) assert.equal(wanted.failure.code, "gateway.bad-order");
      else if ("lifeMs" in wanted.value) {
        assert(Number(wanted.value.lifeMs) > 0 && Number(wanted.value.lifeMs) <= APPROVAL_TOKEN_MS);
      }
    }
  },
};

export const TARGETS: readonly Target[] = [canonicalJson, entry, request, order];
