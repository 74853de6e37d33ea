/** The ledger: what is added up, and what is not taken for enough. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { FAMILIES } from "#test/fuzz/families.ts";
import { hoursOf, Ledger, type LedgerEntry, RELEASE_HOURS_MIN, sourcesOf } from "#test/fuzz/ledger.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const entry: LedgerEntry = {
  family: "ranges",
  date: "2026-11-23T08:00:00.000Z",
  commit: "0123456789ab",
  sources: "now",
  engine: "own",
  seed: 1,
  seconds: 3600,
  executions: 1000,
  reached: 10,
  inputs: 5,
  corpus: "digest",
  found: 0,
};
const families = [
  { name: "ranges", sources: "now" },
  { name: "tokens", sources: "now" },
];

describe("fuzz ledger", () => {
  const directory = mkdtempSync(join(tmpdir(), "cepa-ledger-"));
  after(() => rmSync(directory, { recursive: true }));

  it("has nothing before the first run, and then every run in order", () => {
    const ledger = new Ledger(join(directory, "ledger.jsonl"));
    assert.deepEqual(ledger.read(), []);

    ledger.append(entry);
    ledger.append({ ...entry, seed: 2 });

    assert.deepEqual(ledger.read(), [entry, { ...entry, seed: 2 }]);
  });

  it("says which line is none", () => {
    const path = join(directory, "broken.jsonl");
    writeFileSync(path, `${JSON.stringify(entry)}\n<<<<<<< HEAD\n`);

    assert.throws(() => new Ledger(path).read(), /line 2 of .*broken\.jsonl is no entry of a ledger/);
  });

  it("adds up by families, those that were never run too, and tells older sources apart", () => {
    const entries = [entry, { ...entry, sources: "before", seconds: 1800, found: 1 }];

    assert.deepEqual(hoursOf(entries, families), [
      {
        family: "ranges",
        hours: 1.5,
        hoursNow: 1,
        executions: 2000,
        runs: 2,
        found: 1,
        isEnough: false,
      },
      { family: "tokens", hours: 0, hoursNow: 0, executions: 0, runs: 0, found: 0, isEnough: false },
    ]);
  });

  it("is enough at the hours of a release, and not a second before", () => {
    const seconds = RELEASE_HOURS_MIN * 3600;
    const isEnough = (all: number): boolean | undefined => hoursOf([{ ...entry, seconds: all }], families)[0]?.isEnough;

    assert.deepEqual([isEnough(seconds), isEnough(seconds - 1)], [true, false]);
  });

  it("knows the sources of every family", () => {
    const digests = FAMILIES.map(({ name }) => sourcesOf(ROOT, name));

    assert.equal(new Set(digests).size, FAMILIES.length);
  });
});
