/** The runtime as a whole against a small model: two cells, their supervisors and their links, under any commands. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aside } from "#test/kit/aside.ts";

/** What is met many times in the runs of one test; fewer runs, or one played again, meet less. */
const MET = [
  "local call answered, handled",
  "local call runtime.actor-crashed maybe, handled",
  "local call runtime.actor-stopped no",
  "local call runtime.call-timeout maybe, handled",
  "local call runtime.expired no",
  "local call runtime.mailbox-full no",
  "local cast accepted, handled",
  "local cast refused",
  "remote call answered, handled",
  "remote call runtime.actor-stopped no",
  "remote call runtime.link-lost maybe",
  "remote call runtime.mailbox-full no",
  "remote call runtime.not-connected no",
  "remote cast accepted, handled",
  "the DOWN told once",
  "the end told once",
  "an alarm told once",
  "restarts",
  "quarantines",
];

describe("runtime: any commands", () => {
  it("agrees with the model, accounts for every attempt, and leaves nothing behind", async (test) => {
    const lines = await aside("test/runtime/model/run.ts");

    for (const line of lines) test.diagnostic(line);
    if (process.env["CEPA_SEED"] !== undefined) return;
    const seen = new Set(lines.map((line) => line.replace(/: \d+$/, "")));
    assert.deepEqual(
      MET.filter((what) => !seen.has(what)),
      [],
      "every kind of outcome is met",
    );
  });
});
