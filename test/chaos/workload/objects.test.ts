/** Objects of a workload: those that are one client's alone are nobody else's. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { anyObject, objectApart } from "#chaos/workload/objects.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

describe("chaos workload: objects apart", () => {
  it("are as long as no other object is", () => {
    const random = seededRandom(1);

    const lengths = new Set(Array.from({ length: 500 }, () => anyObject(random).bytes.length));
    const apart = Array.from({ length: 5000 }, (_, at) => objectApart(random, at % 500).bytes.length);

    assert.equal(lengths.size, 15);
    assert.deepEqual(
      apart.filter((length) => lengths.has(length)),
      [],
    );
  });
});
