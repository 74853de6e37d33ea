/**
 * Directories as objects, on the client's side: made here, and read here from anybody. `specs/formats/tree.md` is the
 * format; the node reads it by itself (`actors/domain/tree.ts`), because the client is no part of it.
 *
 * Invariants of everything that `decodeTree` accepts:
 * - it is canonical DAG-CBOR of at most `TREE_BYTES_MAX` bytes, with the fields of this version and no others;
 * - names are single components of a path, in the order of their bytes, none twice.
 *
 * Runs in a browser: no import but of its own.
 */
import { digest, link, list, map, TreeBytes, text, uint } from "#client/tree-bytes.ts";

/** Bytes of one tree. A directory with more in it is cut into parts. */
export const TREE_BYTES_MAX = 1_048_576;
/** Bytes of a name. */
export const NAME_BYTES_MAX = 255;
/** Bytes of the target of a symbolic link. */
export const TARGET_BYTES_MAX = 4095;
/** Directories inside one another. Paths of operating systems end sooner; those of a hostile tree need not. */
export const TREE_DEPTH_MAX = 256;
/** Permission bits, and those for set-user-ID, set-group-ID and sticky. */
const MODE_MAX = 0o7777;
/** More than what an encoded tree has beside its entries. */
const FRAME_BYTES = 64;

/** What is stored under an address, with the root of its manifest. */
export interface Stored {
  readonly address: string;
  /** 64 hex digits. */
  readonly manifest: string;
  readonly size: number;
}

export interface ContentEntry extends Stored {
  readonly kind: "file" | "dir";
  readonly name: string;
  readonly mode: number;
}

export interface SymlinkEntry {
  readonly kind: "symlink";
  readonly name: string;
  readonly target: string;
}

export type TreeEntry = ContentEntry | SymlinkEntry;

/** A tree of entries that is a part of a directory; `first` is the first name in it. */
export interface TreePart extends Stored {
  readonly first: string;
}

export type Tree = { readonly entries: readonly TreeEntry[] } | { readonly parts: readonly TreePart[] };

/** `specs/formats/tree.md` says what each means. */
export type TreeProblem =
  | "too-large"
  | "not-a-tree"
  | "bad-entry"
  | "bad-name"
  | "bad-mode"
  | "bad-size"
  | "bad-target"
  | "out-of-order"
  | "trailing-bytes";

/** Of entries, or parts, in the order of their names. It may be larger than a tree may be: `cutEntries` sees to that. */
export function encodeTree(tree: Tree): Uint8Array {
  const field = "entries" in tree ? list(tree.entries.map(encodeEntry)) : list(tree.parts.map(encodePart));
  return map(["v", uint(1)], ["entries" in tree ? "entries" : "parts", field]);
}

/** The tree that `bytes` are, or what is wrong with them. */
export function decodeTree(bytes: Uint8Array): Tree | TreeProblem {
  if (bytes.length > TREE_BYTES_MAX) return "too-large";
  const reader = new TreeBytes(bytes);
  if (reader.map() !== 2 || !reader.key("v") || reader.uint() !== 1) return "not-a-tree";
  if (reader.key("entries")) {
    const entries = readList(reader, readEntry, ({ name }) => name);
    return typeof entries === "string" ? entries : { entries };
  }
  if (!reader.key("parts")) return "not-a-tree";
  const parts = readList(reader, readPart, ({ first }) => first);
  return typeof parts === "string" ? parts : { parts };
}

/** Runs of `entries` that each fit into a tree. One run, unless the directory is very large. */
export function cutEntries(entries: readonly TreeEntry[], bytesMax: number = TREE_BYTES_MAX): readonly TreeEntry[][] {
  const runs: TreeEntry[][] = [[]];
  let sizeBytes = FRAME_BYTES;
  for (const entry of entries) {
    const entryBytes = encodeEntry(entry).length;
    if (sizeBytes + entryBytes > bytesMax) {
      runs.push([]);
      sizeBytes = FRAME_BYTES;
    }
    runs.at(-1)?.push(entry);
    sizeBytes += entryBytes;
  }
  return runs;
}

