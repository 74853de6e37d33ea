/**
 * What waits to be written to one link, and in which order it leaves.
 *
 * Signals first, all of them; then messages in the order they came; then streams, one frame each in turn. One write per
 * scheduler turn, and no other until the socket has drained: so a signal waits for at most one burst of messages and
 * one of streams, and bytes are encoded only when they are about to leave.
 *
 * Bounds: signals by `LINK_SIGNALS_MAX` (past it the peer is not reading and the link is given up), messages by their
 * credit, streams by `streamsMax`, encoded bytes by `LINK_BURST_BYTES` twice and a frame.
 */
import { assert } from "#runtime/errors.ts";
import { Lane } from "#runtime/lane.ts";
import { FrameWriter } from "#runtime/link/frame-writer.ts";
import { LINK_BURST_BYTES, LINK_MESSAGE_CREDIT, LINK_SIGNALS_MAX } from "#runtime/link/limits.ts";
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
  write(writer: FrameWriter): void;
  /** The link ended before its turn came. */
  drop(): void;
}

/** Those that are wanted, of which there are as many as credit, and as many again that are not. */
const messagesMax = 2 * LINK_MESSAGE_CREDIT;

/** Writes one frame; true while it has more. */
export interface Flowing {
  write(writer: FrameWriter): boolean;
}

export interface OutboxOptions {
  readonly scheduler: Scheduler;
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
  #flowing: Flowing[] = [];
  #connection: Connection | undefined;
  #isScheduled = false;
  /** The socket has not taken the last write yet. */
  #isBlocked = false;
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

  message(message: Sendable): void {
    if (this.#isClosed) return;
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
    for (let message = this.#messages.take(); message !== undefined; message = this.#messages.take()) message.drop();
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
    if (connection === undefined || this.#isBlocked) return;
    const writer = this.#writer;
    this.#writeSignals();
    this.#writeMessages(writer.bytes + LINK_BURST_BYTES);
    this.#writeStreams(writer.bytes + LINK_BURST_BYTES);

    const { bytes } = writer;
    if (bytes === 0) return;
    this.#isBlocked = !connection.write(writer.take());
    this.#options.onWritten(bytes);
    if (this.#signals.length + this.#messages.depth + this.#flowing.length > 0) this.#schedule();
  }

  #writeSignals(): void {
    for (const { kind, id, argument, flags = 0, body } of this.#signals) {
      this.#writer.begin(kind, flags, id, argument, body?.byteLength ?? 0);
      if (body !== undefined) this.#writer.append(body);
    }
    this.#signals.length = 0;
  }

  #writeMessages(bytesMax: number): void {
    while (this.#writer.bytes < bytesMax) {
      const message = this.#messages.take();
      if (message === undefined) return;
      if (message.isWanted) message.write(this.#writer);
    }
  }

  #compact(): void {
    for (let rest = this.#messages.depth; rest > 0; rest -= 1) {
      const message = this.#messages.take();
      if (message?.isWanted === true) this.#messages.push(message);
    }
  }

  #writeStreams(bytesMax: number): void {
    while (this.#writer.bytes < bytesMax) {
      const stream = this.#flowing.shift();
      if (stream === undefined) return;
      if (stream.write(this.#writer)) this.#flowing.push(stream);
    }
  }
}
