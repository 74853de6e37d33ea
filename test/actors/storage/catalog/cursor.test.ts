/** Cursors over commits that failed: the next life gives their numbers to other objects, which must not be passed over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeHeader, RECORD_HEADER_BYTES } from "#actors/storage/packs/record.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { firstPack, firstPayload } from "#test/actors/storage/left-behind.ts";
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

describe("storage: a commit that failed and cannot be taken back (STO-10)", () => {
  /** Puts fail by their sync, or their write after all of it was written, and no file can be cut. */
  async function inDoubt(operation: "write" | "sync", sizeBytes: number): Promise<StorageKit & { heal(): void }> {
    const kit = await startStorage();
    assert((await put(kit, randomBytes(sizeBytes, 1))).ok);
    const { disk } = kit;
    const { sync, truncate, write } = disk;
    let mustFail = true;
    disk.truncate = async (_descriptor, _size) => ({ ok: false, failure: broken });
    disk.sync = async (descriptor) =>
      mustFail && operation === "sync" ? { ok: false, failure: broken } : await sync.call(disk, descriptor);
    disk.write = async (descriptor, parts, position) => {
      const written = await write.call(disk, descriptor, parts, position);
      const isCommit = parts.some(
        (part) => part.length === RECORD_HEADER_BYTES && decodeHeader(part, undefined)?.kind === "manifest",
      );
      return mustFail && operation === "write" && isCommit ? { ok: false, failure: broken } : written;
    };
    assert(!(await put(kit, randomBytes(sizeBytes, 2))).ok);
    mustFail = false;
    Object.assign(disk, { sync, write });
    return Object.assign(kit, { heal: () => Object.assign(disk, { truncate }) });
  }
  const broken = { code: "disk.broken", path: "", errno: "EIO" } as const;

  for (const operation of ["write", "sync"] as const) {
    for (const sizeBytes of [1 * KiB, 1200 * KiB]) {
      it(`is listed behind every cursor when it comes back (${operation} failed, ${sizeBytes} bytes)`, async () => {
        const kit = await inDoubt(operation, sizeBytes);
        const third = await put(kit, randomBytes(sizeBytes, 3));
        assert(third.ok);
        const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
        assert(page.ok && page.value.entries.length === 1, "the list ends before what is in doubt");
        assert.equal(kit.metric("storage_commits_in_doubt_total"), 1);

        kit.actor.kill("test");
        await new Promise<void>((resolve) => setImmediate(resolve));
        kit.heal();
        kit.disk.crash(seededRandom(1), { keepUnsynced: true });
        const next = await startStorage({ disk: kit.disk, kv: kit.kv });
        await whole(next);
        const second = await put(next, randomBytes(sizeBytes, 2));
        assert(second.ok && second.value.known, "it has come back");
        const rest = await next.ref.call("listManifests", { after: page.value.next, limit: 100 }, within);

        assert(rest.ok);
        assert.deepEqual(
          rest.value.entries.map(({ manifest }) => manifest),
          [second.value.manifest, third.value.manifest],
        );
      });
    }
  }

  it("holds nothing up any more when it could be taken back after all", async () => {
    for (const sizeBytes of [1 * KiB, 1200 * KiB]) {
      const kit = await inDoubt("sync", sizeBytes);
      kit.heal();
      const third = await put(kit, randomBytes(sizeBytes, 3));
      const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);

      assert(third.ok && page.ok);
      assert.equal(page.value.entries.at(-1)?.manifest, third.value.manifest);
      assert.equal(page.value.entries.length, 2);
    }
  });

  it("holds nothing up for long, where nobody leases a pack any more", async () => {
    const kit = await startStorage();
    const first = await put(kit, randomBytes(1 * KiB, 3));
    assert(first.ok);
    const { disk } = kit;
    const { truncate } = disk;
    // The put that fails cannot be taken back, and neither can it when the next one leases another pack.
    let refusals = 2;
    disk.truncate = async (...asked) => {
      refusals -= 1;
      return refusals >= 0 ? { ok: false, failure: broken } : await truncate.apply(disk, asked);
    };
    disk.failNext("sync", "EIO");
    assert(!(await put(kit, randomBytes(1 * KiB, 1))).ok);
    const stored = await put(kit, randomBytes(1 * KiB, 2));
    assert(stored.ok && refusals === 0);

    await kit.clock.advance(2000);
    const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);

    assert(page.ok);
    assert.deepEqual(
      page.value.entries.map(({ manifest }) => manifest),
      [first.value.manifest, stored.value.manifest],
    );
  });

  it("holds nothing up where it could be taken back", async () => {
    const kit = await startStorage();
    kit.disk.failNext("sync", "EIO");
    assert(!(await put(kit, randomBytes(1 * KiB, 1))).ok);
    const stored = await put(kit, randomBytes(1 * KiB, 2));
    const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);

    assert(stored.ok && page.ok);
    assert.deepEqual(
      page.value.entries.map(({ manifest }) => manifest),
      [stored.value.manifest],
    );
  });
});

describe("storage: a commit that a recovery rejected (STO-10)", () => {
  it("leaves its number to nobody, however often the node starts", async () => {
    const kit = await startStorage();
    assert((await put(kit, randomBytes(3000, 1))).ok);
    const page = await kit.ref.call("listManifests", { after: undefined, limit: 100 }, within);
    assert(page.ok && page.value.entries.length === 1);
    kit.actor.kill("test");
    await new Promise<void>((resolve) => setImmediate(resolve));
    const { disk } = kit;
    // What nobody has verified yet decays: the only commit is rejected.
    disk.flipByte(firstPack, firstPayload(3000) + 5);
    const kv = memoryKvStores();
    for (let start = 1; start <= 2; start += 1) {
      const next = await startStorage({ disk, kv });
      await whole(next);
      await next.actor.stop();
    }

    const last = await startStorage({ disk, kv });
    const stored = await put(last, randomBytes(3000, 2));
    const rest = await last.ref.call("listManifests", { after: page.value.next, limit: 100 }, within);

    assert(stored.ok && rest.ok);
    assert.deepEqual(
      rest.value.entries.map(({ manifest }) => manifest),
      [stored.value.manifest],
    );
  });
});
