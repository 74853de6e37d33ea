/**
 * Requests, replies and casts as frames: the part that both ends of a link share.
 *
 * The body is an array: what comes before the message (actor and name, or nothing), the message, and patches if there
 * are any.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Unsendable } from "#runtime/call-failure.ts";
import { decode, describePatches, encode, MALFORMED, putBack, type Taken } from "#runtime/link/body.ts";
import { FLAG, FRAME_HEADER_BYTES, FRAME_TRACE_BYTES, type Frame } from "#runtime/link/frame.ts";
import type { FrameWriter } from "#runtime/link/frame-writer.ts";
import { LINK_MESSAGE_BYTES_MAX } from "#runtime/link/limits.ts";
import type { Trace } from "#runtime/ref.ts";

const packedLengthBytes = 4;

/** Why a message was not written. */
export interface Refusal {
  readonly reason: Unsendable["reason"];
  readonly sizeBytes: number;
}

export interface MessageFrame {
  readonly kind: number;
  readonly flags: number;
  readonly id: number;
  readonly argument: number;
  readonly trace: Trace | undefined;
  /** Body elements before the message. */
  readonly before: readonly unknown[];
  readonly message: unknown;
  /** Of the message: `takeOut`. */
  readonly taken: Taken | undefined;
}

/** Where the bytes of a message's source go: answers with the stream's id, or undefined when there is no room. */
export type OpenStream = (source: ByteSource) => number | undefined;

/** Writes the whole frame, or nothing and why. A stream is opened only for a frame that is written. */
export function writeMessage(writer: FrameWriter, frame: MessageFrame, openStream: OpenStream): Refusal | undefined {
  const { taken } = frame;
  return taken === undefined ? writePlain(writer, frame) : writePatched(writer, frame, taken, openStream);
}

function writePlain(writer: FrameWriter, frame: MessageFrame): Refusal | undefined {
  const { kind, flags, id, argument, trace, before, message } = frame;
  const body = encode(before.length === 0 ? message : [...before, message]);
  if (body === undefined) return { reason: "not-encodable", sizeBytes: 0 };
  const bodyBytes = body.byteLength + (trace === undefined ? 0 : FRAME_TRACE_BYTES);
  if (bodyBytes + FRAME_HEADER_BYTES > LINK_MESSAGE_BYTES_MAX) return { reason: "too-large", sizeBytes: bodyBytes };

  writer.beginMessage(kind, trace === undefined ? flags : flags | FLAG.traced, id, argument, bodyBytes);
  if (trace !== undefined) writer.append(packTrace(trace));
  writer.append(body);
  return undefined;
}

function writePatched(
  writer: FrameWriter,
  frame: MessageFrame,
  taken: Taken,
  openStream: OpenStream,
): Refusal | undefined {
  const { kind, id, argument, trace, before } = frame;
  // Measured with the largest stream id, because a stream may be opened only when the frame is certain.
  const largest = encode([...before, taken.message, describePatches(taken, 0xffff_ffff)]);
  if (largest === undefined) return { reason: "not-encodable", sizeBytes: 0 };
  const besideBytes = packedLengthBytes + (trace === undefined ? 0 : FRAME_TRACE_BYTES);
  const bodyBytesMax = largest.byteLength + besideBytes + taken.attachedBytes;
  if (bodyBytesMax + FRAME_HEADER_BYTES > LINK_MESSAGE_BYTES_MAX)
    return { reason: "too-large", sizeBytes: bodyBytesMax };

  const streamId = taken.source === undefined ? 0 : openStream(taken.source.source);
  if (streamId === undefined) return { reason: "streams-exceeded", sizeBytes: 0 };
  const body =
    taken.source === undefined ? largest : encode([...before, taken.message, describePatches(taken, streamId)]);
  if (body === undefined) return { reason: "not-encodable", sizeBytes: 0 };

  const flags = frame.flags | FLAG.patched | (taken.source === undefined ? 0 : FLAG.streamed);
  const bodyBytes = body.byteLength + besideBytes + taken.attachedBytes;
  writer.beginMessage(kind, trace === undefined ? flags : flags | FLAG.traced, id, argument, bodyBytes);
  if (trace !== undefined) writer.append(packTrace(trace));
  writer.appendU32(body.byteLength);
  writer.append(body);
  for (const { bytes } of taken.attachments) writer.append(bytes);
  return undefined;
}

export interface ReadMessage {
  readonly before: readonly unknown[];
  readonly message: unknown;
  readonly trace: Trace | undefined;
}

/** `beforeCount`: body elements before the message. Undefined when the frame is no message. */
export function readMessage(
  frame: Frame,
  beforeCount: number,
  openStream: (streamId: number) => ByteSource | undefined,
): ReadMessage | undefined {
  let start = frame.start;
  let trace: Trace | undefined;
  if ((frame.flags & FLAG.traced) !== 0) {
    trace = unpackTrace(frame.bytes, start, frame.end);
    if (trace === undefined) return undefined;
    start += FRAME_TRACE_BYTES;
  }
  if ((frame.flags & FLAG.patched) !== 0) return readPatched(frame, start, beforeCount, trace, openStream);

  const body = decode(frame.bytes, start, frame.end);
  if (body === MALFORMED) return undefined;
  if (beforeCount === 0) return { before: [], message: body, trace };
  if (!Array.isArray(body) || body.length !== beforeCount + 1) return undefined;
  return { before: body, message: body[beforeCount], trace };
}

function readPatched(
  frame: Frame,
  start: number,
  beforeCount: number,
  trace: Trace | undefined,
  openStream: (streamId: number) => ByteSource | undefined,
): ReadMessage | undefined {
  const { bytes, end } = frame;
  if (end - start < packedLengthBytes) return undefined;
  const packedBytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(start);
  const bodyAt = start + packedLengthBytes;
  if (packedBytes > end - bodyAt) return undefined;
  const body = decode(bytes, bodyAt, bodyAt + packedBytes);
  if (!Array.isArray(body) || body.length !== beforeCount + 2) return undefined;
  const message = putBack(body[beforeCount], body[beforeCount + 1], frame, bodyAt + packedBytes, openStream);
  return message === MALFORMED ? undefined : { before: body, message, trace };
}

function packTrace({ traceId, spanId, flags }: Trace): Uint8Array {
  const bytes = new Uint8Array(FRAME_TRACE_BYTES);
  bytes.set(Buffer.from(traceId, "hex").subarray(0, 16), 0);
  bytes.set(Buffer.from(spanId, "hex").subarray(0, 8), 16);
  bytes[24] = flags;
  return bytes;
}

function unpackTrace(bytes: Uint8Array, start: number, end: number): Trace | undefined {
  if (end - start < FRAME_TRACE_BYTES) return undefined;
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset + start, FRAME_TRACE_BYTES);
  return { traceId: packed.toString("hex", 0, 16), spanId: packed.toString("hex", 16, 24), flags: packed[24] ?? 0 };
}
