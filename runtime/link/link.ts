/**
 * One connection between two cells, from hello to its end.
 *
 * The side that connects calls, the side that accepts serves: what a side does with messages is its *role*. The link
 * itself frames, says hello, keeps the heartbeat, carries the streams, and ends for exactly one reason.
 *
 * Nothing that arrives can make it throw: what breaks the rules ends the link, counted by reason.
 */
import type { LinkLost } from "#runtime/call-failure.ts";
import type { Timer } from "#runtime/clock.ts";
import { encode } from "#runtime/link/body.ts";
import { type Frame, KIND } from "#runtime/link/frame.ts";
import { FrameDecoder, type FrameFault, type FrameSink } from "#runtime/link/frame-decoder.ts";
import { type BuildChanged, packHello, readHello } from "#runtime/link/hello.ts";
import {
  LINK_DEGRADED_MS,
  LINK_HEARTBEAT_MS,
  LINK_HELLO_TIMEOUT_MS,
  LINK_SILENCE_MS_MAX,
} from "#runtime/link/limits.ts";
import type { LinkContext } from "#runtime/link/link-context.ts";
import { Outbox } from "#runtime/link/outbox.ts";
import { readFailure, type StreamFault, Streams } from "#runtime/link/streams.ts";
import type { Connection, ConnectionEvents } from "#runtime/network/network.ts";

/** A rule that the other side broke. */
export type LinkFault = FrameFault | StreamFault | "hello-expected" | "credit-exceeded" | "monitors-exceeded";

/** Why a link is no more. */
export type LinkEnd =
  | LinkFault
  | "unreachable"
  | "closed"
  | "shutdown"
  | "silent"
  | "hello-timeout"
  | "build-changed"
  | "wrong-cell"
  | "refused"
  | "not-reading";

/** What a side does with its messages. */
export interface LinkRole {
  /** Hello is said and heard; `messageCredit` is the other side's. */
  onUp(messageCredit: number): void;
  /** Everything that is neither hello, heartbeat nor stream. */
  onFrame(frame: Frame): LinkFault | undefined;
  /** Once, whether the link was up or not. */
  onEnd(): void;
}

export interface LinkOptions {
  readonly context: LinkContext;
  readonly side: "connecting" | "accepting";
  /** The cell that is expected at the other end; empty where anyone of this build may call. */
  readonly to: string;
  readonly role: (link: Link) => LinkRole;
}

export class Link implements ConnectionEvents, FrameSink {
  readonly outbox: Outbox;
  readonly streams: Streams;
  readonly #options: LinkOptions;
  readonly #context: LinkContext;
  readonly #role: LinkRole;
  readonly #decoder = new FrameDecoder(this);
  #connection: Connection | undefined;
  /** The other side's name: expected, then heard. */
  #cell: string;
  #isUp = false;
  #hasEnded = false;
  #heardMs: number;
  #isDegraded = false;
  #beatDueMs: number;
  #timer: Timer;

  constructor(options: LinkOptions) {
    const { context } = options;
    this.#options = options;
    this.#context = context;
    this.#cell = options.to;
    this.outbox = new Outbox({
      scheduler: context.scheduler,
      onWritten: (bytes) => context.metrics.bytesOut.add(bytes),
      onOverflow: () => this.end("not-reading"),
    });
    this.streams = new Streams({
      outbox: this.outbox,
      streamsMax: context.limits.streamsMax,
      windowBytes: context.limits.streamWindowBytes,
    });
    this.#role = options.role(this);
    this.#heardMs = context.clock.nowMs();
    this.#beatDueMs = this.#heardMs + LINK_HEARTBEAT_MS;
    this.#timer = context.clock.after(LINK_HELLO_TIMEOUT_MS, () => this.end("hello-timeout"));
    const { cell, buildId, limits } = context;
    this.outbox.signal({
      kind: KIND.hello,
      id: 0,
      argument: 0,
      body: packHello({ cell, buildId, to: options.to, limits }),
    });
  }

  get cell(): string {
    return this.#cell;
  }

  get isUp(): boolean {
    return this.#isUp && !this.#hasEnded;
  }

  /** The connection, once it is there. Events may have come before. */
  attach(connection: Connection): void {
    if (this.#hasEnded) {
      connection.destroy();
      return;
    }
    this.#connection = connection;
    this.outbox.attach(connection);
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#heardMs = this.#context.clock.nowMs();
    this.#context.metrics.bytesIn.add(bytes.byteLength);
    const fault = this.#decoder.push(bytes);
    if (fault === undefined) this.streams.serve();
    else this.end(fault);
  }

  onDrain(): void {
    this.outbox.drained();
  }

  onClose(): void {
    this.end("closed");
  }

  onFrame(frame: Frame): void {
    const fault = this.#isUp ? this.#dispatch(frame) : this.#greet(frame);
    if (fault !== undefined) this.end(fault);
  }

