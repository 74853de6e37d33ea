/** Pages of the trash, of a store that knows many objects. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestFromBytes } from "#actors/domain/address.ts";
import { type Keep, NO_KEEP } from "#actors/storage/keeps/keep.ts";
import type { KeepName } from "#actors/storage/keeps/keep-codec.ts";
import { Keeping, type KeepingDeps } from "#actors/storage/keeps/keeping.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import { Pause } from "#actors/storage/pause.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

const COUNT = 10;

/** Objects in the trash; each time the clock is asked it is a millisecond later, and the loop is given back to `onTurn`. */
function trash(onTurn: () => void = () => undefined) {
  const names = Array.from({ length: COUNT }, (_, index): KeepName => `o${String(index).padStart(64, "0")}`);
  const keeps = new Map<KeepName, Keep>();
  for (const [index, name] of names.entries()) {
    const manifest = digestFromBytes(new Uint8Array(32).fill(index));
    const removal = {
      upTo: index,
      lastingUpTo: index,
      atMs: 0,
      manifest,
      sizeBytes: index,
      buriedUpToPack: 0,
      grave: undefined,
    };
    keeps.set(name, { ...NO_KEEP, removal });
  }
  const seen = { entries: 0, turns: 0 };
  function* entries(): Generator<[KeepName, Keep]> {
    for (const entry of keeps) {
      seen.entries += 1;
      yield entry;
    }
  }
  let nowMs = 0;
  const clock = Object.assign(new ManualClock(), { nowMs: () => (nowMs += 1) });
  const macrotask = (run: () => void): void => {
    seen.turns += 1;
    onTurn();
    run();
  };
  const deps = {
    keeps: { entries } as Partial<Keeps> as Keeps,
    pause: new Pause(clock, { microtask: queueMicrotask, macrotask }),
    trashMs: () => 1000,
  } as Partial<KeepingDeps> as KeepingDeps;
  return { keeping: new Keeping(deps), keeps, names, seen };
}

async function sizesOf(keeping: Keeping, after: string | undefined, limit: number) {
  const { entries, next } = await keeping.listTrash(after, limit);
  return { sizes: entries.map(({ sizeBytes }) => sizeBytes), next };
}

describe("storage: listTrash", () => {
  it("gives the loop back on its way, and goes no further than to what says that there is more", async () => {
    const { keeping, names, seen } = trash();

    const page = await sizesOf(keeping, names[3], 4);

    assert.deepEqual(page, { sizes: [4, 5, 6, 7], next: names[7] });
    assert.equal(seen.entries, 9);
    assert.ok(seen.turns >= 2);
  });

  it("tells of each once, page by page, and of no next one behind the last", async () => {
    for (const limit of [1, 3, 5, COUNT, COUNT + 1]) {
      const { keeping } = trash();
      const told: number[] = [];
      let after: string | undefined;
      do {
        const page = await sizesOf(keeping, after, limit);
        told.push(...page.sizes);
        after = page.next;
      } while (after !== undefined);

      assert.deepEqual(told, [...Array(COUNT).keys()], `pages of ${limit}`);
    }
  });

  it("begins at the start where what it was to begin behind is gone, or goes meanwhile", async () => {
    const gone = trash();
    gone.keeps.delete(gone.names[9] ?? "o");
    const leaving = trash(() => leaving.keeps.delete(leaving.names[9] ?? "o"));

    for (const { keeping, names } of [gone, leaving]) {
      assert.deepEqual(await sizesOf(keeping, names[9], 4), { sizes: [0, 1, 2, 3], next: names[3] });
    }
  });
});
