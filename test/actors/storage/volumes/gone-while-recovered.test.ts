/** A volume that goes while a start that takes long recovers the others. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { CATALOG_FLUSH_INTERVAL_MS } from "#actors/storage/actor.ts";
import { RECOVERY_WAIT_MS } from "#actors/storage/store.ts";
import { VOLUME_LOOK_INTERVAL_MS } from "#actors/storage/volumes/volumes.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { deafStores } from "#test/actors/storage/altered-stores.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { turns } from "#test/actors/storage/refused-reads.ts";
import { randomBytes, startStorage, whole } from "#test/actors/storage/storage-kit.ts";
import { testMachine } from "#test/kit/actor.ts";

const shared = {
  volumes: { directories: ["/v1", "/v2"], erasure: "none" },
  config: { writeQuotaBytes: 64 * MiB },
} as const;

/** Paths of what is open, and a way to hold the first long read of a path that begins so. */
function watchedDisk() {
  const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  const opened = new Map<number, string>();
  const { promise, resolve: letGo } = Promise.withResolvers<void>();
  let held: string | undefined;
  const [open, read, close] = [disk.open.bind(disk), disk.read.bind(disk), disk.close.bind(disk)];
  disk.open = async (path, mode) => {
    const descriptor = await open(path, mode);
    if (descriptor.ok) opened.set(descriptor.value, path);
    return descriptor;
  };
  disk.close = async (descriptor) => {
    opened.delete(descriptor);
    return await close(descriptor);
  };
  disk.read = async (descriptor, into, position) => {
    const isHeld = held !== undefined && opened.get(descriptor)?.startsWith(held) === true && into.length > 4 * KiB;
    if (isHeld) held = undefined;
    if (isHeld) await promise;
    return await read(descriptor, into, position);
  };
  const hold = (path: string): void => {
    held = path;
  };
  const openIn = (directory: string): number =>
    [...opened.values()].filter((path) => path.startsWith(directory)).length;
  return { disk, hold, letGo, openIn };
}

it("storage: a volume that goes while others are recovered is not held open: it can be unmounted (STO-137)", async () => {
  const { disk, hold, letGo, openIn } = watchedDisk();
  const kv = memoryKvStores();
  let isDeaf = false;
  const first = await startStorage({ ...shared, disk, kv: deafStores(kv, () => isDeaf) });
  const stored = [];
  for (let seed = 0; seed < 10; seed += 1) stored.push(await mustPut(first, randomBytes(300 * KiB, seed)));
  await first.clock.advance(CATALOG_FLUSH_INTERVAL_MS);
  await turns();
  isDeaf = true;
  for (let seed = 10; seed < 20; seed += 1) await mustPut(first, randomBytes(300 * KiB, seed));
  await first.actor.stop();
  hold("/v2/packs");
  const machine = testMachine();
  const starting = startStorage({ ...shared, disk, kv, machine });
  await turns();
  await machine.clock.advance(RECOVERY_WAIT_MS);
  const kit = await starting;
  for (const { manifest } of stored) await readObject(kit.ref, manifest);
  assert(openIn("/v1/packs") > 0, "it was read");

  must(await disk.rename("/v1", "/away"), "it goes");
  await kit.clock.advance(2 * VOLUME_LOOK_INTERVAL_MS);
  await turns();
  letGo();
  await turns();

  assert.equal(openIn("/v1/packs"), 0);
  must(await disk.rename("/away", "/v1"), "it is back");
  await kit.clock.advance(2 * VOLUME_LOOK_INTERVAL_MS);
  await whole(kit);
  for (const { manifest } of stored) assert((await readObject(kit.ref, manifest)) instanceof Uint8Array);
});
