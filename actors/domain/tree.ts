/**
 * A directory as an object: the names in it, and for each what it is. `specs/formats/tree.md` is the format.
 *
 * The node does not make trees: whoever has a directory does (`client/tree.ts`). It looks at one before it keeps it, so that
 * every tree here can be walked, and so that what a tree refers to can be found from it.
 *
 * A tree has one spelling, so it is read by comparing it with that: a general decoder, and an encoder to see whether the
 * spelling was canonical, take 20 µs an entry, and the loop waits for all of them.
 *
 * Invariants of everything that `decodeTree` accepts:
 * - it is canonical DAG-CBOR of at most `TREE_BYTES_MAX` bytes, with the fields of this version and no others;
 * - names are single components of a path, in the order of their bytes, none twice;
 * - what it refers to is named by the digest of its bytes and by the root of a manifest.
 */
import { isUtf8 } from "node:buffer";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CID_BYTES, cidPrefix } from "#actors/domain/dag.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** In the manifest of every tree, so that it can be told from a file with the same bytes. */
export const TREE_MEDIA_TYPE = "application/vnd.cepa.tree";
/** Bytes of one tree. A directory with more in it is cut into parts. */
export const TREE_BYTES_MAX: number = 1 * MiB;
/** Bytes of a name, as the file systems that there are allow. */
export const NAME_BYTES_MAX = 255;
/** Bytes of the target of a symbolic link: a path without its closing zero. */
export const TARGET_BYTES_MAX = 4095;
/** Permission bits, and those for set-user-ID, set-group-ID and sticky. */
const MODE_MAX = 0o7777;

/** Something that a tree refers to. */
export interface TreeReference {
  /** Of the entry; of a part, the first name in it. */
  readonly name: string;
  readonly object: Digest;
  /** Root of its manifest. */
  readonly manifest: Digest;
  readonly sizeBytes: number;
}

/** Not a tree. Final: bytes with this digest will never be one. */
export interface TreeMalformed extends Failure<"tree.malformed"> {
  readonly problem: TreeProblem;
}

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

/** Major types of CBOR, and a map with the number of its fields. */
const UINT = 0;
const TEXT = 3;
const LIST = 4;
const MAP = 0xa0;

const DIGEST_BYTES = 32;
/** A link to a manifest root, up to the digest in it: tag 42, and a CID behind a zero. */
const LINK = literal("link", [0xd8, 42, 0x58, CID_BYTES + 1, 0], cidPrefix("node"));
const VERSION = literal([MAP + 2], "v", [1]);
const ENTRIES = literal("entries");
const PARTS = literal("parts");
const FILE = literal([MAP + 6], "kind", "file", LINK);
const DIR = literal([MAP + 6], "kind", "dir", LINK);
const SYMLINK = literal([MAP + 3], "kind", "symlink");
const PART = literal([MAP + 4], LINK);
const MODE = literal("mode");
const NAME = literal("name");
const FIRST = literal("first");
const SIZE = literal("size");
const OBJECT = literal("object", [0x58, DIGEST_BYTES]);
const TARGET = literal("target");

const SLASH = 0x2f;
const HERE = Buffer.from(".");
const ABOVE = Buffer.from("..");
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/** What the tree refers to, in its order. Symbolic links refer to nothing here. */
export function decodeTree(bytes: Uint8Array): Result<readonly TreeReference[], TreeMalformed> {
  if (bytes.length > TREE_BYTES_MAX) return malformed("too-large");
  const reader = new TreeReader(bytes);
  if (!reader.take(VERSION)) return malformed("not-a-tree");
  const isEntries = reader.take(ENTRIES);
  if (!isEntries && !reader.take(PARTS)) return malformed("not-a-tree");
  const count = reader.head(LIST);
  if (count === undefined) return malformed("not-a-tree");

  const references: TreeReference[] = [];
  for (let index = 0; index < count; index += 1) {
    const problem = isEntries ? reader.entry(references) : reader.part(references);
    if (problem !== undefined) return malformed(problem);
  }
  return reader.hasEnded ? ok(references) : malformed("trailing-bytes");
}

