/** The directory in memory: what every directory promises, and that it is a function of its seed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { describeDirectory } from "#test/actors/auth/directory/conformance.ts";
import { describePruning } from "#test/actors/auth/directory/pruning.ts";
import { describeRedelivery } from "#test/actors/auth/directory/redelivery.ts";
import { Scene } from "#test/actors/auth/directory/scene.ts";

describeDirectory("memory", async (limits) => new MemoryDirectory(seededRandom(1), limits));
describeRedelivery("memory", async (limits) => new MemoryDirectory(seededRandom(1), limits));
describePruning("memory", async (limits) => new MemoryDirectory(seededRandom(1), limits));

describe("directory (memory): one seed", () => {
  it("makes the same ids again, another seed others", async () => {
    const idsOf = async (seed: number): Promise<readonly string[]> => {
      const scene = new Scene(new MemoryDirectory(seededRandom(seed)));
      return [await scene.pending("a"), await scene.pending("b")];
    };

    assert.deepEqual(await idsOf(1), await idsOf(1));
    assert.notDeepEqual(await idsOf(1), await idsOf(2));
  });
});
