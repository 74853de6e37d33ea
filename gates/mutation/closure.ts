/**
 * Which files a test can load: what it imports, what that imports, and on.
 *
 * Read off the texts, so it is known in no time, and rather too much than too little: a path between quotation marks counts as
 * an import, because tests start programs by their paths. Types leave nothing to load, and a comment loads nothing. What is found
 * by a pattern, or named in pieces, is not seen.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const COMMENT = /^\s*(?:\/\*|\*|\/\/).*$/gm;
const TYPES =
  /^(?:import|export)\s+(?:type\s[^"';]*|\{\s*type\s[\w$]+(?:,\s*type\s[\w$]+)*,?\s*\}\s*)from\s+"[^"]+";/gm;
const PATH = /(["'`])([#\w./-]+\.ts)\1/g;

export class Closures {
  readonly #root: string;
  readonly #edges = new Map<string, readonly string[]>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Paths from the root, `file` among them. */
  of(file: string): ReadonlySet<string> {
    const found = new Set([file]);
    for (const path of found) for (const next of this.#edgesOf(path)) found.add(next);
    return found;
  }

  #edgesOf(file: string): readonly string[] {
    const known = this.#edges.get(file);
    if (known !== undefined) return known;
    const text = readFileSync(join(this.#root, file), "utf8").replaceAll(COMMENT, "").replaceAll(TYPES, "");
    const named = [...text.matchAll(PATH)].flatMap(([, , path = ""]) => this.#filesNamed(path, file));
    const edges = [...new Set(named)];
    this.#edges.set(file, edges);
    return edges;
  }

  /** From the root, as imports are written, or beside the file that names it. */
  #filesNamed(path: string, from: string): readonly string[] {
    const places = path.startsWith("#") ? [path.slice(1)] : [normalize(path), join(dirname(from), path)];
    return places.filter((place) => !place.startsWith("..") && this.#isFile(place));
  }

  #isFile(path: string): boolean {
    const file = join(this.#root, path);
    return existsSync(file) && statSync(file).isFile();
  }
}
