/** Bugs that the histories of ingest have to notice. */
import type { Plant } from "#test/kit/planted.ts";

const check = {
  file: "test/actors/ingest/histories.property.test.ts",
  test: "lose nothing, write nothing twice, and drop nothing silently",
};
const isLost = /event \d+ is a row/;

/** What was acknowledged is lost, or may be. */
export const LOSING: readonly Plant[] = [
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

/** What was destroyed from outside is not told of, or what was not is. */
export const MISTOLD: readonly Plant[] = [
  {
    name: "what is spilled is acknowledged, and nobody else knows of it",
    file: "actors/ingest/reader.ts",
    from: "const known = await record.keep(within);\n    if (!known.ok) return known;\n",
    to: "",
    check,
    says: /0 are told lost, and \d+ are/,
  },
  {
    name: "a file of the spill is removed, and no mark says that it was given back",
    file: "actors/ingest/spill/spill.ts",
    from: "const marked = await this.#mark.moveTo(this.#first);\n    if (!marked.ok) return marked;\n",
    to: "",
    check: checkGone("is raised for what was given back and removed, wherever a life ends then (ING-41)"),
    says: "lostCountMin: 6",
  },
  {
    name: "rows that the spill counts when it is opened are not made durable",
    file: "actors/ingest/spill/segment-reader.ts",
    from: "const written = await disk.write(descriptor, [read.value], at);\n  return written.ok && (await disk.sync(descriptor)).ok;",
    to: "return true;",
    check: checkGone("is raised for what was read back once and never synced (ING-41)"),
    says: "lostCountMin: 2",
  },
];

function checkGone(test: string): Plant["check"] {
  return { file: "test/actors/ingest/spill/gone.test.ts", test };
}

export const PLANTS: readonly Plant[] = [...LOSING, ...MISTOLD];
