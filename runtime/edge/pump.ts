/**
 * Moves a body from its source to a socket through one buffer: what is written is in the hands of the system, which sends it
 * while the next piece is read. Two of half the size each are a fifth slower: twice as many steps, each of half the bytes.
 *
 * Invariants:
 * - the buffer is filled again only after the write from it has settled;
 * - the last byte leaves only after the source said that it ended, and ended at `lengthBytes`: a body that is not
 *   whole is never written whole;
 * - when it answers, the buffer is not in use.
 */
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { EdgeOutcome, EdgeStream } from "#runtime/edge/edge.ts";
import type { Failure } from "#runtime/errors.ts";

/** The source delivered another count of bytes than it had announced. A defect of whoever made it. */
export interface LengthMismatch extends Failure<"edge.length-mismatch"> {
  readonly lengthBytes: number;
  readonly deliveredBytes: number;
}

/** Writes; answers when the socket is done with `bytes`, with the failure if they are not all taken. Never rejects. */
export type Write = (bytes: Uint8Array) => Promise<Failure | undefined>;

/** The caller resets the connection when the outcome is not complete. The source is settled or cancelled. */
export async function pump(stream: EdgeStream, write: Write): Promise<EdgeOutcome> {
  const { source, lengthBytes, buffer } = stream;
  let count = stream.primedBytes;
  let readBytes = count;
  let sentBytes = 0;
  let cause: Failure | undefined;
  while (cause === undefined && sentBytes < lengthBytes) {
    if (readBytes >= lengthBytes)
      cause = readBytes > lengthBytes ? mismatch(lengthBytes, readBytes) : await end(stream);
    cause ??= await write(buffer.subarray(0, count));
    if (cause !== undefined) break;
    sentBytes = readBytes;
    if (sentBytes === lengthBytes) break;
    count = await source.read(buffer);
    if (count <= 0) cause = count === FAILED ? failureOf(source) : mismatch(lengthBytes, readBytes);
    readBytes += count;
  }
  if (cause !== undefined) source.cancel(cause);
  return { complete: cause === undefined, bytesSent: sentBytes, cause };
}

async function end({ source, lengthBytes }: EdgeStream): Promise<Failure | undefined> {
  const count = await source.read(new Uint8Array(1));
  if (count === ENDED) return undefined;
  return count === FAILED ? failureOf(source) : mismatch(lengthBytes, lengthBytes + count);
}

function failureOf(source: ByteSource): Failure {
  return source.failure ?? { code: "edge.source-failed" };
}

function mismatch(lengthBytes: number, deliveredBytes: number): LengthMismatch {
  return { code: "edge.length-mismatch", lengthBytes, deliveredBytes };
}
