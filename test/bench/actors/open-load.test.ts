/** What becomes of the calls of an open load. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OpenLoad } from "#bench/actors/open-load.ts";
import { fail, ok } from "#runtime/errors.ts";

describe("bench: an open load", () => {
  it("makes every call, and counts every answer once, with latencies of those that were answered only", async () => {
    let made = 0;
    const refused = fail({ code: "runtime.mailbox-full" });
    const load = new OpenLoad(500, 2, async () => {
      made += 1;
      return made % 10 === 0 ? ok() : refused;
    });

    const { attempts, outcomes, latenciesMs, latenessMs } = await load.run();

    assert.deepEqual([attempts, made], [1000, 1000]);
    assert.deepEqual(outcomes, { ok: 100, "runtime.mailbox-full": 900 });
    assert.deepEqual([latenciesMs.length, latenessMs.length], [100, 1000]);
    assert(latenciesMs.every((latency) => latency >= 0) && latenessMs.every((lateness) => lateness >= -1 / 500));
  });
});
