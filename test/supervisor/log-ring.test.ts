/** The log of a node in amnesia mode. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LogRing } from "#supervisor/root/log-ring.ts";

describe("log ring: write", () => {
  it("keeps the last lines, as many bytes as it may, and counts the others", () => {
    const ring = new LogRing(9);

    for (const line of ["a1\n", "b2\n", "c3\n"]) ring.write(line);
    assert.deepEqual(ring.contents(), { lines: ["a1", "b2", "c3"], goneCount: 0 });
    ring.write("d45\n");

    assert.deepEqual(ring.contents(), { lines: ["c3", "d45"], goneCount: 2 });
  });

  it("takes a line as long as itself, and not one that is longer", () => {
    const ring = new LogRing(4);

    ring.write("abc\n");
    assert.deepEqual(ring.contents(), { lines: ["abc"], goneCount: 0 });
    ring.write("abcd\n");

    assert.deepEqual(ring.contents(), { lines: ["abc"], goneCount: 1 });
  });

  it("forgets all of it when it is closed", () => {
    const ring = new LogRing(9);
    ring.write("a1\n");

    ring.closeSync();

    assert.deepEqual(ring.contents().lines, []);
  });
});
