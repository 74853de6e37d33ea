/** What a collection does not give up: what a pack holds that it does not find there, and a pack that is not what it was. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PACK_FRONT_BYTES } from "#actors/storage/pack-format.ts";
import { must } from "#runtime/errors.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { collect, mustPut, remove } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const sealing = { config: { packSealBytes: 1 * MiB } } as const;
const FIRST = "/data/packs/00000001.pack";
/** In the header of the first record, which is that of the first chunk that was put. */
const HEADER_BYTE = PACK_FRONT_BYTES + 50;

describe("storage: a collection of a pack in which a header has turned (STO-25)", () => {
  it("leaves it where the record is live: it is damaged, and its next put heals it", async () => {
    const kit = await startStorage(sealing);
    const bytes = randomBytes(100 * KiB, 1);
    const { manifest } = await mustPut(kit, bytes);
    await remove(kit, await mustPut(kit, randomBytes(900 * KiB, 2)));
    kit.disk.flipByte(FIRST, HEADER_BYTE);

    const { packsCompacted } = await collect(kit, true);

    const { damagedChunkCount } = must(await kit.ref.call("describe", {}, within), "described");
    assert.deepEqual([packsCompacted, damagedChunkCount], [0, 1]);
    assert((await kit.disk.open(FIRST, "read")).ok);
    assert(!(await mustPut(kit, bytes)).known);
    // It has grown to its full size, and is sealed before it is compacted.
    const [first, second] = [await collect(kit, true), await collect(kit, true)];
    assert.equal(first.packsCompacted + second.packsCompacted, 1);
    await mustRead(kit.ref, manifest, "healed");
  });

  it("forgets the record with it where that is dead: its next put writes it", async () => {
    const kit = await startStorage(sealing);
    const bytes = randomBytes(900 * KiB, 1);
    await remove(kit, await mustPut(kit, bytes));
    kit.disk.flipByte(FIRST, HEADER_BYTE);

    const { packsCompacted } = await collect(kit, true);

    const { chunkCount } = must(await kit.ref.call("describe", {}, within), "described");
    assert.deepEqual([packsCompacted, chunkCount], [1, 0]);
    const { manifest } = await mustPut(kit, bytes);
    await mustRead(kit.ref, manifest, "put again");
  });
});
