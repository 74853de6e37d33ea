/** The bus again, by spin: what `Bus.tla` says, found by another tool from another text. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type SpinSearch, searchBySpin } from "#test/chaos/models/spin.ts";
import { provideSpin } from "#test/kit/provide.ts";
import { runsOf } from "#test/kit/runs.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const skip = (await provideSpin()) ?? false;
const MODEL = join(import.meta.dirname, "../../../specs/models/bus.pml");
const isLong = runsOf({ usual: 0, slowness: 1 }) > 0;

const HOLDS: readonly (SpinSearch & { readonly name: string; readonly isLong?: boolean })[] = [
  { name: "what is lost is counted, and nobody hears out of order", defines: [], claim: undefined, isLong: true },
  { name: "all is told in the end, or told to be lost", defines: [], claim: "told" },
  { name: "a publisher goes on, whoever stops to read", defines: ["LAZY"], claim: "goes" },
  { name: "all of nine events is told in the end", defines: ["EVENTS=9"], claim: "told", isLong: true },
];

const VIOLATED: readonly (SpinSearch & { readonly name: string; readonly isLong?: boolean })[] = [
  { name: "an event is lost", defines: [], claim: "neverDropped", isLong: true },
  { name: "a subscriber learns that it missed some", defines: [], claim: "neverLagged" },
  { name: "a subscriber waits", defines: [], claim: "neverWaiting", isLong: true },
  { name: "a publication wakes nobody", defines: ["NO_WAKE"], claim: "told" },
  { name: "a publisher waits for the slow", defines: ["WAITS", "LAZY"], claim: "goes", isLong: true },
  { name: "a subscriber waits for what is there", defines: ["BLIND"], claim: "told", isLong: true },
  { name: "a cell that was overwritten is read", defines: ["STALE"], claim: undefined, isLong: true },
  { name: "what was missed is not told", defines: ["SILENT"], claim: undefined, isLong: true },
  { name: "who stops to read is not told", defines: ["LAZY"], claim: "told", isLong: true },
];

describe("models: the bus, by spin", { skip }, () => {
  for (const { name, ...search } of HOLDS.filter((row) => isLong || row.isLong !== true)) {
    it(`holds: ${name}`, async (test) => {
      const { holds, statesStored, output } = await searchBySpin(MODEL, await tempDirectory(test), search);

      test.diagnostic(`${statesStored} states`);
      assert(holds, output);
      assert(statesStored > 500, `a search that says something: ${output}`);
    });
  }

  for (const { name, ...search } of VIOLATED.filter((row) => isLong || row.isLong !== true)) {
    it(`is found: ${name}`, async (test) => {
      const { holds, output } = await searchBySpin(MODEL, await tempDirectory(test), search);

      assert(!holds, output);
    });
  }
});
