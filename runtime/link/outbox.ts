/**
 * What waits to be written to one link, and in which order it leaves.
 *
 * What leaves, leaves in *units*: all signals that are there, then at most `LINK_FRAME_BYTES_MAX` of the rest. No unit is
 * written before the system has taken the last one, so that is what a signal waits for. Messages leave in the order they
 * came, a long one in parts; streams one frame each in turn; of the two, each comes first in every other unit.
 *
 * Bounds: signals by `LINK_SIGNALS_MAX` (past it the peer is not reading and the link is given up), messages by their
 * credit and by `bytesMax` of what is attached to them (`hasRoomFor`, which their senders ask), streams by `streamsMax`. Bytes are encoded when they are about to leave: a unit, and a long message.
 */
import { assert } from "#runtime/errors.ts";
import { Lane } from "#runtime/lane.ts";
import { FRAME_HEADER_BYTES } from "#runtime/link/frame.ts";
import { FrameWriter } from "#runtime/link/frame-writer.ts";
import {
  LINK_BURST_BYTES,
  LINK_FRAME_BYTES_MAX,
  LINK_MESSAGE_CREDIT,
  LINK_SIGNALS_MAX,
  LINK_WHOLE_BYTES_MAX,
} from "#runtime/link/limits.ts";
import type { Connection } from "#runtime/network/network.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** Small, uncredited, ahead of everything else. */
export interface Signal {
  readonly kind: number;
  readonly id: number;
  readonly argument: number;
  readonly flags?: number;
  readonly body?: Uint8Array | undefined;
}

/** Encoded when its turn has come. It writes one frame, or none when there turns out to be nothing to say. */
export interface Sendable {
  /** False once nobody waits for it any more: it is never written. */
  readonly isWanted: boolean;
  /** Attached bytes that it keeps alive. */
  readonly attachedBytes: number;
  write(writer: FrameWriter): void;
  /** The link ended before its turn came. */
  drop(): void;
}

/** Those that are wanted, of which there are as many as credit, and as many again that are not. */
const messagesMax = 2 * LINK_MESSAGE_CREDIT;

/** Writes one frame, with at most `bytesMax` of data; true while it has more. */
export interface Flowing {
  write(writer: FrameWriter, bytesMax: number): boolean;
}

export interface OutboxOptions {
  readonly scheduler: Scheduler;
  /** Attached bytes of all messages that wait. */
  readonly bytesMax: number;
  readonly onWritten: (bytes: number) => void;
  /** The peer does not read its signals. */
  readonly onOverflow: () => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #writer = new FrameWriter();
  /** In the order they came; those that are not wanted any more are passed over. */
  readonly #messages = new Lane<Sendable>(messagesMax);
  readonly #signals: Signal[] = [];
  /** Attached to messages that wait. */
  #attachedBytes = 0;
  #flowing: Flowing[] = [];
  #connection: Connection | undefined;
  #isScheduled = false;
  /** The socket has not taken the last write yet. */
  #isBlocked = false;
  /** In the next unit. */
  #areStreamsFirst = false;
  #isClosed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Nothing leaves before. */
  attach(connection: Connection): void {
    this.#connection = connection;
    this.#schedule();
  }

  signal(signal: Signal): void {
    if (this.#isClosed) return;
    if (this.#signals.length >= LINK_SIGNALS_MAX) {
      this.#options.onOverflow();
      return;
    }
    this.#signals.push(signal);
    this.#schedule();
  }

  /** A message with nothing attached always finds room: it is bounded by its credit. */
  hasRoomFor(attachedBytes: number): boolean {
    return attachedBytes === 0 || this.#attachedBytes + attachedBytes <= this.#options.bytesMax;
  }

  message(message: Sendable): void {
    if (this.#isClosed) return;
    this.#attachedBytes += message.attachedBytes;
    if (!this.#messages.push(message)) {
      this.#compact();
      const hasRoom = this.#messages.push(message);
      assert(hasRoom, "a message that is wanted waits only with credit");
    }
    this.#schedule();
  }

  /** For a stream that has something to write and is not in line yet. */
  flow(stream: Flowing): void {
    if (this.#isClosed) return;
    this.#flowing.push(stream);
    this.#schedule();
  }

  drained(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#flush();
  }

  /** Writes what is there now, for a last word before the connection ends. */
  flushNow(): void {
    this.#isBlocked = false;
    this.#flush();
  }

  close(): void {
    this.#isClosed = true;
    this.#connection = undefined;
    this.#signals.length = 0;
    this.#flowing = [];
    for (let message = this.#take(); message !== undefined; message = this.#take()) message.drop();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isBlocked || this.#connection === undefined) return;
    this.#isScheduled = true;
    this.#options.scheduler.macrotask(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    this.#flush();
  };

  #flush(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    for (let left = LINK_BURST_BYTES; left > 0 && !this.#isBlocked; ) {
      this.#fillUnit();
      const { bytes } = this.#writer;
      if (bytes === 0) return;
      this.#isBlocked = !connection.write(this.#writer.take());
      this.#options.onWritten(bytes);
      left -= bytes;
    }
    if (this.#hasMore()) this.#schedule();
  }

  #hasMore(): boolean {
    return this.#signals.length + this.#messages.depth + this.#flowing.length + this.#writer.longBytes > 0;
  }

  #fillUnit(): void {
    this.#writeSignals();
    const signalBytes = this.#writer.bytes;
    const unitEnd = signalBytes + LINK_FRAME_BYTES_MAX + FRAME_HEADER_BYTES;
    if (this.#areStreamsFirst) this.#writeStreams(unitEnd);
    this.#writeMessages(unitEnd);
    if (!this.#areStreamsFirst) this.#writeStreams(unitEnd);
    if (this.#writer.bytes > signalBytes) this.#areStreamsFirst = !this.#areStreamsFirst;
  }

  /** What a frame that is begun now may hold; 0 when the unit is full. There is room for the longest whole message. */
  #roomBytes(unitEnd: number): number {
    const roomBytes = unitEnd - this.#writer.bytes - FRAME_HEADER_BYTES;
    return roomBytes < LINK_WHOLE_BYTES_MAX ? 0 : roomBytes;
  }

  #writeSignals(): void {
    for (const { kind, id, argument, flags = 0, body } of this.#signals) {
      this.#writer.begin(kind, flags, id, argument, body?.byteLength ?? 0);
      if (body !== undefined) this.#writer.append(body);
    }
    this.#signals.length = 0;
  }

  #writeMessages(unitEnd: number): void {
    for (let room = this.#roomBytes(unitEnd); room > 0; room = this.#roomBytes(unitEnd)) {
      if (this.#writer.longBytes > 0) {
        this.#writer.writePart(room);
        continue;
      }
      const message = this.#take();
      if (message === undefined) return;
      if (message.isWanted) message.write(this.#writer);
    }
  }

  #compact(): void {
    for (let rest = this.#messages.depth; rest > 0; rest -= 1) {
      const message = this.#take();
      if (message?.isWanted !== true) continue;
      this.#messages.push(message);
      this.#attachedBytes += message.attachedBytes;
    }
  }

  #take(): Sendable | undefined {
    const message = this.#messages.take();
    this.#attachedBytes -= message?.attachedBytes ?? 0;
    return message;
  }

  #writeStreams(unitEnd: number): void {
    for (let room = this.#roomBytes(unitEnd); room > 0; room = this.#roomBytes(unitEnd)) {
      const stream = this.#flowing.shift();
      if (stream === undefined) return;
      if (stream.write(this.#writer, room)) this.#flowing.push(stream);
    }
  }
}
