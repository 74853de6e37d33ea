/** Cursors over a loss of what they stood on: whoever comes with one sees every commit, if need be once more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { readFront, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import type { Cursor } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { firstPack, firstPayload } from "#test/actors/storage/left-behind.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { mustBeReadable } from "#test/actors/storage/must-be-readable.ts";
import {
  isFirstHeader,
  life,
  refuseReads,
  sizes,
  stored,
  touching,
  type World,
} from "#test/actors/storage/refused-reads.ts";
import { type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

interface Listed {
  readonly manifests: readonly string[];
  readonly next: Cursor;
}

async function list(kit: StorageKit, after?: Cursor): Promise<Listed> {
  const page = await kit.ref.call("listManifests", { after, limit: 100 }, within);
  assert(page.ok && page.value.done);
  return { manifests: page.value.entries.map(({ manifest }) => manifest), next: page.value.next };
}

function world(): World {
  return { disk: new MemoryDisk(), kv: memoryKvStores() };
}

describe("storage: a cursor from before a loss (STO-10)", () => {
  it("holds over a crash that loses nothing", async () => {
    const { disk, kv } = world();
    const before = await life({ disk, kv }, async (kit) => {
      await stored(kit, randomBytes(3000, 1));
      return await list(kit);
    });

    await life({ disk, kv }, async (kit) => {
      assert.deepEqual((await list(kit, before.next)).manifests, []);
      const second = await stored(kit, randomBytes(3000, 2));
      assert.deepEqual((await list(kit, before.next)).manifests, [second.manifest]);
    });
  });

  it("is not passed by the number of a commit that is lost with the catalog", async () => {
    const { disk, kv } = world();
    const before = await life({ disk, kv }, async (kit) => {
      await stored(kit, randomBytes(3000, 1));
      return await list(kit);
    });
    // The only commit decays, a start rejects it, and then the catalog goes that remembers its number.
    disk.flipByte(firstPack, firstPayload(3000) + 5);
    kv.remove("/data/catalog");
    await life({ disk, kv }, async () => undefined);
    kv.remove("/data/catalog");

    await life({ disk, kv }, async (kit) => {
      const { manifest } = await stored(kit, randomBytes(3000, 2));
      assert.deepEqual((await list(kit, before.next)).manifests, [manifest]);
    });
  });

  it("is not passed by the number of a commit whose record is beyond recognition", async () => {
    const { disk, kv } = world();
    const before = await life({ disk, kv }, async (kit) => {
      await stored(kit, randomBytes(3000, 1));
      await stored(kit, randomBytes(3000, 2));
      const listed = await list(kit);
      await stored(kit, randomBytes(3000, 3));
      return listed;
    });
    const [, ...commits] = await commitsIn(disk);
    for (const position of commits) disk.flipByte(firstPack, position + 20);

    await life({ disk, kv }, async (kit) => {
      const { manifest } = await stored(kit, randomBytes(3000, 4));
      assert.deepEqual((await list(kit, before.next)).manifests.slice(-1), [manifest]);
    });
  });

  it("is not passed either where that record was the last one, and nothing says that it was there", async () => {
    const { disk, kv } = world();
    const before = await life({ disk, kv }, async (kit) => {
      await stored(kit, randomBytes(3000, 1));
      await stored(kit, randomBytes(3000, 2));
      return await list(kit);
    });
    const [, last = 0] = await commitsIn(disk);
    disk.flipByte(firstPack, last + 20);

    await life({ disk, kv }, async (kit) => {
      const fresh = await stored(kit, randomBytes(3000, 3));
      assert.notEqual(fresh.cursor.slice(0, -17), before.next.slice(0, -17), "its number is nobody else's");
      assert.deepEqual((await list(kit, before.next)).manifests.slice(-1), [fresh.manifest]);
    });
  });

  it("shows the commit that could not be read when it was given out", async () => {
    const { disk, kv } = world();
    const objects = await leaveTwo({ disk, kv });
    // The bad place is in the commit record of the second object.
    const size = (await sizes(disk)).get("00000001.pack") ?? 0;
    const undo = refuseReads(disk, touching(firstPack, size - 60));
    const during = await life({ disk, kv }, async (kit) => {
      const third = await stored(kit, randomBytes(3000, 3));
      return { third, listed: await list(kit) };
    });
    undo();
    assert.deepEqual(during.listed.manifests, [objects[0], during.third.manifest]);

    const after = await life({ disk, kv }, async (kit) => await list(kit, during.listed.next));

    assert.deepEqual([...after.manifests].sort(), [...objects, during.third.manifest].sort());
    await life({ disk, kv }, async (kit) => {
      assert.deepEqual((await list(kit, after.next)).manifests, [], "and only once more");
    });
  });

  it("shows it also where a power cut has taken from the catalog that it was missed", async () => {
    const { disk, kv } = world();
    const objects = await leaveTwo({ disk, kv });
    const well = await startStorage({ disk, kv });
    await whole(well);
    await well.actor.stop();
    const lost = await leaveMore({ disk, kv }, 3);
    const size = (await sizes(disk)).get("00000001.pack") ?? 0;
    const undo = refuseReads(disk, touching(firstPack, size - 60));
    const mortals = mortal(disk, kv);
    const kit = await startStorage({ disk: mortals.disk, kv: mortals.kv });
    await whole(kit);
    const { manifest } = await stored(kit, randomBytes(3000, 4));
    const during = await list(kit);
    mortals.kill();
    undo();
    disk.crash(seededRandom(1), { keepUnsynced: true });
    // Nothing that was written to the catalog in that life has reached the disk.
    kv.crash({ ...seededRandom(1), below: () => 0 });
    assert.deepEqual(during.manifests, [...objects, manifest]);

    await life({ disk, kv }, async (next) => {
      const after = await list(next, during.next);
      assert(after.manifests.includes(lost), "the cursor is of another era");
    });
  });

  it("shows what was committed while a catalog in memory stood in, again", async () => {
    const { disk } = world();
    const lives: Listed[] = [];
    for (let seed = 1; seed <= 3; seed += 1) {
      const kv = memoryKvStores();
      const one = await life({ disk, kv }, async (kit) => {
        await stored(kit, randomBytes(3000, seed));
        return await list(kit, lives.at(-1)?.next);
      });
      lives.push(one);
    }
    assert.deepEqual(
      lives.map(({ manifests }) => manifests.length),
      [1, 2, 3],
    );
  });

  it("names no number twice after two starts that could not read a pack", async () => {
    const { disk, kv } = world();
    await leaveTwo({ disk, kv });
    const undo = refuseReads(disk, isFirstHeader);
    const cursors: Cursor[] = [];
    for (let seed = 3; seed <= 5; seed += 1) {
      const { cursor } = await life({ disk, kv }, async (kit) => await stored(kit, randomBytes(3000, seed)));
      cursors.push(cursor.slice(0, -17).slice(-16));
    }
    undo();
    assert.deepEqual(cursors, [...new Set(cursors)].sort());
  });
});

/** Where the commits in the first pack are. */
async function commitsIn(disk: MemoryDisk): Promise<readonly number[]> {
  const files = new PackFiles(disk, "/data/packs", 1);
  const { mark } = await readFront(files, 1, mustBeReadable);
  const size = (await sizes(disk)).get("00000001.pack") ?? 0;
  const positions: number[] = [];
  for await (const { position, header } of scanRecords(files, 1, mark, PACK_FRONT_BYTES, size, mustBeReadable)) {
    if (header.sequence > 0) positions.push(position);
  }
  await files.close();
  return positions;
}

/** Two commits, and nothing of them in the catalog: the manifests. */
async function leaveTwo(of: World): Promise<readonly string[]> {
  return await life(of, async (kit) => {
    const first = await stored(kit, randomBytes(3000, 1));
    const second = await stored(kit, randomBytes(3000, 2));
    return [first.manifest, second.manifest];
  });
}

/** A commit more. */
async function leaveMore(of: World, seed: number): Promise<string> {
  return await life(of, async (kit) => (await stored(kit, randomBytes(3000, seed))).manifest);
}
