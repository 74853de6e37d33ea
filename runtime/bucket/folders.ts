/**
 * Directories and files by their keys. A directory is an object whose key ends with a slash; a file is what lies right
 * below its path. Paths are plain strings with `/`; `a/b`, `/a/b` and `/a/b/` are the same.
 */
import { type Bucket, type BucketFailure, listAll, listEach, type ObjectFacts } from "#runtime/bucket/bucket.ts";
import { type FileObjects, understand } from "#runtime/bucket/file-objects.ts";
import { formatName, type HeadName } from "#runtime/bucket/object-name.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** Objects of one file that are looked at: more are refused. */
export const FILE_OBJECTS_MAX = 65_536;
/** Objects of one directory, with all that is in it: more are refused. A terabyte of packs has some 150 000. */
export const TREE_OBJECTS_MAX = 2_097_152;

export type Found =
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly head: HeadName; readonly objects: FileObjects }
  /** `objects` are what is left of files that were there. */
  | { readonly kind: "missing"; readonly objects: FileObjects };

/** What is directly in a directory. */
export interface FolderEntry {
  readonly name: string;
  readonly found: Exclude<Found, { kind: "file" }> | { readonly kind: "file"; readonly sizeBytes: number };
}

const NAME = /^[A-Za-z0-9._~-]{1,255}$/;
/** A key may have 1 024 bytes, the name of an extent has up to 66 of them. */
const PATH_LENGTH_MAX = 512;

/** One spelling for each path, without slashes around it; undefined for what this disk cannot name. */
export function pathKey(path: string): string | undefined {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  const isFine = names.every((name) => NAME.test(name) && name !== "..");
  const key = names.join("/");
  return isFine && key.length <= PATH_LENGTH_MAX ? key : undefined;
}

/** Below which everything in it is. */
export function folderOf(key: string): string {
  return key === "" ? "" : `${key}/`;
}

export function parentOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

/** What the path leads to. */
export async function lookUp(bucket: Bucket, key: string): Promise<Result<Found, BucketFailure>> {
  if (key === "") return ok({ kind: "directory" });
  const folder = folderOf(key);
  // The object of a directory comes first: of a large one no more than a page is asked for.
  const first = await bucket.list(folder);
  if (!first.ok) return first;
  const isDirectory = first.value.objects[0]?.key === folder;
  if (isDirectory) return ok({ kind: "directory" });
  const all =
    first.value.next === undefined ? ok(first.value.objects) : await listAll(bucket, folder, FILE_OBJECTS_MAX);
  return all.ok ? ok(foundOf(all.value.map((object) => below(object, folder)))) : all;
}

/** Names of all objects of a file, or of what is left of it, but not what says that it is gone. */
export function namesOf({ latest, log, older, surplus }: FileObjects): readonly string[] {
  const head = latest?.kind === "head" ? [latest] : [];
  return [...surplus, ...[...log, ...older, ...head].map(formatName)];
}

/** What is in it; undefined if it is no directory. */
export async function openFolder(
  bucket: Bucket,
  key: string,
): Promise<Result<readonly FolderEntry[] | undefined, BucketFailure>> {
  const folder = folderOf(key);
  const listing = new FolderListing(folder);
  const listed = await listEach(bucket, folder, TREE_OBJECTS_MAX, (object) => listing.take(object));
  return listed.ok ? listing.end() : listed;
}

/** The keys of all that is below it, its own too, the last one first: the mark of a directory goes after what is in it. */
export async function keysToRemove(bucket: Bucket, key: string): Promise<Result<readonly string[], BucketFailure>> {
  const all = await listAll(bucket, folderOf(key), TREE_OBJECTS_MAX);
  return all.ok ? ok(all.value.map((object) => object.key).reverse()) : all;
}

/** Makes entries of objects in the order of their keys, each as soon as the next one begins: of a file little is remembered. */
class FolderListing {
  readonly #folder: string;
  readonly #entries = new Map<string, FolderEntry>();
  #isDirectory: boolean;
  #isInOrder = true;
  #name: string | undefined;
  #objects: ObjectFacts[] = [];
  #isNameOfDirectory = false;

  constructor(folder: string) {
    this.#folder = folder;
    this.#isDirectory = folder === "";
  }

  take(object: ObjectFacts): void {
    const [name = "", rest, deeper] = object.key.slice(this.#folder.length).split("/");
    if (rest === undefined) {
      this.#isDirectory ||= name === "";
      return;
    }
    if (name !== this.#name) this.#begin(name);
    if (rest === "" || deeper !== undefined) this.#isNameOfDirectory = true;
    else this.#objects.push(below(object, `${this.#folder}${name}/`));
  }

  end(): Result<readonly FolderEntry[] | undefined, BucketFailure> {
    this.#begin(undefined);
    // A file of which only a part was looked at is another one.
    if (!this.#isInOrder) return fail({ code: "bucket.refused", key: this.#folder, status: 200, reason: "NotInOrder" });
    return ok(this.#isDirectory ? [...this.#entries.values()] : undefined);
  }

  #begin(next: string | undefined): void {
    const name = this.#name;
    if (name !== undefined) {
      this.#isInOrder &&= !this.#entries.has(name);
      const found = this.#isNameOfDirectory ? ({ kind: "directory" } as const) : insideOf(foundOf(this.#objects));
      this.#entries.set(name, { name, found });
    }
    this.#name = next;
    this.#objects = [];
    this.#isNameOfDirectory = false;
  }
}

function insideOf(found: Found): FolderEntry["found"] {
  return found.kind === "file" ? { kind: "file", sizeBytes: found.objects.sizeBytes } : found;
}

function foundOf(below: readonly ObjectFacts[]): Found {
  const objects = understand(below);
  const { latest } = objects;
  return latest?.kind === "head" ? { kind: "file", head: latest, objects } : { kind: "missing", objects };
}

function below({ key, sizeBytes }: ObjectFacts, folder: string): ObjectFacts {
  return { key: key.slice(folder.length), sizeBytes };
}
