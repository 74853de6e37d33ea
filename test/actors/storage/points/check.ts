/** What must hold of the store of a workload that ended somewhere. */
import assert from "node:assert/strict";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { configOf, type Layout, mended } from "#test/actors/storage/points/layout.ts";
import type { Told } from "#test/actors/storage/points/workload.ts";
import { type RealStorage, startRealStorage } from "#test/actors/storage/real-storage.ts";
import { objectOf } from "#test/actors/storage/seeded-object.ts";
import { REAL_MS, whole, within } from "#test/actors/storage/storage-kit.ts";

/** Twice: what the first start has made of it is what the second one finds, whatever happens `between` them. */
export async function check(
  directory: string,
  layout: Layout,
  { held, removed, uncertain }: Told,
  where: string,
  between: () => Promise<void> = async () => {},
): Promise<void> {
  const listings: string[] = [];
  for (const start of ["first", "second"]) {
    const kit = await startRealStorage(directory, { config: configOf(layout, directory) });
    await whole(kit, REAL_MS);
    for (const [seed, manifest] of held) {
      const got = await mustRead(kit.ref, manifest, `${where}, ${start} start: object ${seed}`);
      assert(objectOf(seed).equals(got), `${where}: object ${seed} has its bytes`);
    }
    for (const [seed, manifest] of removed) {
      const got = await readObject(kit.ref, manifest);
      assert(!(got instanceof Uint8Array), `${where}, ${start} start: object ${seed} is removed`);
    }
    const listed = await kit.ref.call("listManifests", { after: undefined, limit: 1000 }, within);
    assert(listed.ok && listed.value.done);
    for (const { manifest } of listed.value.entries) {
      await mustRead(kit.ref, manifest, `${where}: what is listed`);
    }
    listings.push(JSON.stringify(listed.value.entries));
    assert(listed.value.entries.length <= held.size + uncertain.size, `${where}: nothing else is listed`);
    if (layout === "volumes") await isMended(kit, where);
    await kit.close();
    if (start === "first") await between();
  }
  assert.equal(listings[0], listings[1], `${where}: a second recovery changes nothing`);
}

async function isMended(kit: RealStorage, where: string): Promise<void> {
  await mended(kit);
  const facts = await kit.ref.call("describeVolumes", {}, within);
  assert(facts.ok);
  const { lostCount, state } = facts.value.repair;
  assert.deepEqual([state, lostCount], ["idle", 0], where);
}
