/**
 * Every bound of a link, with its name. What an actor may set differently is set at the actor; these are the wire's.
 */
import { KiB, MiB, second } from "#runtime/units.ts";

/** Largest message, header included. A longer one is `runtime.unsendable`; from the other side it drops the link. */
export const LINK_MESSAGE_BYTES_MAX: number = 2 * MiB;
/** A longer message travels in parts, and others than messages pass between them. */
export const LINK_WHOLE_BYTES_MAX: number = 32 * KiB;
/**
 * Largest body of a frame, and the most that is written at once beside signals: a signal waits for no more than this,
 * beside what the system holds. A longer frame drops the link.
 */
export const LINK_FRAME_BYTES_MAX: number = 64 * KiB;
/** Bytes of a stream that were read at its source and not yet consumed at the other side. */
export const LINK_STREAM_WINDOW_BYTES: number = 256 * KiB;
/** Live streams on a link in one direction. One more request sees `runtime.mailbox-full`, one more reply `unsendable`. */
export const LINK_STREAMS_MAX = 1024;
/** Calls and casts of a link that the other side has not finished with. Past it, callers wait or see `mailbox-full`. */
export const LINK_MESSAGE_CREDIT = 1024;
/** Callers waiting for a link to one cell, or for its credit. One more sees `runtime.mailbox-full`. */
export const LINK_CALLS_WAITING_MAX = 4096;
/** Monitors on a link. One more is answered with a DOWN `no-connection` at once. */
export const LINK_MONITORS_MAX = 4096;
/** Signals waiting to be written to a peer that does not read. One more drops the link. */
export const LINK_SIGNALS_MAX = 16_384;
/** Attached bytes of the messages that wait to be written. Past it a call sees `mailbox-full`, a reply `unsendable`. */
export const LINK_OUTBOX_BYTES_MAX: number = 64 * MiB;
/** Written in one turn of the event loop, while the system takes it. The rest waits for the next turn. */
export const LINK_BURST_BYTES: number = 256 * KiB;
/** Links that other cells hold to this one. One more is closed at once. */
export const LINKS_INBOUND_MAX = 64;

/** Time for both sides to say hello. */
export const LINK_HELLO_TIMEOUT_MS: number = 2 * second;
/** Between two heartbeats. */
export const LINK_HEARTBEAT_MS: number = 1 * second;
/** A peer that says that its event loop was this late is degraded, logged and counted, and not gone. */
export const LINK_SLOW_MS: number = 1 * second;
/** Nothing heard for this long: the link is degraded, logged and counted. */
export const LINK_DEGRADED_MS: number = 5 * second;
/** Nothing heard for this long: the link is destroyed. Seen with the next heartbeat. */
export const LINK_SILENCE_MS_MAX: number = 20 * second;
/** A call waits this long for a link that was lost, or first wanted, just now; later it sees `not-connected` at once. */
export const LINK_PATIENCE_MS: number = 1 * second;
/** Pauses between attempts to connect: full jitter up to a bound that doubles from Min to Max. */
export const LINK_BACKOFF_MS_MIN = 20;
export const LINK_BACKOFF_MS_MAX: number = 1 * second;
/** A link that lived this long makes the next pause short again. */
export const LINK_STABLE_MS: number = 5 * second;

/** Those that a test makes small. Each side tells the other its own in hello, and keeps to what it was told. */
export interface LinkLimits {
  readonly messageCredit: number;
  readonly streamsMax: number;
  readonly streamWindowBytes: number;
  readonly callsWaitingMax: number;
  readonly outboxBytesMax: number;
}

export const LINK_LIMITS: LinkLimits = {
  messageCredit: LINK_MESSAGE_CREDIT,
  streamsMax: LINK_STREAMS_MAX,
  streamWindowBytes: LINK_STREAM_WINDOW_BYTES,
  callsWaitingMax: LINK_CALLS_WAITING_MAX,
  outboxBytesMax: LINK_OUTBOX_BYTES_MAX,
};