/** Where it stands in a tree. */
class TreeReader {
  readonly #bytes: Buffer;
  #at = 0;
  /** In what was read; before the first one, less than any. */
  #lastName: Buffer = Buffer.of();

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get hasEnded(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Passes `expected` over, if that is what comes. */
  take(expected: Uint8Array): boolean {
    const end = this.#at + expected.length;
    if (Buffer.compare(this.#bytes.subarray(this.#at, end), expected) !== 0) return false;
    this.#at = end;
    return true;
  }

  /** A type and its number, in the shortest form. */
  head(major: number): number | undefined {
    const first = this.#bytes[this.#at];
    if (first === undefined || first >> 5 !== major) return undefined;
    const short = first & 31;
    this.#at += 1;
    if (short < 24) return short;
    const length = 2 ** (short - 24);
    if (short > 27 || this.#at + length > this.#bytes.length) return undefined;
    const value =
      length === 8 ? Number(this.#bytes.readBigUInt64BE(this.#at)) : this.#bytes.readUIntBE(this.#at, length);
    this.#at += length;
    const isShortest = value >= (length === 1 ? 24 : 2 ** (4 * length));
    return isShortest && Number.isSafeInteger(value) ? value : undefined;
  }

  /** One entry; what it refers to is added to `references`. */
  entry(references: TreeReference[]): TreeProblem | undefined {
    if (this.take(SYMLINK)) {
      const problem = this.take(NAME) ? this.#name() : "bad-entry";
      if (problem !== undefined) return problem;
      return this.take(TARGET) && this.#text(TARGET_BYTES_MAX) !== undefined ? undefined : "bad-target";
    }
    const isDir = this.take(DIR);
    const manifest = isDir || this.take(FILE) ? this.#digest() : undefined;
    if (manifest === undefined) return "bad-entry";
    const mode = this.take(MODE) ? this.head(UINT) : undefined;
    if (mode === undefined || mode > MODE_MAX) return "bad-mode";
    const problem = this.take(NAME) ? this.#name() : "bad-entry";
    if (problem !== undefined) return problem;
    const sizeBytes = this.#size(isDir ? TREE_BYTES_MAX : Number.MAX_SAFE_INTEGER);
    return sizeBytes === undefined ? "bad-size" : this.#object(references, manifest, sizeBytes);
  }

  /** One part, likewise. */
  part(references: TreeReference[]): TreeProblem | undefined {
    const manifest = this.take(PART) ? this.#digest() : undefined;
    if (manifest === undefined) return "bad-entry";
    const sizeBytes = this.#size(TREE_BYTES_MAX);
    if (sizeBytes === undefined) return "bad-size";
    const problem = this.take(FIRST) ? this.#name() : "bad-entry";
    return problem ?? this.#object(references, manifest, sizeBytes);
  }

  /** The last field of whatever refers to something: of the name that was read last. */
  #object(references: TreeReference[], manifest: Digest, sizeBytes: number): TreeProblem | undefined {
    const object = this.take(OBJECT) ? this.#digest() : undefined;
    if (object === undefined) return "bad-entry";
    references.push({ name: this.#lastName.toString(), object, manifest, sizeBytes });
    return undefined;
  }

  /** A name behind the one before: one component of a path, which can lead nowhere but into its directory. */
  #name(): TreeProblem | undefined {
    const name = this.#text(NAME_BYTES_MAX);
    if (name === undefined || name.includes(SLASH) || name.equals(HERE) || name.equals(ABOVE)) return "bad-name";
    if (Buffer.compare(this.#lastName, name) >= 0) return "out-of-order";
    this.#lastName = name;
    return undefined;
  }

  /** Not empty, without a zero, and without a byte order mark at its front: who reads UTF-8 takes that away. */
  #text(bytesMax: number): Buffer | undefined {
    const length = this.head(TEXT);
    const text = length === undefined || length > bytesMax ? undefined : this.#bytesOf(length);
    if (text === undefined || text.length === 0 || !isUtf8(text)) return undefined;
    return text.includes(0) || text.subarray(0, 3).equals(BYTE_ORDER_MARK) ? undefined : text;
  }

  #size(bytesMax: number): number | undefined {
    const sizeBytes = this.take(SIZE) ? this.head(UINT) : undefined;
    return sizeBytes === undefined || sizeBytes > bytesMax ? undefined : sizeBytes;
  }

  #digest(): Digest | undefined {
    const bytes = this.#bytesOf(DIGEST_BYTES);
    return bytes && digestFromBytes(bytes);
  }

  #bytesOf(length: number): Buffer | undefined {
    const end = this.#at + length;
    if (end > this.#bytes.length) return undefined;
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

/** Text that is shorter than 24 bytes, and bytes as they are. */
function literal(...parts: readonly (string | readonly number[] | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "string" ? Buffer.of((TEXT << 5) | part.length, ...Buffer.from(part)) : Buffer.from(part),
    ),
  );
}

function malformed(problem: TreeProblem): Result<never, TreeMalformed> {
  return fail({ code: "tree.malformed", problem });
}
