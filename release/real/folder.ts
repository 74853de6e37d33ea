/** The folder of a release, and files of keys: read whole and bounded, written whole or not at all. */
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Files } from "#release/release.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { KiB, MiB } from "#runtime/units.ts";

/** Files in a folder that is read. A release has seven. */
export const RELEASE_FILES_MAX = 64;
/** Of one file in it. */
export const RELEASE_FILE_BYTES_MAX: number = 128 * MiB;

/** Of a file that is read as a key. */
export const KEY_FILE_BYTES_MAX: number = 64 * KiB;

/** A file or folder that cannot be read, written, or be what it is wanted for. Nothing was changed. */
export interface PlaceRefused extends Failure<"release.place-refused"> {
  readonly path: string;
  readonly cause: string;
}

export function readRelease(directory: string): Result<Files, PlaceRefused> {
  try {
    const names = readdirSync(directory).sort();
    if (names.length > RELEASE_FILES_MAX) return refuse(directory, `it has more than ${RELEASE_FILES_MAX} files`);
    const files = new Map<string, Uint8Array>();
    for (const name of names) {
      const path = join(directory, name);
      const facts = lstatSync(path);
      if (!facts.isFile()) return refuse(path, "it is no file, and a release has nothing but files");
      if (facts.size > RELEASE_FILE_BYTES_MAX) return refuse(path, `it is larger than ${RELEASE_FILE_BYTES_MAX} bytes`);
      files.set(name, readFileSync(path));
    }
    return ok(files);
  } catch (error) {
    return refuse(directory, reasonOf(error));
  }
}

/** Whether a release may be written there: nothing is written over. */
export function isFree(directory: string): Result<void, PlaceRefused> {
  const facts = lstatSync(directory, { throwIfNoEntry: false });
  if (facts === undefined) return ok();
  if (!facts.isDirectory()) return refuse(directory, "it is no folder");
  return readdirSync(directory).length === 0 ? ok() : refuse(directory, "it is not empty: give --out another folder");
}

/** All files or none. */
export function writeRelease(directory: string, files: Files): Result<void, PlaceRefused> {
  const place = resolve(directory);
  const free = isFree(place);
  if (!free.ok) return free;
  let part: string | undefined;
  try {
    mkdirSync(dirname(place), { recursive: true });
    part = mkdtempSync(`${place}.part-`);
    const inside = join(part, "release");
    mkdirSync(inside, { mode: 0o755 });
    for (const [name, bytes] of files)
      writeFileSync(join(inside, name), bytes, { flag: "wx", mode: 0o644, flush: true });
    renameSync(inside, place);
    return ok();
  } catch (error) {
    return refuse(place, reasonOf(error));
  } finally {
    if (part !== undefined) rmSync(part, { recursive: true, force: true });
  }
}

/** A file of a key that is secret is refused where others may read or write it. */
export function readKeyFile(path: string, { isSecret }: { readonly isSecret: boolean }): Result<string, PlaceRefused> {
  try {
    const descriptor = openSync(path, "r");
    try {
      const facts = fstatSync(descriptor);
      if (isSecret && (facts.mode & 0o077) !== 0) {
        return refuse(path, "other users may read or write it: chmod 600 it, and make another key if they have");
      }
      if (!facts.isFile() || facts.size > KEY_FILE_BYTES_MAX) return refuse(path, "it is no key");
      return ok(readFileSync(descriptor, "utf8"));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return refuse(path, reasonOf(error));
  }
}

/** New files, in order; where one exists already nothing is written. */
export function writeNew(
  files: readonly { readonly path: string; readonly text: string; readonly mode: number }[],
): Result<void, PlaceRefused> {
  const written: string[] = [];
  for (const { path, text, mode } of files) {
    try {
      writeFileSync(path, text, { flag: "wx", mode, flush: true });
      written.push(path);
    } catch (error) {
      for (const done of written) rmSync(done, { force: true });
      return refuse(path, reasonOf(error));
    }
  }
  return ok();
}

function refuse(path: string, cause: string): Result<never, PlaceRefused> {
  return fail({ code: "release.place-refused", path, cause });
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return "it is not there";
    case "EEXIST":
      return "it exists, and is not written over";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
