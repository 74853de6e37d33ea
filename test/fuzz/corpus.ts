/**
 * Inputs that reach something, kept beside the code: a file for each target, a line for each input.
 *
 * A line is a JSON text with a character for each byte where that is shorter, and people can read it; otherwise hex. `!` before
 * it marks one that found a bug: it is there for good, whatever it reaches. Lines are in order, so that two who have added some
 * can be merged.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { slugOf } from "#test/fuzz/families.ts";
import type { Family, Target } from "#test/fuzz/target.ts";

export interface CorpusInput {
  readonly bytes: Uint8Array;
  /** It found a bug once. */
  readonly isPinned: boolean;
}

/** Inputs of a target beside the pinned ones, and bytes of one: the corpus is cloned by everybody. */
export const CORPUS_INPUTS_MAX = 40;
export const CORPUS_INPUT_BYTES_MAX = 1024;

export class Corpus {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Of a target without a file: none. Throws for a line that is none. */
  read(family: Family, target: Target): readonly CorpusInput[] {
    return this.#textOf(family, target).split("\n").filter(Boolean).map(inputIn);
  }

  /** Whether that changed anything. */
  write(family: Family, target: Target, inputs: readonly CorpusInput[]): boolean {
    const lines = [...new Set(inputs.map(lineOf))].sort();
    const text = lines.map((line) => `${line}\n`).join("");
    if (text === this.#textOf(family, target)) return false;
    mkdirSync(join(this.#folder, family.name), { recursive: true });
    writeFileSync(this.pathOf(family, target), text);
    return true;
  }

  /** Of all inputs of the family: the same where they are. */
  digest(family: Family, targets: readonly Target[]): string {
    const hash = createHash("sha256");
    for (const target of targets) hash.update(`${slugOf(target)}\n${this.#textOf(family, target)}`);
    return hash.digest("hex").slice(0, 16);
  }

  #textOf(family: Family, target: Target): string {
    try {
      return readFileSync(this.pathOf(family, target), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  }

  pathOf(family: Family, target: Target): string {
    return join(this.#folder, family.name, `${slugOf(target)}.txt`);
  }
}

function lineOf({ bytes, isPinned }: CorpusInput): string {
  const hex = Buffer.from(bytes).toString("hex");
  const text = JSON.stringify(Buffer.from(bytes).toString("latin1")).replaceAll(
    /[\x7f-\xff]/g,
    (char) => `\\u00${char.charCodeAt(0).toString(16)}`,
  );
  return `${isPinned ? "!" : ""}${text.length <= hex.length + 2 ? text : hex}`;
}

function inputIn(line: string): CorpusInput {
  const isPinned = line.startsWith("!");
  const written = isPinned ? line.slice(1) : line;
  const bytes = written.startsWith('"') ? Buffer.from(JSON.parse(written), "latin1") : Buffer.from(written, "hex");
  const input = { bytes: new Uint8Array(bytes), isPinned };
  if (lineOf(input) !== line) throw new Error(`no line of a corpus: ${line.slice(0, 80)}`);
  return input;
}
