/** What a collection says of the packs: of what they held when it began, whatever is put meanwhile. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { randomBytes, startStorage } from "#test/actors/storage/storage-kit.ts";

describe("collection: its report", () => {
  it("counts as live nothing that was written since it began: what is live and what is not are the packs (STO-23)", async () => {
    const kit = await startStorage();
    await mustPut(kit, randomBytes(100 * KiB, 1));
    await remove(kit, await mustPut(kit, randomBytes(10 * KiB, 2)));
    // So that walking takes some turns.
    for (let number = 5000; number < 5150; number += 1) await mustPut(kit, randomBytes(500, number));
    let isOver = false;
    const putting = (async () => {
      for (let number = 10; !isOver && number < 2000; number += 1) await mustPut(kit, randomBytes(1000, number));
    })();

    const beside = await collect(kit, false);
    isOver = true;
    await putting;
    const after = await collect(kit, false);

    assert.equal(beside.garbageBytes, after.garbageBytes);
    assert(after.liveBytes !== undefined && beside.liveBytes !== undefined);
    assert(after.liveBytes > beside.liveBytes);
  });
});
