/** Batches of what arrives, and what runs between two of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Batches } from "#actors/storage/puts/batches.ts";

function stage() {
  const done: string[] = [];
  const batches = new Batches<string>({
    bytesMax: 1,
    bytesOf: () => 1,
    run: async (items) => void done.push(...items),
    crash: (_item, defect) => assert.fail(String(defect)),
  });
  return { batches, done };
}

describe("storage: work between two batches", () => {
  it("runs after the batch under way, and before the next", async () => {
    const { batches, done } = stage();
    batches.add("first");
    batches.add("second");

    await batches.between(async () => void done.push("between"));

    assert.deepEqual(done.slice(0, 2), ["first", "between"]);
  });

  for (const next of [[], ["second"]]) {
    it(`runs where it was asked for while other such work runs, with ${next.length} items behind it`, async () => {
      const { batches, done } = stage();
      const gate = Promise.withResolvers<void>();
      batches.add("first");
      const one = batches.between(async () => {
        await gate.promise;
        done.push("one");
      });
      await new Promise<void>((resolve) => setImmediate(resolve));
      assert.deepEqual(done, ["first"]);

      void batches.between(async () => void done.push("other"));
      for (const item of next) batches.add(item);
      gate.resolve();
      await one;
      await new Promise<void>((resolve) => setImmediate(resolve));

      assert.deepEqual(done, ["first", "one", ...next, "other"]);
    });
  }
});
