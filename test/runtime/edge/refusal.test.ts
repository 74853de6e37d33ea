/** What a refusal is on the wire: its body, its header fields, and when to come back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  CORR_ID_MAX,
  corrIdOf,
  edgeRefusal,
  RETRY_AFTER_SECONDS_MAX,
  RETRY_AFTER_SECONDS_MIN,
  renderRefusal,
} from "#runtime/edge/refusal.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

const random = seededRandom(11);
const refusal = { status: 404, code: "gateway.not-found", message: "It is not here.", retryable: false };

describe("refusal: on the wire", () => {
  it("is a line of JSON, with what more there is to say, and is neither kept nor guessed at", () => {
    const details = { sizeBytes: 3 };
    const { headers, body } = renderRefusal({ ...refusal, headers: { Allow: "GET" }, details }, "one", random);

    assert.deepEqual(headers, {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "X-Correlation-Id": "one",
      Allow: "GET",
    });
    assert.equal(
      Buffer.from(body).toString(),
      '{"code":"gateway.not-found","message":"It is not here.","retryable":false,"corr_id":"one","sizeBytes":3}\n',
    );
  });

  for (const [status, isSaid] of [
    [429, true],
    [503, true],
    [400, false],
    [507, false],
  ] as const) {
    it(`says ${isSaid ? "when to come back, somewhere within the bounds" : "nothing of coming back"} with ${status}`, () => {
      const waits = new Set(
        Array.from({ length: 200 }, () => renderRefusal({ ...refusal, status }, "one", random).headers["Retry-After"]),
      );

      const seconds = Array.from({ length: 5 }, (_, index) => String(RETRY_AFTER_SECONDS_MIN + index));
      assert.deepEqual([...waits].sort(), isSaid ? seconds : [undefined]);
      assert.equal(seconds.at(-1), String(RETRY_AFTER_SECONDS_MAX));
    });
  }

  it("of the edge itself has the status and the code that it is known by", () => {
    const codes = {
      ...{ "gateway.malformed-request": 400, "gateway.request-timeout": 408, "gateway.expectation-failed": 417 },
      ...{ "gateway.transfer-encoding-unsupported": 501, "gateway.headers-too-large": 431 },
      ...{ "gateway.defect": 500, "gateway.restarting": 503 },
    } as const;
    const later = ["gateway.defect", "gateway.request-timeout", "gateway.restarting"];

    for (const [code, status] of Object.entries(codes)) {
      const found = edgeRefusal(code as keyof typeof codes);
      assert.deepEqual([found.code, found.status, found.retryable], [code, status, later.includes(code)]);
      assert.notEqual(found.message, "");
    }
  });
});

describe("refusal: the correlation id", () => {
  it("is the client's own, up to its length, if it can be printed", () => {
    const longest = "x".repeat(CORR_ID_MAX);

    assert.deepEqual([corrIdOf("a-1", random), corrIdOf(longest, random)], ["a-1", longest]);
  });

  for (const [what, sent] of [
    ["one that is too long", "x".repeat(CORR_ID_MAX + 1)],
    ["one with a blank in it", "a b"],
    ["one of another script", "é"],
    ["an empty one", ""],
    ["none", undefined],
  ] as const) {
    it(`is a fresh one for ${what}`, () => {
      const made = corrIdOf(sent, random);

      assert.notEqual(made, sent);
      assert.match(made, /^[\x21-\x7e]{8,}$/);
    });
  }
});
