/**
 * What became of each mutant, in a file of the repository: a source that has not changed is not tried again.
 *
 * One character a mutant, in the order of the source: `k` a test failed, `t` a test did not end, `s` it survived every test that
 * runs it, `u` no test runs it, `.` not tried yet. A kill is kept when tests change, since nobody takes a test away for nothing;
 * what survived is tried again when asked.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

export type Fate = "k" | "t" | "s" | "u" | ".";

interface SourceResults {
  readonly digest: string;
  fates: string;
}

export class MutationResults {
  readonly #path: string;
  readonly #sources: Map<string, SourceResults>;

  constructor(path: string) {
    this.#path = path;
    this.#sources = new Map(Object.entries(readResults(path)));
  }

  /** Whose digest is another, or which is not known yet, begins from nothing. */
  begin(path: string, source: string, count: number): void {
    const digest = createHash("sha256").update(source).digest("hex").slice(0, 16);
    const known = this.#sources.get(path);
    if (known?.digest === digest && known.fates.length === count) return;
    this.#sources.set(path, { digest, fates: ".".repeat(count) });
  }

  fateOf(path: string, index: number): Fate {
    return (this.#sources.get(path)?.fates[index] ?? ".") as Fate;
  }

  set(path: string, index: number, fate: Fate): void {
    const known = this.#sources.get(path);
    if (known === undefined) return;
    known.fates = known.fates.slice(0, index) + fate + known.fates.slice(index + 1);
  }

  /** Sources that are there no more are forgotten: `paths` are all. Those of which nothing was tried are not written. */
  save(paths: ReadonlySet<string>): void {
    const kept = [...this.#sources]
      .filter(([path, { fates }]) => paths.has(path) && /[^.]/.test(fates))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = kept.map(([path, results]) => `${JSON.stringify(path)}: ${JSON.stringify(results)}`);
    writeFileSync(this.#path, `{\n${lines.join(",\n")}\n}\n`);
  }
}

function readResults(path: string): Readonly<Record<string, SourceResults>> {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, SourceResults>) : {};
}
