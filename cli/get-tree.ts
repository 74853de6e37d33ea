/**
 * `cepa get -r`: fetches a tree and all that it names into a directory, each object verified against its address.
 *
 * The tree may be anybody's, so nothing outside the directory is ever written: names are single components of a path, a
 * directory is entered only if it is one and no link to one, files are written under names of our own and renamed, and
 * symbolic links are made but never followed.
 *
 * What is there already is kept where it is what the tree says, and replaced where it is another file or another link;
 * anything else in its place ends the get. What had come of a file when a get ended is kept in the directory, under a name
 * that only this tree has, and the next get of the tree goes on from there.
 */
import { join } from "node:path";
import { print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { fetchPart } from "#cli/part-file.ts";
import { type PartFolder, takePartFolder } from "#cli/part-folder.ts";
import { type Progress, startProgress } from "#cli/progress.ts";
import { Slots, TRANSFERS_MAX } from "#cli/slots.ts";
import { fileAt, notReplaced } from "#cli/target.ts";
import { type Parts, readDirectory } from "#cli/tree-reader.ts";
import { enterDirectory, holdsFile, makeLink, moveInto, setMode } from "#cli/tree-target.ts";
import { type ContentEntry, TREE_DEPTH_MAX, type TreeEntry } from "#client/tree.ts";
import { fail } from "#runtime/errors.ts";

/** Entries that one get makes: a small tree that names itself all over would otherwise never end. */
export const TREE_ENTRIES_MAX = 10_000_000;

export interface GetTreeOptions extends NodeChoice {
  readonly output: string;
  /** Fail if the directory exists. */
  readonly clobber?: boolean;
  /** Restore set-user-ID, set-group-ID and sticky too. */
  readonly setuid?: boolean;
  readonly json?: boolean;
}

export async function getTree(address: string, options: GetTreeOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const { output, clobber = true } = options;
  const found = await fileAt(output);
  if (!found.ok) return found;
  if (!clobber && found.value !== undefined) return notReplaced(output);
  if (found.value === "file") return fail({ code: "cli.file-exists", message: `${output}: a file is in the way` });
  const entries = await readDirectory(url.value, address, address);
  if (!entries.ok) return entries.failure.code === "cli.tree-refused" ? noTree(entries.failure.message) : entries;
  const folder = await takePartFolder(output, address);
  if (!folder.ok) return folder;

  const progress = startProgress(output, undefined);
  const get = new TreeGet(url.value, folder.value, options.setuid === true ? 0o7777 : 0o777, progress);
  const done = await get.run(entries.value).finally(folder.value.release);
  progress.end();
  if (done.ok && options.json === true) print(JSON.stringify({ address, directory: output, ...get.tally }));
  return done;
}

/** Of what was named itself: most often it is a file, and the command has one letter too much. */
function noTree(message: string): Outcome {
  return fail({ code: "cli.tree-refused", message: `${message} (a file is fetched without -r)` });
}

class TreeGet {
  /** `bytes` came now; of `files`, `kept` were there already. */
  readonly tally = { files: 0, kept: 0, directories: 1, symlinks: 0, bytes: 0 };
  readonly #url: string;
  readonly #partFolder: PartFolder;
  readonly #modeMask: number;
  readonly #progress: Progress;
  readonly #slots = new Slots(TRANSFERS_MAX);
  readonly #underWay = new Set<Promise<void>>();
  /** With the modes that they get at last: one that may not be written into is filled first. */
  readonly #directories: { readonly path: string; readonly mode: number }[] = [];
  #entryCount = 0;
  /** The first one: after it nothing is begun. */
  #failed: Outcome<never> | undefined;

  constructor(url: string, partFolder: PartFolder, modeMask: number, progress: Progress) {
    this.#url = url;
    this.#partFolder = partFolder;
    this.#modeMask = modeMask;
    this.#progress = progress;
  }

  async run(entries: Parts): Promise<Outcome> {
    await this.#fill(this.#partFolder.root, "", entries, 1);
    await Promise.all(this.#underWay);
    for (const { path, mode } of this.#directories.reverse()) await this.#begin(setMode(path, mode));
    const isOfTree = (path: string) => this.#directories.some((directory) => directory.path === path);
    return this.#failed ?? (await this.#partFolder.remove(isOfTree));
  }

  /** Settles when all that is below has begun. `inner` is the path of it in the tree. */
  async #fill(path: string, inner: string, parts: Parts, depth: number): Promise<void> {
    for await (const part of parts) {
      if (part.ok) await this.#fillPart(path, inner, part.value, depth);
      else this.#failed ??= part;
      if (this.#failed !== undefined) return;
    }
  }

  async #fillPart(path: string, inner: string, entries: readonly TreeEntry[], depth: number): Promise<void> {
    for (const entry of entries) {
      this.#entryCount += 1;
      if (this.#entryCount > TREE_ENTRIES_MAX) this.#tooMuch(`more than ${TREE_ENTRIES_MAX} entries`);
      if (this.#failed !== undefined) return;
      const at = join(path, entry.name);
      const innerAt = `${inner}/${entry.name}`;
      if (entry.kind === "symlink") {
        this.tally.symlinks += 1;
        await this.#begin(makeLink(at, entry.target));
      } else if (entry.kind === "dir") await this.#fillDirectory(at, innerAt, entry, depth);
      else await this.#beginFile(at, innerAt, entry);
    }
  }

  async #fillDirectory(path: string, inner: string, entry: ContentEntry, depth: number): Promise<void> {
    if (depth >= TREE_DEPTH_MAX) return this.#tooMuch(`deeper than ${TREE_DEPTH_MAX} directories`);
    this.tally.directories += 1;
    await this.#begin(enterDirectory(path));
    if (this.#failed !== undefined) return;
    this.#directories.push({ path, mode: entry.mode & this.#modeMask });
    const entries = await readDirectory(this.#url, entry.address, path);
    if (entries.ok) await this.#fill(path, inner, entries.value, depth + 1);
    else this.#failed ??= entries;
  }

  async #beginFile(path: string, inner: string, entry: ContentEntry): Promise<void> {
    await this.#slots.take();
    const fetching = this.#begin(this.#getFile(path, inner, entry)).finally(() => {
      this.#slots.give();
      this.#underWay.delete(fetching);
    });
    this.#underWay.add(fetching);
  }

  async #getFile(path: string, inner: string, entry: ContentEntry): Promise<Outcome> {
    this.tally.files += 1;
    const mode = entry.mode & this.#modeMask;
    const held = await holdsFile(path, entry);
    if (!held.ok) return held;
    if (held.value) {
      this.tally.kept += 1;
      return await setMode(path, mode);
    }
    const part = this.#partFolder.partOf(inner);
    const fetched = await fetchPart(this.#url, part, entry, mode, (count) => {
      this.tally.bytes += count;
      this.#progress.report(this.tally.bytes);
    });
    if (fetched.ok) return await moveInto(part, path);
    const { code, message } = fetched.failure;
    return fail({ code, message: `${path}: ${message}` });
  }

  async #begin(work: Promise<Outcome>): Promise<void> {
    const outcome = await work;
    if (!outcome.ok) this.#failed ??= outcome;
  }

  #tooMuch(what: string): void {
    this.#failed ??= fail({ code: "cli.tree-refused", message: `the tree has ${what}` });
  }
}
