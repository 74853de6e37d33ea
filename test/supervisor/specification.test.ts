/** What the specification of supervision owes to those who cite it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const page = readFileSync(join(import.meta.dirname, "..", "..", "specs", "runtime", "supervision.md"), "utf8");

describe("specification: supervision", () => {
  it("gives every requirement a number of its own", () => {
    const numbers = [...page.matchAll(/^- (SUP-\d+) /gm)].map(([, number]) => number);

    assert(numbers.length > 0);
    assert.deepEqual(
      numbers.filter((number, index) => numbers.indexOf(number) !== index),
      [],
    );
  });
});
