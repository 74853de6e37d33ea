/** The corpus: every reader is right about every input of it, and it stays small. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { KiB } from "#runtime/units.ts";
import { Corpus, type CorpusInput } from "#test/fuzz/corpus.ts";
import { FAMILIES, slugOf } from "#test/fuzz/families.ts";
import { minimise } from "#test/fuzz/minimise.ts";
import { examine } from "#test/fuzz/oracle.ts";
import type { Family, Target } from "#test/fuzz/target.ts";

const FOLDER = join(import.meta.dirname, "corpus");
const corpus = new Corpus(FOLDER);
/** Of all files: everybody clones them. */
const CORPUS_BYTES_MAX = 640 * KiB;

describe("fuzz corpus", () => {
  for (const family of FAMILIES) {
    it(`is what the readers are right about: ${family.name}`, async () => {
      for (const target of await family.load()) {
        const inputs = corpus.read(family, target).map(({ bytes }) => bytes);
        try {
          for (const bytes of [...target.seeds, ...inputs]) await examine(target, bytes);
        } finally {
          await target.close?.();
        }
      }
    });
  }

  it("has something of every family, files of targets alone, and is small", async () => {
    const wanted = new Set<string>();
    for (const family of FAMILIES) {
      for (const target of await family.load()) wanted.add(join(family.name, `${slugOf(target)}.txt`));
    }
    const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map(({ parentPath, name }) => join(parentPath, name));

    assert.deepEqual(
      paths.filter((path) => !wanted.has(path.slice(FOLDER.length + 1))),
      [],
    );
    for (const { name } of FAMILIES) assert(existsSync(join(FOLDER, name)), `${name} has a corpus`);
    const sizeBytes = paths.reduce((sum, path) => sum + readFileSync(path).length, 0);
    assert(sizeBytes <= CORPUS_BYTES_MAX, `${sizeBytes} bytes`);
  });
});

describe("fuzz corpus: files", () => {
  const directory = mkdtempSync(join(tmpdir(), "cepa-corpus-"));
  after(() => rmSync(directory, { recursive: true }));
  const target: Target = { name: "A target, or two", seeds: [], check: () => undefined };
  const family: Family = { name: "own", reads: "", load: async () => [target] };
  const own = new Corpus(directory);

  it("give back what was written, whatever it is (property)", () => {
    const inputs = fc.uniqueArray(fc.uint8Array({ maxLength: 40 }), {
      selector: (bytes) => Buffer.from(bytes).toString("hex"),
    });
    fc.assert(
      fc.property(inputs, fc.boolean(), (all, isPinned) => {
        const written = all.map((bytes): CorpusInput => ({ bytes: new Uint8Array(bytes), isPinned }));

        own.write(family, target, written);

        const sorted = (some: readonly CorpusInput[]): unknown =>
          some.map(({ bytes, isPinned: pinned }) => `${pinned} ${Buffer.from(bytes).toString("hex")}`).sort();
        assert.deepEqual(sorted(own.read(family, target)), sorted(written));
        assert.equal(own.write(family, target, written), false, "nothing changes twice");
      }),
      { numRuns: 50 },
    );
  });

  it("are lines that people read where that is shorter", () => {
    own.write(family, target, [
      { bytes: new Uint8Array(Buffer.from('bytes="1"\n')), isPinned: false },
      { bytes: Uint8Array.of(0, 1, 255), isPinned: true },
    ]);

    const text = readFileSync(join(directory, "own", "a-target-or-two.txt"), "utf8");
    assert.equal(text, '!0001ff\n"bytes=\\"1\\"\\n"\n');
  });
});

describe("fuzz corpus: what is kept", () => {
  it("is the shortest that goes each way, and all that ever found a bug", async () => {
    const [ranges] = (await FAMILIES.find(({ name }) => name === "ranges")?.load()) ?? [];
    assert(ranges !== undefined);
    const bare: Target = { ...ranges, seeds: [] };
    const of = (text: string, isPinned = false): CorpusInput => ({
      bytes: new Uint8Array(Buffer.from(text)),
      isPinned,
    });
    const pinned = of(`bytes=0-${"1".repeat(2000)}`, true);

    const kept = await minimise(bare, [of("bytes=-1"), of("bytes=-2"), of("bytes=-12345"), of("x"), of("y"), pinned]);

    const texts = kept.map(({ bytes }) => Buffer.from(bytes).toString());
    assert(texts.includes(Buffer.from(pinned.bytes).toString()));
    assert.deepEqual(texts.filter((text) => text.length < 10).sort(), ["bytes=-1", "x"]);
  });
});
