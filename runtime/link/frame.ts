/**
 * The frame: what two cells say to each other, one after another on a socket.
 *
 * ```
 *  0  u32  length of everything after this field
 *  4  u8   kind
 *  5  u8   flags
 *  6  u32  id: of the call, the stream or the monitor
 * 10  u32  argument: deadline ms, credit, window bytes, incarnation, loop delay µs
 * 14       trace (25 bytes, if TRACED), u32 length of the packed body (if PATCHED), body, attachments (if PATCHED)
 * ```
 *
 * A message that is longer than `LINK_WHOLE_BYTES_MAX` travels in *parts*: frames whose bodies are, one after another, the
 * frame of the message. There is at most one such message under way in a direction; signals and data pass between.
 *
 * Numbers are big-endian. The kind says the lane: everything is a signal but requests, replies and casts, which use
 * credit, and data, which uses its stream's window.
 */

export const FRAME_HEADER_BYTES = 14;
/** The length field does not count itself. */
export const FRAME_LENGTH_BYTES = 4;
export const FRAME_TRACE_BYTES = 25;

export const KIND = {
  hello: 1,
  refused: 2,
  ping: 3,
  pong: 4,
  request: 5,
  reply: 6,
  cast: 7,
  cancel: 8,
  credit: 9,
  monitor: 10,
  demonitor: 11,
  down: 12,
  data: 13,
  window: 14,
  stop: 15,
  part: 16,
} as const;

export const KIND_MAX: number = KIND.part;

export const FLAG = {
  /** A trace follows the header. */
  traced: 1,
  /** The body is `[…, patches]` and attachments may follow it. */
  patched: 2,
  /** Reply: a value and not a failure. */
  ok: 4,
  /** Data: the stream ended well; no bytes. */
  end: 8,
  /** Data: the stream failed; the body is the failure. */
  failed: 16,
  /** Request: the caller waits for room. */
  wait: 32,
  /** Request, reply: one of the patches is a stream. */
  streamed: 64,
} as const;

/** A frame as it was received. One object serves all frames of a link: it is valid until the callee returns. */
export class Frame {
  kind = 0;
  flags = 0;
  id = 0;
  argument = 0;
  /** Where the body lies: `bytes[start … end - 1]`. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
}

/** Reads a whole header. `start` and `end` are those of the body, if `bytes` held all of it. */
export function readHeader(frame: Frame, bytes: Uint8Array, at: number): void {
  frame.kind = bytes[at + 4] ?? 0;
  frame.flags = bytes[at + 5] ?? 0;
  frame.id = readU32(bytes, at + 6);
  frame.argument = readU32(bytes, at + 10);
  frame.start = at + FRAME_HEADER_BYTES;
  frame.end = at + FRAME_LENGTH_BYTES + readU32(bytes, at);
}

/** `bodyBytes` follow. */
export function writeHeader(
  bytes: Uint8Array,
  at: number,
  kind: number,
  flags: number,
  id: number,
  argument: number,
  bodyBytes: number,
): void {
  writeU32(bytes, at, FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES + bodyBytes);
  bytes[at + 4] = kind;
  bytes[at + 5] = flags;
  writeU32(bytes, at + 6, id);
  writeU32(bytes, at + 10, argument);
}

function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
