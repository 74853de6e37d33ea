/** A source that is read whole: all of it, and never more than one byte of what was not announced. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readWhole } from "#runtime/whole-source.ts";
import { sourceOver } from "#test/kit/byte-source.ts";

const bytes = Buffer.from("hello");
const failure = { code: "test.failed" };

describe("whole source: readWhole", () => {
  for (const [what, sizeBytes, read] of [
    ["all that was announced", 5, "hello"],
    ["one byte more than was announced", 3, "hell"],
    ["what there is, where more was announced", 9, "hello"],
    ["one byte where none was announced", 0, "h"],
  ] as const) {
    it(`answers with ${what}`, async () => {
      const whole = await readWhole(sourceOver(bytes, { pieceBytes: () => 2, failure }), sizeBytes);

      assert.equal(String(whole), read);
    });
  }

  it("answers with nothing of a source that fails", async () => {
    const failing = sourceOver(bytes, { pieceBytes: () => 2, failAt: 3, failure });

    assert.equal(await readWhole(failing, 5), undefined);
  });
});
