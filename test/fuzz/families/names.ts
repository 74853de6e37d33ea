/** Records of names: canonical, and signed by whoever they are of. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decodeNameRecord, encodeNameRecord, verifyNameRecord } from "#actors/domain/name-record.ts";
import { decodeNameEntry, encodeNameEntry } from "#actors/index/names/name-entry.ts";
import { must } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";
import { type NameVectors, vectorsFile } from "#test/actors/domain/name-vectors.ts";
import { readRecord } from "#test/actors/domain/name-verifier.ts";
import type { Target } from "#test/fuzz/target.ts";

const { records } = JSON.parse(readFileSync(vectorsFile, "utf8")) as NameVectors;
const seeds = records
  .map(({ record }) => new Uint8Array(Buffer.from(record, "hex")))
  .filter(({ length }) => length < 2 * KiB);

const record: Target = {
  name: "name record",
  seeds,
  check(input) {
    const read = decodeNameRecord(input);
    if (read.ok) assert.deepEqual(Buffer.from(encodeNameRecord(read.value, read.value.signature)), Buffer.from(input));
    const verified = verifyNameRecord(input);
    const second = readRecord(input);
    assert.equal(typeof second === "string" ? `name.${second}` : "good", verified.ok ? "good" : verified.failure.code);
  },
};

const good = seeds.filter((seed) => decodeNameRecord(seed).ok).slice(0, 2);
const [one, other] = good.map((seed) => must(decodeNameRecord(seed), "it was just read"));
assert(one !== undefined && other !== undefined);
const entry: Target = {
  name: "entry of a name",
  seeds: [
    encodeNameEntry({ kind: "record", record: one }),
    encodeNameEntry({ kind: "evidence", evidence: [one, other] }),
  ],
  check(input) {
    const read = decodeNameEntry(input);
    if (read !== undefined) assert.deepEqual(Buffer.from(encodeNameEntry(read)), Buffer.from(input));
  },
};

export const TARGETS: readonly Target[] = [record, entry];