/** By their UTF-8, as trees are sorted: not the order of JavaScript's strings. */
export function compareNames(left: string, right: string): number {
  const [a, b] = [utf8(left), utf8(right)];
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether it is one component of a path, which can lead nowhere but into its directory. */
export function isName(value: string | undefined): value is string {
  return isText(value, NAME_BYTES_MAX) && value !== "." && value !== ".." && !value.includes("/");
}

/** Whether it can be where a symbolic link leads. */
export function isTarget(value: string | undefined): value is string {
  return isText(value, TARGET_BYTES_MAX);
}

function encodeEntry(entry: TreeEntry): Uint8Array {
  const kind = ["kind", text(entry.kind)] as const;
  const name = ["name", text(entry.name)] as const;
  if (entry.kind === "symlink") return map(kind, name, ["target", text(entry.target)]);
  const { mode, manifest, size, address } = entry;
  const object = ["object", digest(address.slice(3))] as const;
  return map(kind, ["link", link(manifest)], ["mode", uint(mode)], name, ["size", uint(size)], object);
}

function encodePart({ first, manifest, size, address }: TreePart): Uint8Array {
  const object = ["object", digest(address.slice(3))] as const;
  return map(["link", link(manifest)], ["size", uint(size)], ["first", text(first)], object);
}

/** The items, in the order of their names, to the end of the tree. */
function readList<Item extends object>(
  reader: TreeBytes,
  read: (reader: TreeBytes) => Item | TreeProblem,
  nameOf: (item: Item) => string,
): readonly Item[] | TreeProblem {
  const count = reader.list();
  if (count === undefined) return "not-a-tree";
  const items: Item[] = [];
  for (let index = 0; index < count; index += 1) {
    const item = read(reader);
    if (typeof item === "string") return item;
    const before = items.at(-1);
    if (before !== undefined && compareNames(nameOf(before), nameOf(item)) >= 0) return "out-of-order";
    items.push(item);
  }
  return reader.hasEnded ? items : "trailing-bytes";
}

function readEntry(reader: TreeBytes): TreeEntry | TreeProblem {
  const fieldCount = reader.map();
  const kind = reader.key("kind") ? reader.text(NAME_BYTES_MAX) : undefined;
  if (kind === "symlink" && fieldCount === 3) {
    const name = readName(reader, "name");
    if (typeof name === "object") return name.problem;
    const target = reader.key("target") ? reader.text(TARGET_BYTES_MAX) : undefined;
    return isTarget(target) ? { kind, name, target } : "bad-target";
  }
  if ((kind !== "file" && kind !== "dir") || fieldCount !== 6) return "bad-entry";
  const manifest = reader.key("link") ? reader.link() : undefined;
  if (manifest === undefined) return "bad-entry";
  const mode = reader.key("mode") ? reader.uint() : undefined;
  if (mode === undefined || mode > MODE_MAX) return "bad-mode";
  const name = readName(reader, "name");
  if (typeof name === "object") return name.problem;
  const size = readSize(reader, kind === "dir" ? TREE_BYTES_MAX : Number.MAX_SAFE_INTEGER);
  if (size === undefined) return "bad-size";
  const address = readObject(reader);
  return address === undefined ? "bad-entry" : { kind, name, mode, address, manifest, size };
}

function readPart(reader: TreeBytes): TreePart | TreeProblem {
  const manifest = reader.map() === 4 && reader.key("link") ? reader.link() : undefined;
  if (manifest === undefined) return "bad-entry";
  const size = readSize(reader, TREE_BYTES_MAX);
  if (size === undefined) return "bad-size";
  const first = readName(reader, "first");
  if (typeof first === "object") return first.problem;
  const address = readObject(reader);
  return address === undefined ? "bad-entry" : { first, address, manifest, size };
}

/** Any text may be a name, so what is wrong with one is no text. */
function readName(reader: TreeBytes, key: string): string | { readonly problem: TreeProblem } {
  if (!reader.key(key)) return { problem: "bad-entry" };
  const name = reader.text(NAME_BYTES_MAX);
  return isName(name) ? name : { problem: "bad-name" };
}

function readSize(reader: TreeBytes, sizeMax: number): number | undefined {
  const size = reader.key("size") ? reader.uint() : undefined;
  return size === undefined || size > sizeMax ? undefined : size;
}

function readObject(reader: TreeBytes): string | undefined {
  const hex = reader.key("object") ? reader.digest() : undefined;
  return hex && `b3:${hex}`;
}

function isText(value: string | undefined, bytesMax: number): value is string {
  // Who reads UTF-8 takes a byte order mark away: what begins with one would not come back.
  if (value === undefined || value === "" || /^\ufeff|\0/.test(value)) return false;
  return value.length <= bytesMax && utf8(value).length <= bytesMax;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
