/**
 * Where the bytes of `cepa get` go.
 *
 * - A file is written as `FILE.part-<pid>` beside its name, flushed to the disk, measured, and only then renamed: until
 *   then a file that was there is untouched. What a killed command has left goes with the next one. A replaced file keeps its mode; a new one has what the umask allows, or is
 *   its owner's alone where what is written is a secret, as it is under the name of the part in any case. Where no file is
 *   to be replaced it is linked, not renamed: one that came meanwhile stays.
 * - Standard output, a path that names a descriptor (`/dev/stdout`, `/dev/fd/3`), a pipe or a device get the bytes as
 *   they come.
 *
 * Files are never written through `process.stdout`: what a nearly full disk takes of a write is less than the write, and
 * that stream does not look.
 */
import { once } from "node:events";
import { createWriteStream, fstatSync, type WriteStream } from "node:fs";
import { chmod, type FileHandle, link, open, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { isPlain } from "#cli/console.ts";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { partOf, removeDeadParts } from "#cli/part-name.ts";
import { fail, ok } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Bytes that may wait for the disk. */
export const WRITE_AHEAD_BYTES: number = 1 * MiB;

const NEW_FILE_MODE = 0o666;
const OWNER_ONLY = 0o600;
/** What ends a command from outside. */
const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const STANDARD_OUTPUT = 1;
/** As many as Linux follows. */
const LINKS_MAX = 40;

export interface Target {
  /** For messages. */
  readonly name: string;
  readonly stream: Writable;
  /** Makes `sizeBytes` bytes appear under their name, or rejects when that many have not arrived there. */
  keep(sizeBytes: number): Promise<void>;
  discard(): Promise<void>;
}

/** The descriptor that `output` names, which is then written as it is and never replaced. */
export function descriptorOf(output: string): number | undefined {
  if (output === "-" || output === "/dev/stdout") return STANDARD_OUTPUT;
  if (output === "/dev/stderr") return 2;
  const [, digits] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,6})$/.exec(output) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Whether nothing is seen of `output` before it is kept: no descriptor, no pipe, no device. */
export async function appearsWhole(output: string): Promise<boolean> {
  if (descriptorOf(output) !== undefined) return false;
  const found = await fileAt(output);
  return !(found.ok && found.value === "other");
}

export interface TargetOptions {
  /** Of what is, nobody else reads a byte, before the file is whole or afterwards. */
  readonly secret?: boolean;
  /** Whether a file that is there is replaced. Where not, and it comes before the end, `keep` rejects with `EEXIST`. */
  readonly clobber?: boolean;
}

export async function openTarget(
  output: string,
  { secret = false, clobber = true }: TargetOptions = {},
): Promise<Outcome<Target>> {
  const descriptor = descriptorOf(output);
  const name = descriptor === STANDARD_OUTPUT ? "standard output" : output;
  try {
    if (descriptor === STANDARD_OUTPUT && !isPlain(STANDARD_OUTPUT)) return ok(viaStandardOutput(name));
    if (descriptor !== undefined && isFileDescriptor(descriptor)) return ok(viaDescriptor(descriptor, name));
    const found = await fileAt(output);
    if (!found.ok) return found;
    const existing = found.value;
    if (existing !== undefined && !clobber) return notReplaced(output);
    if (existing === "directory") return fail({ code: "cli.file-unwritable", message: `${output} is a directory` });
    if (existing === "other") return ok(await viaName(output));
    return ok(await viaPart(output, existing === "file", { secret, clobber }));
  } catch (error) {
    return unwritable(error, name);
  }
}

export function unwritable(error: unknown, name: string): Outcome<never> {
  return fail({ code: "cli.file-unwritable", message: `${name}: ${reasonOf(error)}` });
}

export function notReplaced(name: string): Outcome<never> {
  return fail({ code: "cli.file-exists", message: `${name} exists, and --no-clobber was given` });
}

/** What `path` leads to, through links. Undefined where nothing is; what cannot be looked at cannot be written either. */
export async function fileAt(path: string): Promise<Outcome<"file" | "directory" | "other" | undefined>> {
  try {
    const facts = await stat(path);
    if (facts.isFile()) return ok("file");
    return ok(facts.isDirectory() ? "directory" : "other");
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? ok(undefined) : unwritable(error, path);
  }
}

