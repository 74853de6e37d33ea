/** A pack that is away at the start after a crash, with what the catalog had not heard of: nobody gets its numbers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { deafStores } from "#test/actors/storage/altered-stores.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { directory, randomBytes, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";
import { looked } from "#test/actors/storage/volumes/spread-kit.ts";

async function putSome(kit: StorageKit, from: number, sizeBytes: number): Promise<readonly StoredObject[]> {
  const stored: StoredObject[] = [];
  for (let seed = from; seed < from + 5; seed += 1) stored.push(await mustPut(kit, randomBytes(sizeBytes, seed)));
  return stored;
}

async function packsOf({ disk }: StorageKit): Promise<readonly string[]> {
  return must(await disk.list(`${directory}/packs`), "listed").map(({ name }) => name);
}

describe("storage: a pack that is away at the start after a crash", () => {
  it("has commits that the catalog had not heard of: nobody gets their numbers (STO-134)", async () => {
    const disk = new MemoryDisk();
    const kv = memoryKvStores();
    let isOver = false;
    const first = await startStorage({ disk, kv: deafStores(kv, () => isOver) });
    const known = await putSome(first, 0, 20 * KiB);
    await looked(first);
    isOver = true;
    const unheard = await putSome(first, 10, 20 * KiB);
    await first.actor.stop();
    const [name = ""] = await packsOf(first);
    must(await disk.rename(`${directory}/packs/${name}`, `${directory}/away`), "it is away");
    const second = await startStorage({ disk, kv });
    await whole(second);
    const later = await putSome(second, 20, 20 * KiB);
    await looked(second);
    await second.actor.stop();
    must(await disk.rename(`${directory}/away`, `${directory}/packs/${name}`), "it is back");

    const third = await startStorage({ disk, kv });
    await whole(third);
    await collect(third, true);

    for (const { manifest } of [...known, ...unheard, ...later]) await mustRead(third.ref, manifest, "what was put");
  });

  it("is one that the catalog had not heard of: no other gets its number (STO-128)", async () => {
    const disk = new MemoryDisk();
    const kv = memoryKvStores();
    let isOver = false;
    const first = await startStorage({ disk, kv: deafStores(kv, () => isOver) });
    await putSome(first, 0, 20 * KiB);
    const before = await packsOf(first);
    await mustPut(first, randomBytes(7 * MiB, 10));
    isOver = true;
    const [own = ""] = (await packsOf(first)).filter((name) => !before.includes(name)).toReversed();
    await first.actor.stop();
    must(await disk.rename(`${directory}/packs/${own}`, `${directory}/away`), "it is away");

    const second = await startStorage({ disk, kv });
    await whole(second);
    await putSome(second, 20, 7 * MiB);

    assert(!(await packsOf(second)).includes(own), "its name is free for it");
  });
});
