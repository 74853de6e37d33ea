/** Cursors over commits that failed: the next life gives their numbers to other objects, which must not be passed over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { put, randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";

const lives: Readonly<Record<string, (kit: StorageKit) => Promise<StorageKit>>> = {
  "a crash of the actor": async (kit) => {
    await kit.crash();
    return kit;
  },
  "a kill of the process": async (kit) => {
    kit.actor.kill("test");
    await new Promise<void>((resolve) => setImmediate(resolve));
    kit.disk.crash(seededRandom(1), { keepUnsynced: true });
    return await startStorage({ disk: kit.disk, kv: kit.kv });
  },
  "a restart of the process": async (kit) => {
    await kit.actor.stop();
    return await startStorage({ disk: kit.disk, kv: kit.kv });
  },
};

describe("storage: listManifests after a commit that failed", () => {
  for (const [operation, errno] of [
    ["write", "ENOSPC"],
    ["sync", "EIO"],
  ] as const) {
    for (const sizeBytes of [1 * KiB, 2 * MiB]) {
      for (const [what, nextLife] of Object.entries(lives)) {
        it(`shows what is committed after ${what} (${operation} failed, ${sizeBytes} bytes) (STO-10)`, async () => {
          const kit = await startStorage();
          assert((await put(kit, randomBytes(sizeBytes, 1))).ok);
          kit.disk.failNext(operation, errno);
          assert(!(await put(kit, randomBytes(sizeBytes, 2))).ok);
          const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
          assert(page.ok && page.value.done && page.value.entries.length === 1);

          const next = await nextLife(kit);
          await whole(next);
          const stored = await put(next, randomBytes(sizeBytes, 3));
          assert(stored.ok);
          const rest = await next.ref.call("listManifests", { after: page.value.next, limit: 100 }, within);

          assert(rest.ok);
          assert.deepEqual(
            rest.value.entries.map(({ manifest }) => manifest),
            [stored.value.manifest],
          );
          const end = await next.ref.call("listManifests", { after: rest.value.next, limit: 100 }, within);
          assert(end.ok && end.value.entries.length === 0 && end.value.next === rest.value.next);
        });
      }
    }
  }
});
