/**
 * One of six volumes is damaged, wherever something begins or ends in what it holds: every object is read at once, as if
 * nothing were, and what was lost is made again (STO-1, STO-4, STO-31).
 *
 * `CEPA_POINTS=all` takes every place, `=N` every Nth; otherwise some of each part.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { PARTS, type Part } from "#test/actors/storage/decay/places.ts";
import {
  cutAt,
  type Damage,
  flipAt,
  mustServe,
  type SmallStore,
  smallStore,
  survive,
  VOLUMES,
} from "#test/actors/storage/decay/store-kit.ts";
import { type StorageKit, within } from "#test/actors/storage/storage-kit.ts";
import { looked, pull, scrubbed, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { pointsOf } from "#test/kit/points.ts";

/** Lives from one that is lived to the next, where not all of them are. */
const STEP = 12;
/** Places of one volume that are damaged in one life. */
const AT_ONCE = 12;
const directories = VOLUMES.volumes?.directories ?? [];

interface Case {
  readonly volume: string;
  readonly where: string;
  readonly damage: readonly Damage[];
}

describe("storage: one damaged volume of six, 4+2", () => {
  let store: SmallStore;
  before(async () => {
    store = await smallStore(VOLUMES);
  });

  for (const catalog of [true, false]) {
    const found = catalog ? "catalog kept" : "catalog lost";
    for (const part of PARTS) {
      // Nothing is streamed here: the length of every chunk is known before it is written.
      if (part === "gap") continue;
      it(`costs nobody a byte where bits turn in ${part}, and is made whole, ${found}`, async (context) => {
        const all = directories.flatMap((volume) => flipsOf(store, volume, part));
        const cases = pointsOf(all, STEP);
        for (const one of cases) await costsNothing(one, catalog);
        context.diagnostic(`${countOf(cases)} of ${countOf(all)} places`);
        assert(cases.length > 0, "there were places");
      });
    }

    it(`costs nobody a byte where its packs are cut, and is made whole, ${found}`, async (context) => {
      const all = directories.flatMap((volume) => cutsOf(store, volume));
      const cases = pointsOf(all, STEP);
      for (const one of cases) await costsNothing(one, catalog);
      context.diagnostic(`${countOf(cases)} of ${countOf(all)} places`);
    });
  }

  async function costsNothing({ volume, where, damage }: Case, catalog: boolean): Promise<void> {
    await survive(store, { damage, lost: new Set(), catalog }, where, (kit) => isWhole(kit, volume, where));
  }

  /** It says so, and any two other volumes can go: what was damaged counts again. */
  async function isWhole(kit: StorageKit, damaged: string, where: string): Promise<void> {
    await scrubbed(kit);
    const { repair } = await settled(kit);
    const described = await kit.ref.call("describe", {}, within);
    assert(described.ok);
    const { state, backlogCount, lostCount } = repair;
    const facts = [state, backlogCount, lostCount, described.value.damagedChunkCount];
    assert.deepEqual(facts, ["idle", 0, 0, 0], `${where}: ${JSON.stringify(repair)}`);
    assert((await kit.disk.makeDirectory("/pulled")).ok);
    const at = directories.indexOf(damaged);
    for (const step of [1, 3]) await pull(kit, directories[(at + step) % directories.length] ?? "");
    await looked(kit);
    await mustServe(kit, store.held, `${where}, without two others`);
  }
});

function countOf(cases: readonly Case[]): number {
  return cases.reduce((sum, { damage }) => sum + damage.length, 0);
}

/** Bits that turn together are those of packs of one kind. */
function flipsOf({ packs }: SmallStore, volume: string, part: Part): readonly Case[] {
  return [true, false].flatMap((isSealed) => {
    const there = packs.filter((pack) => pack.isSealed === isSealed && pack.path.startsWith(`${volume}/`));
    const places = there.flatMap((pack) => pack.places.filter((place) => place.part === part));
    return inGroups(places).map((group) => ({
      volume,
      where: `${part} at ${group.map(({ path, position }) => `${path} ${position}`).join(", ")}`,
      damage: group.map(flipAt),
    }));
  });
}

function inGroups<Value>(all: readonly Value[]): readonly (readonly Value[])[] {
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, group) =>
    all.slice(group * AT_ONCE, (group + 1) * AT_ONCE),
  );
}

/** All packs of the volume at once, each at its next border. */
function cutsOf({ packs }: SmallStore, volume: string): readonly Case[] {
  const there = packs.filter(({ path }) => path.startsWith(`${volume}/`));
  const count = Math.max(...there.map(({ cuts }) => cuts.length));
  return Array.from({ length: count }, (_, at) => {
    const cuts = there.flatMap(({ path, cuts: sizes }) => {
      const size = sizes[at];
      return size === undefined ? [] : [{ path, size }];
    });
    const where = cuts.map(({ path, size }) => `${path} cut to ${size}`).join(", ");
    return { volume, where, damage: cuts.map(({ path, size }) => cutAt(path, size)) };
  });
}
