/**
 * What is in a directory, as it can be stored: files, directories and symbolic links with names that are text.
 *
 * Nothing is followed: a symbolic link is what it says, not what it leads to. A file is opened once, so that what is
 * hashed and what is sent are the same file.
 */
import { constants, type Dirent } from "node:fs";
import { type FileHandle, open, readdir, readlink, stat } from "node:fs/promises";
import { type Outcome, reasonOf } from "#cli/failure.ts";
import { isName, isTarget } from "#client/tree.ts";
import { fail, ok } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** One read of a file. */
const READ_BYTES: number = 1 * MiB;
const MODE_BITS = 0o7777;

export type Child =
  | { readonly kind: "file" | "dir" | "symlink"; readonly name: string }
  /** It cannot be stored; `name` is for people, with replacements for what is no text. */
  | { readonly kind: "other"; readonly name: string; readonly why: string };

export interface SourceFile {
  readonly mode: number;
  /** All of it, from the beginning. */
  read(onChunk: (chunk: Uint8Array) => void): Promise<Outcome>;
  /** The same again, as a body. */
  chunks(onBytes: (count: number) => void): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface Listing {
  /** Of the directory itself: permission bits, set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  /** In the order of a tree. */
  readonly children: readonly Child[];
}

export async function listDirectory(path: string): Promise<Outcome<Listing>> {
  try {
    const facts = await stat(path);
    if (!facts.isDirectory()) {
      return fail({ code: "cli.file-unreadable", message: "is no directory: cepa put takes it without -r" });
    }
    const mode = facts.mode & MODE_BITS;
    const found = await readdir(path, { encoding: "buffer", withFileTypes: true });
    const children = found.sort((left, right) => Buffer.compare(left.name, right.name)).map(childOf);
    return ok({ mode, children });
  } catch (error) {
    return unreadable(error);
  }
}

/** Where a symbolic link leads, as it is written. */
export async function readTarget(path: string): Promise<Outcome<string>> {
  try {
    const target = textOf(await readlink(path, { encoding: "buffer" }));
    if (isTarget(target)) return ok(target);
    return fail({ code: "cli.file-unreadable", message: "leads to what is no plain UTF-8" });
  } catch (error) {
    return unreadable(error);
  }
}

/** Without waiting: what has become a pipe meanwhile would never open. */
export async function openFile(path: string): Promise<Outcome<SourceFile>> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const facts = await handle.stat();
    if (facts.isFile()) return ok(sourceFile(handle, facts.mode & MODE_BITS));
    await handle.close();
    return fail({ code: "cli.file-unreadable", message: "is no file any more" });
  } catch (error) {
    return unreadable(error);
  }
}

function childOf(found: Dirent<Buffer>): Child {
  const name = textOf(found.name);
  if (name === undefined || !isName(name)) {
    return { kind: "other", name: found.name.toString(), why: "has a name that is no plain UTF-8" };
  }
  if (found.isFile()) return { kind: "file", name };
  if (found.isDirectory()) return { kind: "dir", name };
  if (found.isSymbolicLink()) return { kind: "symlink", name };
  const why = found.isSocket() ? "is a socket" : found.isFIFO() ? "is a pipe" : "is a device";
  return { kind: "other", name, why };
}

function sourceFile(handle: FileHandle, mode: number): SourceFile {
  const streamed = () => handle.createReadStream({ start: 0, autoClose: false, highWaterMark: READ_BYTES });
  return {
    mode,
    read: async (onChunk) => {
      try {
        for await (const chunk of streamed()) onChunk(chunk);
        return ok();
      } catch (error) {
        return unreadable(error);
      }
    },
    chunks: async function* (onBytes) {
      for await (const chunk of streamed()) {
        yield chunk;
        onBytes(chunk.length);
      }
    },
    close: () => handle.close(),
  };
}

/** Undefined where the bytes are no UTF-8. */
function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

function unreadable(error: unknown): Outcome<never> {
  return fail({ code: "cli.file-unreadable", message: reasonOf(error) });
}
