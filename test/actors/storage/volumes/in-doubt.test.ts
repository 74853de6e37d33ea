/** Commits on volumes that failed: lists end before one as long as a copy of it may be on a volume, and no longer (STO-139). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CATALOG_FLUSH_INTERVAL_MS } from "#actors/storage/actor.ts";
import { decodeHeader, RECORD_HEADER_BYTES } from "#actors/storage/packs/record.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { put, randomBytes, type StorageKit, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { type Asked, watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const ONE = { directories: ["/v1"], erasure: "none" } as const;
/** Two copies of each manifest. */
const TWO = { directories: ["/v1", "/v2"], erasure: { dataShards: 1, parityShards: 1 } } as const;

/** Its first put has been done. */
interface World {
  readonly kit: StorageKit;
  readonly first: StoredObject;
  /** With what an operation on a pack fails; undefined: it is done. */
  refuse: (asked: Asked) => string | undefined;
}

async function start(volumes: typeof ONE | typeof TWO): Promise<World> {
  let world: World | undefined;
  const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async (asked, begin) => {
    const errno = asked.path.includes("/packs") ? world?.refuse(asked) : undefined;
    if (errno === undefined) return await begin();
    // What a write was to bring may be there all the same.
    if (asked.name === "write" && errno === "EIO") await begin();
    return fail(diskFailure(errno, asked.path));
  });
  assert((await disk.makeDirectory("/pulled")).ok);
  const kit = await startStorage({ disk, volumes, config: { writeQuotaBytes: 64 * MiB } });
  const first = await mustPut(kit, objectOf(1));
  await settled(kit);
  world = { kit, first, refuse: () => undefined };
  return world;
}

function objectOf(seed: number): Uint8Array {
  return randomBytes(1 * KiB, seed);
}

function writesRoot({ name, parts }: Asked): boolean {
  return (
    name === "write" &&
    parts.some((part) => part.length === RECORD_HEADER_BYTES && decodeHeader(part, undefined)?.kind === "manifest")
  );
}

async function listed({ ref }: StorageKit): Promise<readonly string[]> {
  const page = await ref.call("listManifests", { after: undefined, limit: 100 }, within);
  assert(page.ok && page.value.done);
  return page.value.entries.map(({ manifest }) => manifest);
}

/** The second object is not stored; the third is. */
async function failSecond(world: World, refuse: World["refuse"]): Promise<void> {
  world.refuse = refuse;
  assert(!(await put(world.kit, objectOf(2))).ok);
  world.refuse = () => undefined;
}

describe("storage: a commit on a volume that failed (STO-139)", () => {
  for (const [why, errno] of [
    ["it could not be written", "EIO"],
    ["there was no room for it", "ENOSPC"],
  ] as const) {
    it(`holds no list up where ${why}, and it could be taken back`, async () => {
      const world = await start(ONE);
      const { kit, first } = world;
      await failSecond(world, (asked) => (writesRoot(asked) ? errno : undefined));
      await looked(kit);
      const third = await mustPut(kit, objectOf(3));

      assert.deepEqual(await listed(kit), [first.manifest, third.manifest]);
      assert.equal(kit.metric("storage_commits_in_doubt_total"), 0);
    });
  }

  it("holds no list up where its sync failed, and its pack was cut back by another descriptor", async () => {
    const world = await start(ONE);
    const { kit, first } = world;
    let isWritten = false;
    await failSecond(world, (asked) => {
      if (asked.name === "sync" && isWritten) {
        isWritten = false;
        return "EIO";
      }
      isWritten ||= writesRoot(asked);
      return undefined;
    });
    const third = await mustPut(kit, objectOf(3));

    assert.deepEqual(await listed(kit), [first.manifest, third.manifest]);
    assert.equal(kit.metric("storage_commits_in_doubt_total"), 0);
  });

  it("holds no list up where no pack could be made for it: nothing was written", async () => {
    const world = await start(ONE);
    const { kit, first } = world;
    let [isChunkThere, isRootWritten] = [false, false];
    // Nobody can say how long the pack of the chunk is: the root needs another.
    await failSecond(world, (asked) => {
      isChunkThere ||= asked.name === "sync";
      isRootWritten ||= writesRoot(asked);
      return isChunkThere && (asked.name === "sizeBytes" || asked.name === "open") ? "EIO" : undefined;
    });
    assert(isChunkThere && !isRootWritten);
    const third = await mustPut(kit, objectOf(3));

    assert.deepEqual(await listed(kit), [first.manifest, third.manifest]);
    assert.equal(kit.metric("storage_commits_in_doubt_total"), 0);
  });

  it("ends lists until its pack can be cut back, and no longer", async () => {
    const world = await start(ONE);
    const { kit, first } = world;
    await failSecond(world, (asked) => (asked.name === "truncate" || writesRoot(asked) ? "EIO" : undefined));
    const before = await listed(kit);
    const doubts = kit.metric("storage_commits_in_doubt_total");
    world.refuse = ({ name }) => (name === "truncate" ? "EIO" : undefined);
    const third = await mustPut(kit, objectOf(3));
    const meanwhile = await listed(kit);
    world.refuse = () => undefined;
    await kit.clock.advance(CATALOG_FLUSH_INTERVAL_MS);

    assert.deepEqual([before, meanwhile, doubts], [[first.manifest], [first.manifest], 1]);
    assert.deepEqual(await listed(kit), [first.manifest, third.manifest]);
  });

  it("ends lists until its volume was recovered again, with which it may count", async () => {
    const world = await start(ONE);
    const { kit, first } = world;
    await failSecond(world, (asked) => (asked.name === "truncate" || writesRoot(asked) ? "EIO" : undefined));
    world.refuse = ({ name }) => (name === "truncate" ? "EIO" : undefined);
    await pull(kit, "/v1");
    await looked(kit);
    const away = await listed(kit);
    world.refuse = () => undefined;
    await putBack(kit, "/v1");
    await looked(kit);
    const second = await mustPut(kit, objectOf(2));
    const third = await mustPut(kit, objectOf(3));

    assert.deepEqual([away, second.known], [[first.manifest], true]);
    assert.deepEqual(await listed(kit), [first.manifest, second.manifest, third.manifest]);
  });

  it("ends lists as long as one of two volumes may have a copy", async () => {
    const world = await start(TWO);
    const { kit, first } = world;
    const isStuck = ({ name, path }: Asked): boolean => name === "truncate" && path.startsWith("/v2");
    await failSecond(world, (asked) => (isStuck(asked) || writesRoot(asked) ? "EIO" : undefined));
    world.refuse = (asked) => (isStuck(asked) ? "EIO" : undefined);
    await kit.clock.advance(CATALOG_FLUSH_INTERVAL_MS);
    const third = await mustPut(kit, objectOf(3));
    const meanwhile = await listed(kit);
    world.refuse = () => undefined;
    await kit.clock.advance(CATALOG_FLUSH_INTERVAL_MS);

    assert.deepEqual(meanwhile, [first.manifest]);
    assert.deepEqual(await listed(kit), [first.manifest, third.manifest]);
  });
});
