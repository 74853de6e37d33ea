/**
 * Moves a body from its source to a socket through two buffers: while one is written the other is filled.
 *
 * Invariants:
 * - a buffer is filled again only after the write from it has settled;
 * - at most both buffers hold verified bytes that the client has not got;
 * - the last byte leaves only after the source said that it ended, and ended at `lengthBytes`: a body that is not
 *   whole is never written whole;
 * - when it answers, no buffer is in use.
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
  const { source, lengthBytes, buffers } = stream;
  let [filled, free] = buffers;
  let count = stream.primedBytes;
  let readBytes = count;
  let sentBytes = 0;
  let cause: Failure | undefined;
  /** The write from `free`: it must settle before the next read goes there. */
  let writing: Promise<Failure | undefined> | undefined;
  let writingBytes = 0;

  while (true) {
    if (readBytes >= lengthBytes)
      cause = readBytes > lengthBytes ? mismatch(lengthBytes, readBytes) : await end(stream);
    if (cause !== undefined) break;

    const written = write(filled.subarray(0, count));
    if (writing !== undefined) {
      cause = await writing;
      if (cause === undefined) sentBytes += writingBytes;
    }
    writing = written;
    writingBytes = count;
    if (cause !== undefined || readBytes === lengthBytes) break;

    [filled, free] = [free, filled];
    count = await source.read(filled);
    if (count <= 0) {
      cause = count === FAILED ? failureOf(source) : mismatch(lengthBytes, readBytes);
      break;
    }
    readBytes += count;
  }

  if (cause !== undefined) source.cancel(cause);
  const last = await writing;
  if (last === undefined) sentBytes += writingBytes;
  cause ??= last;
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
