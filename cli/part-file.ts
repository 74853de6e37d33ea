/**
 * A file on its way in: what has come of it stays when the way is interrupted, and the next attempt asks for the rest.
 *
 * It is whole when its bytes hash to its address. Where the beginning was not what it should be, which only a crash of the
 * machine or somebody else can bring about, it is fetched again from the first byte.
 */
import { constants } from "node:fs";
import { chmod, type FileHandle, open } from "node:fs/promises";
import { type RunningDigest, startDigest } from "#cli/digest.ts";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { ANSWER_TIMEOUT_MS, getStream } from "#cli/http.ts";
import { unwritable } from "#cli/target.ts";
import type { ContentEntry } from "#client/tree.ts";
import { fail, ok } from "#runtime/errors.ts";

const OWNER_ONLY = 0o600;
const PART_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/** Leaves the whole file at `part`, flushed, with `mode`. */
export async function fetchPart(
  url: string,
  part: string,
  entry: ContentEntry,
  mode: number,
  onBytes: (count: number) => void,
): Promise<Outcome> {
  let handle: FileHandle | undefined;
  try {
    handle = await openPart(part);
    const filled = await fill(url, handle, entry, onBytes);
    if (!filled.ok) return filled;
    await handle.chmod(mode);
    await handle.sync();
    return ok();
  } catch (error) {
    return unwritable(error, part);
  } finally {
    await handle?.close();
  }
}

/** One that had its mode already, and was not moved into its place, may be read-only: its owner takes that back. */
async function openPart(part: string): Promise<FileHandle> {
  try {
    return await open(part, PART_FLAGS, OWNER_ONLY);
  } catch (error) {
    // It is no link: that is refused with another word.
    if (errnoOf(error) !== "EACCES") throw error;
    await chmod(part, OWNER_ONLY);
    return await open(part, PART_FLAGS, OWNER_ONLY);
  }
}

/** Throws what the disk refuses. */
async function fill(
  url: string,
  handle: FileHandle,
  { address, size }: ContentEntry,
  onBytes: (count: number) => void,
): Promise<Outcome> {
  const begun = (await handle.stat()).size;
  for (const from of begun > 0 && begun <= size ? [begun, 0] : [0]) {
    await handle.truncate(from);
    const digest = await digestOf(handle, from);
    const copied = from === size ? ok() : await copyFrom(url, { handle, address, size, from, digest, onBytes });
    if (!copied.ok) return copied;
    if (digest.address() === address) return ok();
  }
  await handle.truncate(0);
  return fail({ code: "cli.bytes-differ", message: `what came is not ${address}` });
}

async function digestOf(handle: FileHandle, sizeBytes: number): Promise<RunningDigest> {
  const digest = startDigest();
  if (sizeBytes === 0) return digest;
  for await (const chunk of handle.createReadStream({ start: 0, autoClose: false })) digest.update(chunk);
  return digest;
}

interface Copy {
  readonly handle: FileHandle;
  readonly address: string;
  readonly size: number;
  readonly from: number;
  readonly digest: RunningDigest;
  readonly onBytes: (count: number) => void;
}

/** Appends the bytes from `from` on. */
async function copyFrom(url: string, { handle, address, size, from, digest, onBytes }: Copy): Promise<Outcome> {
  const headers = from === 0 ? undefined : { range: `bytes=${from}-` };
  const response = await getStream(`${url}/o/${address}`, ANSWER_TIMEOUT_MS, headers);
  if (!response.ok) return response;
  const chunks = response.value[Symbol.asyncIterator]();
  let at = from;
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => ({ broken: reasonOf(error) }));
      if ("broken" in next) return cutShort(address, at, size, next.broken);
      if (next.done === true) break;
      const chunk: Uint8Array = next.value;
      if (at + chunk.length > size)
        return fail({ code: "cli.bytes-differ", message: `${address} is longer than ${size}` });
      digest.update(chunk);
      await writeAll(handle, chunk, at);
      at += chunk.length;
      onBytes(chunk.length);
    }
  } finally {
    response.value.destroy();
  }
  return at === size ? ok() : cutShort(address, at, size, "it ended");
}

/** A nearly full disk takes a part of a write and calls that a success. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function cutShort(address: string, at: number, size: number, why: string): Outcome<never> {
  return fail({ code: "cli.cut-short", message: `${address} broke off after ${at} of ${size} bytes: ${why}` });
}
