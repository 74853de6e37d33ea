/** The runtime as a whole against a small model: two cells, their supervisors and their links, under any commands. */
import { describe, it } from "node:test";
import { aside } from "#test/kit/aside.ts";

describe("runtime: any commands", () => {
  it("agrees with the model, accounts for every attempt, and leaves nothing behind", async (test) => {
    for (const line of await aside("test/runtime/model/run.ts")) test.diagnostic(line);
  });
});
