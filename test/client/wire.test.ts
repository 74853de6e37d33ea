/** What a client makes of answers, ours and others'. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { errorFromBody, isAddress, parseFacts } from "#client/wire.ts";

const address = `b3:${"0a".repeat(32)}`;
const facts = { address, size: 5, chunks: 1, manifest: "ab".repeat(32) };

describe("client wire: parseFacts", () => {
  it("keeps what it knows and ignores the rest", () => {
    assert.deepEqual(parseFacts(JSON.stringify({ ...facts, colour: "red" })), facts);
  });

  for (const [what, wrong] of Object.entries({
    "a size below zero": { ...facts, size: -1 },
    "a size that is text": { ...facts, size: "5" },
    "a size beyond what a number holds": { ...facts, size: 2 ** 53 },
    "an address in capitals": { ...facts, address: address.toUpperCase() },
    "no manifest": { ...facts, manifest: undefined },
  })) {
    it(`refuses ${what}`, () => {
      assert.equal(parseFacts(JSON.stringify(wrong)), undefined);
    });
  }

  it("never throws, whatever the body", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => parseFacts(body) === undefined));
  });
});

describe("client wire: errorFromBody", () => {
  it("never throws, and always has a code", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json()),
        (body) => errorFromBody(500, body, "c").code === "client.bad-answer",
      ),
    );
  });

  it("does not take another server's code for a node's", () => {
    const codes = ["NOT_FOUND", "404", "storage", "storage.", "Storage.full", "storage.full"].map(
      (code) => errorFromBody(404, JSON.stringify({ code }), "c").code,
    );

    assert.deepEqual(codes, [...Array.from({ length: 5 }, () => "client.bad-answer"), "storage.full"]);
  });

  it("takes only true for retryable", () => {
    const error = errorFromBody(
      503,
      JSON.stringify({ code: "gateway.busy", message: "Busy.", retryable: "true" }),
      "c",
    );

    assert.deepEqual([error.code, error.retryable, error.corrId], ["gateway.busy", false, "c"]);
  });
});

describe("client wire: isAddress", () => {
  it("takes 64 lower-case digits, not 63 and not 65", () => {
    assert.deepEqual(
      [63, 64, 65].map((length) => isAddress(`b3:${"a".repeat(length)}`)),
      [false, true, false],
    );
  });
});
