/**
 * The names of the simulated disk: which path leads to which file, now and after a power cut.
 *
 * Invariants:
 * - every change of names is one atomic step, a rename too;
 * - a power cut keeps any subset of the steps not yet synced, except that a step is lost with every earlier one that it
 *   builds on (the same path, or a directory above it);
 * - making a directory is durable at once, as the seam promises.
 */
import type { FileFacts } from "#runtime/disk/disk.ts";
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { MemoryFile } from "#runtime/simulated/memory-file.ts";

export type Entry = MemoryFile | "directory";

/** `entry` appears at `to` (unless gone) and whatever was at `from` goes from there. Directories move with their tree. */
interface Step {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly entry: Entry;
}

export class MemoryNames {
  #visible = new Map<string, Entry>([["/", "directory"]]);
  #durable = new Map<string, Entry>(this.#visible);
  #unsynced: Step[] = [];

  at(path: string): Entry | undefined {
    return this.#visible.get(path);
  }

  /** Paths directly in `directory`. */
  childrenOf(directory: string): readonly string[] {
    return [...this.#visible.keys()].filter((path) => path !== "/" && parentOf(path) === directory);
  }

  /** Paths under `path` and `path` itself, deepest first. */
  treeOf(path: string): readonly string[] {
    const paths = [...this.#visible.keys()].filter((other) => other === path || isUnder(other, path));
    return paths.sort((one, other) => other.length - one.length);
  }

  /** Why nothing can be made at `path`, in the system's words. */
  parentProblem(path: string): "ENOENT" | "ENOTDIR" | undefined {
    const parent = this.at(parentOf(path));
    if (parent === "directory") return undefined;
    return parent === undefined ? "ENOENT" : "ENOTDIR";
  }

  /** Why `from` cannot become `to`, in the system's words. */
  renameProblem(from: string, to: string): "ENOENT" | "ENOTDIR" | "EISDIR" | "EINVAL" | "ENOTEMPTY" | undefined {
    const source = this.at(from);
    const target = this.at(to);
    if (source === undefined) return "ENOENT";
    const parentProblem = this.parentProblem(to);
    if (parentProblem !== undefined) return parentProblem;
    if (source === "directory" && isUnder(to, from)) return "EINVAL";
    if (target === undefined || from === to) return undefined;
    if (source !== "directory") return target === "directory" ? "EISDIR" : undefined;
    if (target !== "directory") return "ENOTDIR";
    return this.childrenOf(to).length > 0 ? "ENOTEMPTY" : undefined;
  }

  makeDirectory(path: string): void {
    // What was removed here before is removed for good: the platter cannot hold both.
    this.#makeDurable((step) => touches(step, path));
    this.#visible.set(path, "directory");
    this.#durable.set(path, "directory");
  }

  create(path: string, file: MemoryFile): void {
    this.#take({ from: undefined, to: path, entry: file });
  }

  rename(from: string, to: string): void {
    const entry = this.#visible.get(from);
    assert(entry !== undefined, "only what exists is renamed");
    if (from !== to) this.#take({ from, to, entry });
  }

  remove(path: string): void {
    const entry = this.#visible.get(path);
    assert(entry !== undefined, "only what exists is removed");
    this.#take({ from: path, to: undefined, entry });
  }

  sync(directory: string): void {
    this.#makeDurable(({ from, to }) =>
      [from, to].some((path) => path !== undefined && (path === directory || parentOf(path) === directory)),
    );
  }

  /** The power is cut. */
  crash(random: Random): void {
    const lost: Step[] = [];
    for (const step of this.#unsynced) {
      if (random.below(2) === 0 || lost.some((earlier) => buildsOn(step, earlier))) lost.push(step);
      else apply(step, this.#durable);
    }
    this.#visible = new Map(this.#durable);
    this.#unsynced = [];
  }

  /** Files that a name leads to, each once. */
  files(): ReadonlySet<MemoryFile> {
    return new Set([...this.#visible.values()].filter((entry) => entry !== "directory"));
  }

  #take(step: Step): void {
    apply(step, this.#visible);
    this.#unsynced.push(step);
  }

  /** Makes the chosen steps durable, with the earlier ones that they build on. */
  #makeDurable(isChosen: (step: Step) => boolean): void {
    const chosen: Step[] = [];
    for (const step of this.#unsynced.toReversed()) {
      if (isChosen(step) || chosen.some((later) => buildsOn(later, step))) chosen.unshift(step);
    }
    for (const step of chosen) apply(step, this.#durable);
    this.#unsynced = this.#unsynced.filter((step) => !chosen.includes(step));
  }
}

/** One spelling for each path: absolute, without empty names and dots. */
export function normalPath(path: string): string {
  return `/${path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/")}`;
}

export function factsOf(path: string, entry: Entry): FileFacts {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (entry === "directory") return { name, kind: "directory", sizeBytes: 0 };
  return { name, kind: "file", sizeBytes: entry.sizeBytes };
}

/** The directory that holds `path`; `/` for `/`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function apply({ from, to, entry }: Step, names: Map<string, Entry>): void {
  if (from !== undefined) {
    const moved = [...names].filter(([path]) => isUnder(path, from));
    names.delete(from);
    for (const [path, below] of moved) {
      names.delete(path);
      if (to !== undefined) names.set(to + path.slice(from.length), below);
    }
  }
  if (to !== undefined) names.set(to, entry);
}

function buildsOn(later: Step, earlier: Step): boolean {
  return [earlier.from, earlier.to].some((path) => path !== undefined && touches(later, path));
}

function touches({ from, to }: Step, path: string): boolean {
  return [from, to].some((own) => own !== undefined && (own === path || isUnder(own, path) || isUnder(path, own)));
}

function isUnder(path: string, directory: string): boolean {
  return path !== directory && path.startsWith(directory === "/" ? "/" : `${directory}/`);
}
