/** Bytes that are a manifest, stored as an object too: neither may stand in for the other, nor take its place. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { life, mustHold, stored } from "#test/actors/storage/refused-reads.ts";
import { type StorageKit, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const object = randomBytes(3000, 1);

async function manifestOf({ ref }: StorageKit, root: Digest): Promise<Buffer> {
  const bytes = await ref.call("getManifest", { root }, within);
  assert(bytes.ok);
  return Buffer.from(bytes.value);
}

describe("storage: an object whose bytes are another's manifest", () => {
  it("is stored beside it, whichever comes first, and found by a rebuild (STO-1)", async () => {
    const lone = { disk: new MemoryDisk(), kv: memoryKvStores() };
    const manifest = await life(lone, async (kit) => await manifestOf(kit, (await stored(kit, object)).manifest));

    for (const both of [
      [object, manifest],
      [manifest, object],
    ]) {
      const world = { disk: new MemoryDisk(), kv: memoryKvStores() };
      const done = await life(world, async (kit) => {
        const all = [];
        for (const bytes of both) all.push(await stored(kit, bytes));
        await mustHold(kit, all, both);
        return all;
      });
      await life(world, (kit) => mustHold(kit, done, both));
      world.kv.remove("/data/catalog");
      await life(world, (kit) => mustHold(kit, done, both));
    }
  });
});