  onData(streamId: number, bytes: Uint8Array): void {
    const fault = this.#isUp ? this.streams.onData(streamId, bytes) : "hello-expected";
    if (fault !== undefined) this.end(fault);
  }

  /** Ends the link at once, for this reason. Only the first counts. */
  end(end: LinkEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timer.cancel();
    this.#decoder.stop();
    this.outbox.close();
    this.#connection?.destroy();
    this.#context.metrics.ends.add(1, { reason: end });
    const fields = { peer: this.#cell, side: this.#options.side, reason: end };
    // A cell that is not there yet is nothing to tell: it is asked again and again.
    if (end === "unreachable") this.#context.log.debug("link-ended", fields);
    else this.#context.log.info("link-ended", fields);
    // The name is the cell's: a stream does not know the actor that it belongs to.
    const lost: LinkLost = { code: "runtime.link-lost", actor: this.#cell, executed: "maybe" };
    this.streams.lose(lost);
    this.#role.onEnd();
  }

  #dispatch(frame: Frame): LinkFault | undefined {
    switch (frame.kind) {
      case KIND.hello:
      case KIND.refused:
        return "frame-malformed";
      case KIND.ping:
        this.#context.metrics.loopDelay.set(frame.argument / 1_000_000, { cell: this.#cell });
        this.outbox.signal({ kind: KIND.pong, id: 0, argument: this.#loopDelayMicroseconds() });
        return undefined;
      case KIND.pong:
        this.#context.metrics.loopDelay.set(frame.argument / 1_000_000, { cell: this.#cell });
        return undefined;
      case KIND.data:
      case KIND.window:
      case KIND.stop:
        return this.streams.onFrame(frame);
      default:
        return this.#role.onFrame(frame);
    }
  }

  /** The first frame, which decides whether there will be others. */
  #greet(frame: Frame): LinkFault | undefined {
    if (frame.kind === KIND.refused) {
      const { log } = this.#context;
      log.warn("link-refused", { peer: this.#cell, failure: readFailure(frame) });
      this.end("refused");
      return undefined;
    }
    const hello = frame.kind === KIND.hello ? readHello(frame) : undefined;
    if (hello === undefined) return "hello-expected";

    const { cell, buildId } = this.#context;
    const { to } = this.#options;
    if (hello.buildId !== buildId) {
      this.#refuse({ code: "supervisor.build-changed", cell, expected: buildId, actual: hello.buildId });
      return undefined;
    }
    const isMeant = (to === "" || hello.cell === to) && (hello.to === "" || hello.to === cell);
    if (!isMeant) {
      this.end("wrong-cell");
      return undefined;
    }
    if (hello.limits === undefined) return "hello-expected";

    this.#cell = hello.cell;
    this.#isUp = true;
    this.#timer.cancel();
    this.#timer = this.#context.clock.after(LINK_HEARTBEAT_MS, this.#beat);
    this.#beatDueMs = this.#context.clock.nowMs() + LINK_HEARTBEAT_MS;
    this.streams.allow(hello.limits);
    this.#context.log.info("link-up", { peer: this.#cell, side: this.#options.side });
    this.#role.onUp(hello.limits.messageCredit);
    return undefined;
  }

  /** Says why, as far as one write goes, and ends. */
  #refuse(failure: BuildChanged): void {
    this.#context.log.warn("link-refused", { peer: this.#cell, failure });
    const connection = this.#connection;
    this.outbox.signal({ kind: KIND.refused, id: 0, argument: 0, body: encode(failure) });
    this.outbox.flushNow();
    // Ending destroys; a graceful end lets the reason arrive, and the other side hangs up when it has read it.
    this.#connection = undefined;
    this.end("build-changed");
    connection?.end();
  }

  readonly #beat = (): void => {
    const { clock, metrics, log } = this.#context;
    const nowMs = clock.nowMs();
    const silentMs = nowMs - this.#heardMs;
    if (silentMs >= LINK_SILENCE_MS_MAX) {
      this.end("silent");
      return;
    }

    const isDegraded = silentMs >= LINK_DEGRADED_MS;
    if (isDegraded && !this.#isDegraded) {
      metrics.degraded.add();
      log.warn("link-degraded", { peer: this.#cell, silentMs });
    }
    if (!isDegraded && this.#isDegraded) log.info("link-recovered", { peer: this.#cell });
    this.#isDegraded = isDegraded;

    // One side asks and the other answers: both hear something every second.
    if (this.#options.side === "connecting") {
      this.outbox.signal({ kind: KIND.ping, id: 0, argument: this.#loopDelayMicroseconds() });
    }
    this.#beatDueMs = nowMs + LINK_HEARTBEAT_MS;
    this.#timer = clock.after(LINK_HEARTBEAT_MS, this.#beat);
  };

  /** How late this side's own heartbeat is at this moment. */
  #loopDelayMicroseconds(): number {
    const lateMs = Math.max(0, this.#context.clock.nowMs() - this.#beatDueMs);
    return Math.min(0xffff_ffff, Math.round(lateMs * 1000));
  }
}
