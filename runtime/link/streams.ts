/**
 * The streams of one link, in both directions.
 *
 * Ids belong to the side that sends the bytes: data, end and failure come from it, room and stop go to it, so the two
 * directions never meet. A frame for a stream that is over is ignored: it crossed the news on its way.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import { decodeFrame, encodeFailure } from "#runtime/link/body.ts";
import { FLAG, type Frame, KIND } from "#runtime/link/frame.ts";
import { IncomingStream } from "#runtime/link/incoming-stream.ts";
import { LINK_STREAM_WINDOW_BYTES, LINK_STREAMS_MAX } from "#runtime/link/limits.ts";
import type { Outbox } from "#runtime/link/outbox.ts";
import { OutgoingStream } from "#runtime/link/outgoing-stream.ts";

export type StreamFault = "window-exceeded" | "streams-exceeded" | "body-malformed";

export interface StreamsOptions {
  readonly outbox: Outbox;
  /** What this side allows the other. */
  readonly streamsMax: number;
  readonly windowBytes: number;
}

interface Incoming {
  readonly stream: IncomingStream;
  readonly onProgress: () => void;
}

export class Streams {
  readonly #options: StreamsOptions;
  readonly #outgoing = new Map<number, OutgoingStream>();
  readonly #incoming = new Map<number, Incoming>();
  /** Streams that got bytes since `serve`. */
  readonly #touched: IncomingStream[] = [];
  /** What the other side allows this one. Known after hello. */
  #peerStreamsMax = 0;
  #peerWindowBytes = 0;
  #lastId = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get outgoingCount(): number {
    return this.#outgoing.size;
  }

  get incomingCount(): number {
    return this.#incoming.size;
  }

  allow(peer: { readonly streamsMax: number; readonly streamWindowBytes: number }): void {
    // Our own bounds hold whatever the other side offers.
    this.#peerStreamsMax = Math.min(peer.streamsMax, LINK_STREAMS_MAX);
    this.#peerWindowBytes = Math.min(peer.streamWindowBytes, LINK_STREAM_WINDOW_BYTES);
  }

  /** A stream for a local source; it begins when the frame that announces it is written. Undefined at the limit. */
  open(
    source: ByteSource,
    onProgress: () => void,
  ): { readonly id: number; readonly stream: OutgoingStream } | undefined {
    if (this.#outgoing.size >= this.#peerStreamsMax) return undefined;
    const id = this.#nextId();
    const stream = new OutgoingStream({
      id,
      source,
      windowBytes: this.#peerWindowBytes,
      outbox: this.#options.outbox,
      onProgress,
      onClosed: () => this.#outgoing.delete(id),
    });
    this.#outgoing.set(id, stream);
    return { id, stream };
  }

  /** The far end of a stream that the other side announced, or what is wrong with that. */
  accept(id: number, onProgress: () => void): IncomingStream | StreamFault {
    if (this.#incoming.has(id)) return "body-malformed";
    if (this.#incoming.size >= this.#options.streamsMax) return "streams-exceeded";
    const { outbox, windowBytes } = this.#options;
    const stream = new IncomingStream({
      windowBytes,
      onConsumed: (bytes) => {
        onProgress();
        outbox.signal({ kind: KIND.window, id, argument: bytes });
      },
      onCancelled: (reason) => {
        this.#incoming.delete(id);
        this.refuse(id, reason);
      },
    });
    this.#incoming.set(id, { stream, onProgress });
    return stream;
  }

  /** Tells the other side that nobody here wants the stream. */
  refuse(id: number, reason: Failure): void {
    this.#options.outbox.signal({ kind: KIND.stop, id, argument: 0, body: encodeFailure(reason) });
  }

  onData(id: number, bytes: Uint8Array): StreamFault | undefined {
    const incoming = this.#incoming.get(id);
    if (incoming === undefined) return undefined;
    incoming.onProgress();
    if (this.#touched.at(-1) !== incoming.stream) this.#touched.push(incoming.stream);
    return incoming.stream.push(bytes) ? undefined : "window-exceeded";
  }

  /** All bytes of one read of the socket are here: now those who wait for them are served, each once. */
  serve(): void {
    if (this.#touched.length === 0) return;
    for (const stream of this.#touched) stream.serve();
    this.#touched.length = 0;
  }

  /** End, failure, room, stop. */
  onFrame(frame: Frame): StreamFault | undefined {
    switch (frame.kind) {
      case KIND.data:
        return this.#finish(frame);
      case KIND.window:
        return this.#outgoing.get(frame.id)?.grant(frame.argument) === false ? "window-exceeded" : undefined;
      default: {
        const reason = readFailure(frame);
        if (reason === undefined) return "body-malformed";
        this.#outgoing.get(frame.id)?.stop(reason);
        return undefined;
      }
    }
  }

  /** The link is gone: sources here are cancelled, sources of the other side fail. */
  lose(reason: Failure): void {
    for (const stream of [...this.#outgoing.values()]) stream.stop(reason);
    for (const { stream } of [...this.#incoming.values()]) stream.lose(reason);
    this.#incoming.clear();
    this.#touched.length = 0;
  }

  #finish(frame: Frame): StreamFault | undefined {
    const outcome = (frame.flags & FLAG.end) !== 0 ? "ended" : readFailure(frame);
    if (outcome === undefined) return "body-malformed";
    const incoming = this.#incoming.get(frame.id);
    this.#incoming.delete(frame.id);
    incoming?.onProgress();
    incoming?.stream.finish(outcome);
    return undefined;
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId + 1) >>> 0;
    } while (this.#outgoing.has(this.#lastId));
    return this.#lastId;
  }
}

/** A failure that travels alone in a frame. */
export function readFailure(frame: Frame): Failure | undefined {
  const value = decodeFrame(frame);
  if (typeof value !== "object" || value === null || !("code" in value)) return undefined;
  return typeof value.code === "string" ? { ...value, code: value.code } : undefined;
}
