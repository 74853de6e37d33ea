/** A put for a time under way, while somebody removes or lets go of what is there of its object by now (STO-20). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB, MiB, minute } from "#runtime/units.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { turns } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";

for (const change of ["removeObject", "unpinObject"] as const) {
  for (const sizeBytes of [300 * KiB, 3 * MiB]) {
    it(`storage: a put of ${sizeBytes} bytes for a time holds them as long, where ${change} is answered before it`, async () => {
      const disk = new MemoryDisk();
      const kit = await startStorage({ disk });
      const gate = Promise.withResolvers<void>();
      let isGated = false;
      const packs = new Set<number>();
      const { open, sync } = disk;
      disk.open = async (path, mode) => {
        const opened = await open.call(disk, path, mode);
        if (opened.ok && path.includes("/packs/")) packs.add(opened.value);
        return opened;
      };
      disk.sync = async (descriptor) => {
        if (isGated && packs.has(descriptor)) await gate.promise;
        return await sync.call(disk, descriptor);
      };
      const bytes = randomBytes(sizeBytes, 1);
      const { manifest } = await mustPut(kit, bytes);
      isGated = true;
      // The one that it waits behind.
      const other = put(kit, randomBytes(50 * KiB, 2));
      await turns();
      const timed = put(kit, bytes, { chunker: "gear-fine/1", keepMs: 1 * minute });
      await turns();

      assert((await kit.ref.call(change, { manifest }, within)).ok);
      gate.resolve();
      const stored = await timed;
      assert(stored.ok && (await other).ok);
      // What came before a removal goes with it.
      const isThere = (await kit.ref.call("getManifest", { root: stored.value.manifest }, within)).ok;
      await collect(kit, true);

      assert(isThere || change === "removeObject");
      if (isThere) await mustRead(kit.ref, stored.value.manifest, "held for a minute");
    });
  }
}
