/** The inbox of a supervisor, with a handler that does not always come back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Defect } from "#runtime/errors.ts";
import { Inbox } from "#supervisor/inbox.ts";

/** Writes down what it handles, posts `b` and `c` with `a`, and throws at what `breaks` names. */
function inbox(breaks: string): { readonly box: Inbox<string>; readonly handled: string[] } {
  const handled: string[] = [];
  const box = new Inbox<string>(
    (note) => {
      handled.push(note);
      if (note === "a") for (const more of ["b", "c"]) box.post(more);
      if (note === breaks) throw new Defect(`broken at ${note}`);
    },
    () => handled.push("idle"),
  );
  return { box, handled };
}

describe("inbox: post", () => {
  it("handles what is posted meanwhile afterwards, and is idle once", () => {
    const { box, handled } = inbox("none");

    box.post("a");

    assert.deepEqual(handled, ["a", "b", "c", "idle"]);
  });

  for (const breaks of ["a", "b", "c"]) {
    it(`throws what a handler throws, and handles what is behind it and what comes later (${breaks})`, () => {
      const { box, handled } = inbox(breaks);

      assert.throws(() => box.post("a"), new RegExp(`broken at ${breaks}`));
      box.post("d");

      assert.deepEqual(handled, ["a", "b", "c", "idle", "d", "idle"]);
    });
  }
});