/** A pipe or a terminal; whoever reads it may be slow. */
function viaStandardOutput(name: string): Target {
  const stream = process.stdout;
  const keep = (): Promise<void> =>
    new Promise((resolve, reject) => {
      stream.write("", (error) => (error ? reject(error) : resolve()));
    });
  return { name, stream, keep, discard: async () => undefined };
}

function viaDescriptor(descriptor: number, name: string): Target {
  return direct(createWriteStream("", { fd: descriptor, autoClose: false, highWaterMark: WRITE_AHEAD_BYTES }), name);
}

async function viaName(path: string): Promise<Target> {
  const stream = createWriteStream(path, { highWaterMark: WRITE_AHEAD_BYTES });
  await once(stream, "open");
  return direct(stream, path);
}

function direct(stream: WriteStream, name: string): Target {
  const keep = async (sizeBytes: number): Promise<void> => {
    await finished(stream.end());
    mustBe(stream.bytesWritten, sizeBytes);
  };
  return { name, stream, keep, discard: async () => undefined };
}

async function viaPart(output: string, exists: boolean, { secret, clobber }: Required<TargetOptions>): Promise<Target> {
  // A link keeps pointing where it points; what it points to is replaced, or made.
  const path = exists ? await realpath(output) : await placeOf(output);
  await removeDeadParts(path);
  const part = partOf(path);
  const mode = exists ? (await stat(path)).mode & 0o777 : undefined;
  const handle = await openPart(part, secret ? OWNER_ONLY : mode);
  const stream = handle.createWriteStream({ flush: true, highWaterMark: WRITE_AHEAD_BYTES });
  const discard = async (): Promise<void> => {
    stream.destroy();
    await rm(part, { force: true });
  };
  for (const signal of ENDING_SIGNALS) {
    // Sent again, now that nobody listens: the process ends by the signal, as its parent wants to see it.
    process.once(signal, () => void discard().finally(() => process.kill(process.pid, signal)));
  }
  const keep = async (sizeBytes: number): Promise<void> => {
    // Flushed and closed, and every one of these steps may be the one that fails.
    await finished(stream.end());
    mustBe((await stat(part)).size, sizeBytes);
    if (secret && mode !== undefined) await chmod(part, mode);
    if (clobber) await rename(part, path);
    else await takeName(part, path);
  };
  return { name: output, stream, keep, discard };
}

/** Where a file is made of which nothing is there: where the last of the links at `path` points to, if one is. */
async function placeOf(path: string): Promise<string> {
  let place = path;
  for (let followed = 0; followed < LINKS_MAX; followed += 1) {
    const target = await readlink(place).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EINVAL") return undefined;
      throw error;
    });
    if (target === undefined) return place;
    // Not joined, which would take `a/..` for nothing where `a` is a link.
    place = isAbsolute(target) ? target : `${dirname(place)}/${target}`;
  }
  throw new Error("ELOOP: too many symbolic links encountered");
}

/** `part` takes the name, unless something has it: then it rejects with `EEXIST`. */
async function takeName(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw error;
    // Where the file system has no hard links, whatever it says then: the name is taken by an empty file, which only one
    // can make, and that is replaced. For a moment it is seen empty; who replaces it just then is replaced.
    await (await open(path, "wx")).close();
    await rename(part, path).catch(async (cause: unknown) => {
      await rm(path, { force: true });
      throw cause;
    });
  }
  await rm(part, { force: true });
}

/** `mode` is that of the file to be replaced: the part is never more open than it, not for a moment. */
async function openPart(part: string, mode: number | undefined): Promise<FileHandle> {
  const handle = await open(part, "wx", mode ?? NEW_FILE_MODE);
  try {
    if (mode !== undefined) await handle.chmod(mode);
    return handle;
  } catch (error) {
    await handle.close();
    await rm(part, { force: true });
    throw error;
  }
}

function mustBe(writtenBytes: number, sizeBytes: number): void {
  if (writtenBytes !== sizeBytes) throw new Error(`only ${writtenBytes} of ${sizeBytes} bytes were written`);
}

function isFileDescriptor(descriptor: number): boolean {
  return descriptor === STANDARD_OUTPUT || fstatSync(descriptor).isFile();
}
