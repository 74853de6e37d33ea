/**
 * What the tests run of the sources, counted by V8 in every process that they lead to.
 *
 * Each process that is started with `NODE_V8_COVERAGE` writes, when it ends, what it ran; Node hands the variable on to what a
 * process starts, whatever environment it is given. Thousands of processes write a hundred megabytes a minute, so files are
 * taken in and removed while the tests run. A process that is killed writes nothing: what only it has run does not count.
 */
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CountedScript, Counts, type FileFigures } from "#gates/coverage/counts.ts";
import { outlineOf } from "#gates/coverage/outline.ts";
import { hour } from "#runtime/units.ts";

export interface CoverageOptions {
  /** Whose sources are measured. */
  readonly root: string;
  readonly folders: readonly string[];
  /** Where a folder for what processes write is made. */
  readonly scratch: string;
}

export interface Coverage {
  /** By path from the root. */
  readonly files: ReadonlyMap<string, FileFigures>;
  /** How many processes and threads said what they ran. */
  readonly processes: number;
  /** Files that a process did not write to their end. */
  readonly broken: number;
  /** How often a source was loaded with another text than it has: with a bug planted in it. */
  readonly otherTexts: number;
}

export class CoverageCollector {
  /** Where processes are to write: the value of `NODE_V8_COVERAGE`. */
  readonly folder: string;
  readonly #counts: ReadonlyMap<string, Counts>;
  readonly #base: string;
  #processes = 0;
  #otherTexts = 0;

  constructor({ root, folders, scratch }: CoverageOptions) {
    mkdirSync(scratch, { recursive: true });
    removeAbandoned(scratch);
    this.folder = mkdtempSync(join(scratch, "v8-"));
    this.#base = `${pathToFileURL(root)}/`;
    const paths = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root, exclude: isInstalled }));
    this.#counts = new Map(
      paths.sort().map((path) => [path, new Counts(outlineOf(readFileSync(join(root, path), "utf8")))]),
    );
  }

  /** Takes in what is there. A file that is not whole may still be in writing. */
  take(): void {
    for (const name of readdirSync(this.folder)) {
      const path = join(this.folder, name);
      const scripts = scriptsIn(readFileSync(path, "utf8"));
      if (scripts === undefined) continue;
      rmSync(path);
      this.#processes += 1;
      for (const script of scripts) this.#add(script);
    }
  }

  /** What was counted, once nothing runs any more. */
  end(): Coverage {
    this.take();
    const broken = readdirSync(this.folder).length;
    rmSync(this.folder, { recursive: true });
    const files = new Map([...this.#counts].map(([path, counts]) => [path, counts.figures()]));
    return { files, processes: this.#processes, broken, otherTexts: this.#otherTexts };
  }

  #add(script: CountedScript): void {
    if (!script.url.startsWith(this.#base)) return;
    const counts = this.#counts.get(script.url.slice(this.#base.length));
    if (counts !== undefined && !counts.add(script)) this.#otherTexts += 1;
  }
}

/** What an interrupted run has left. One that is under way writes all the time; another one may be removing the same. */
export function removeAbandoned(scratch: string): void {
  for (const name of readdirSync(scratch)) {
    const path = join(scratch, name);
    const { mtimeMs = Infinity } = statSync(path, { throwIfNoEntry: false }) ?? {};
    const isAbandoned = name.startsWith("v8-") && mtimeMs < Date.now() - 1 * hour;
    if (isAbandoned) rmSync(path, { recursive: true, force: true });
  }
}

function isInstalled(path: string): boolean {
  return path.includes("node_modules");
}

/** Undefined for what is no JSON, or not yet. */
function scriptsIn(text: string): readonly CountedScript[] | undefined {
  try {
    return (JSON.parse(text) as { readonly result: readonly CountedScript[] }).result;
  } catch {
    return undefined;
  }
}
