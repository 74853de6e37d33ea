/** What is taken from a command line, at the edges. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readDuration } from "#cli/arguments.ts";
import { hour, second } from "#runtime/units.ts";

describe("cli: a time", () => {
  it("is from a second to a hundred years long, and what is not is told of both", () => {
    const bounds = { message: /from a second to a hundred years \(36525d\)/ };

    assert.deepEqual(["1s", "90m", "36525d"].map(readDuration), [second, 1.5 * hour, 36_525 * 24 * hour]);
    for (const text of ["999ms", "36525.1d", "9999999999999999d", "7"]) assert.throws(() => readDuration(text), bounds);
  });
});
