/** What is told of a program that ended. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeExit } from "#runtime/errors.ts";
import { exitReasonOf, LAST_WORDS_LENGTH_MAX } from "#supervisor/process-exit.ts";

describe("process exit: last words", () => {
  it("are told whole where they are few, and from their end where they are many", () => {
    const few = "a".repeat(LAST_WORDS_LENGTH_MAX);
    const many = `${"banner ".repeat(40)}bind: Address already in use`;

    assert.equal(describeExit(exitReasonOf({ code: 1, signal: undefined }, few)), `exit code 1: ${few}`);
    const said = describeExit(exitReasonOf({ code: 1, signal: undefined }, many));
    assert.match(said, /^exit code 1: ….*bind: Address already in use$/);
    assert.equal(said.length, "exit code 1: …".length + LAST_WORDS_LENGTH_MAX);
  });
});
