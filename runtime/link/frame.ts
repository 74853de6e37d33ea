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
} as const;

export const KIND_MAX: number = KIND.stop;

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
  /** Whether `bytes` holds this frame alone, so that views into it pin nothing else. */
  isOwned = false;
}
