/** Bugs that the histories of ingest have to notice. */
import type { Plant } from "#test/kit/planted.ts";

const check = {
  file: "test/actors/ingest/histories.property.test.ts",
  test: "lose nothing, write nothing twice, and drop nothing silently",
};
const isLost = /event \d+ is a row/;

export const PLANTS: readonly Plant[] = [
  {
    name: "a page is acknowledged that the spill had no room for",
    file: "actors/ingest/writer.ts",
    from: "if (!spilled.ok) return spilled;",
    to: 'if (!spilled.ok) return ok(rows.map(() => ({ kind: "spilled" })));',
    check,
    says: isLost,
  },
  {
    name: "what was spilled is dropped though Postgres did not take it",
    file: "actors/ingest/writer.ts",
    from: "this.#replayCount = Math.max(1, Math.floor(this.#replayCount / 2));\n      return false;",
    to: "return (await spill.drop(oldest.value, within)).ok;",
    check,
    says: isLost,
  },
  {
    name: "a page is acknowledged before its rows are kept",
    file: "actors/ingest/reader.ts",
    from: "const kept = await writer.write(",
    to: "await group.ack(all.map(({ id }) => id), within);\n    const kept = await writer.write(",
    check,
    says: isLost,
  },
  {
    name: "what is no event is acknowledged, and kept nowhere",
    file: "actors/ingest/reader.ts",
    from: "const added = await deadLetters.add(letters, within, (part) => {",
    to: "const added: Result<void, Failure> = { ok: true, value: undefined };\n    [letters].forEach((part) => {",
    check,
    says: "Expected values to be",
  },
];
