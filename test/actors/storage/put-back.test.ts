/** A pack that is put back after the catalog was made anew without it: it was not known, and it is found. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  lastSkippedBehind,
  PACK_NUMBERS_SKIPPED_MAX,
  PACKS_PER_SLOT,
  packsBefore,
  SLOT_MAX,
} from "#actors/storage/packs/pack-number.ts";
import type { Cursor, StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { stored as mustPut, turns } from "#test/actors/storage/refused-reads.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";

const config = { packSealBytes: 1 * MiB } as const;
const AWAY = "/data/away.pack";

interface Listed {
  readonly manifests: readonly string[];
  readonly next: Cursor;
}

async function list({ ref }: StorageKit, after?: Cursor): Promise<Listed> {
  const { entries, next, done } = must(await ref.call("listManifests", { after, limit: 100 }, within), "listed");
  assert(done);
  return { manifests: entries.map(({ manifest }) => manifest), next };
}

async function putSome(kit: StorageKit, from: number): Promise<readonly StoredObject[]> {
  const done: StoredObject[] = [];
  for (let seed = from; seed < from + 8; seed += 1) done.push(await mustPut(kit, randomBytes(450 * KiB, seed)));
  await turns();
  return done;
}

async function packs({ disk }: Pick<StorageKit, "disk">): Promise<readonly string[]> {
  return must(await disk.list("/data/packs"), "listed").map(({ name }) => `/data/packs/${name}`);
}

async function nextLife({ actor, disk, kv }: StorageKit, isCatalogLost = false): Promise<StorageKit> {
  await actor.stop();
  const next = await startStorage({ disk, kv: isCatalogLost ? memoryKvStores({ disk }) : kv, config });
  await whole(next);
  return next;
}

/** Several packs, all but the last of them sealed; the one that is meant is away, and the catalog is made anew. */
async function startWithout(index: number) {
  const first = await startStorage({ config });
  const objects = await putSome(first, 1);
  const all = await packs(first);
  const pack = all.at(index) ?? "";
  assert(all.length > 2);
  await first.actor.stop();
  must(await first.disk.rename(pack, AWAY), "it is away");
  const kit = await nextLife(first, true);
  const putBack = async (now: StorageKit): Promise<void> => must(await now.disk.rename(AWAY, pack), "it is back");
  return { kit, objects, pack, putBack };
}

describe("storage: a pack that is put back", () => {
  for (const [which, index] of [
    ["sealed", 0],
    ["not sealed", -1],
  ] as const) {
    it(`is listed behind cursors that have passed its numbers (${which}) (STO-10)`, async () => {
      const { kit, objects, putBack } = await startWithout(index);
      const later = await putSome(kit, 20);
      const before = await list(kit);
      const missing = objects.map(({ manifest }) => manifest).filter((one) => !before.manifests.includes(one));
      assert(missing.length > 0);

      await putBack(kit);
      const back = await nextLife(kit);
      const after = await list(back, before.next);

      assert.deepEqual(
        missing.filter((one) => !after.manifests.includes(one)),
        [],
      );
      for (const { manifest } of [...objects, ...later]) await mustRead(back.ref, manifest, "an object");
      assert.deepEqual((await list(await nextLife(back), after.next)).manifests, [], "and only once more");
    });
  }

  it("has its numbers to itself, though it was the last one (STO-128)", async () => {
    const { kit, objects, pack, putBack } = await startWithout(-1);
    const later = await putSome(kit, 20);

    assert(!(await packs(kit)).includes(pack), "its name is free");
    await putBack(kit);
    const back = await nextLife(kit);

    const all = [...objects, ...later].map(({ manifest }) => manifest);
    assert.deepEqual([...(await list(back)).manifests].sort(), all.sort(), "no number was given out twice");
  });

  it("begins no era where the catalog has known its commits all along (STO-10)", async () => {
    const kit = await startStorage({ config });
    await putSome(kit, 1);
    const before = await list(kit);
    const [pack = ""] = await packs(kit);
    must(await kit.disk.rename(pack, AWAY), "it is away");
    const without = await nextLife(kit);
    must(await kit.disk.rename(AWAY, pack), "it is back");
    const back = await nextLife(without);

    assert.deepEqual((await list(back, before.next)).manifests, []);
  });
});

describe("storage: the numbers that are left out behind the last pack", () => {
  for (const slot of [0, 1, SLOT_MAX]) {
    it(`end with the slot (${slot})`, () => {
      const last = packsBefore(slot) + PACKS_PER_SLOT - 1;

      assert.equal(lastSkippedBehind(last - PACK_NUMBERS_SKIPPED_MAX), last);
      assert.equal(lastSkippedBehind(last - PACK_NUMBERS_SKIPPED_MAX + 1), last);
      assert.equal(lastSkippedBehind(last - PACK_NUMBERS_SKIPPED_MAX - 1), last - 1);
    });
  }
});
