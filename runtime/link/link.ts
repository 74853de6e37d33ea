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
import { encodeFailure } from "#runtime/link/body.ts";
import { type Frame, KIND } from "#runtime/link/frame.ts";
import { FrameDecoder, type FrameFault, type FrameSink } from "#runtime/link/frame-decoder.ts";
import { Heartbeat, type Malaise } from "#runtime/link/heartbeat.ts";
import { type BuildChanged, packHello, readHello } from "#runtime/link/hello.ts";
import { LINK_HELLO_TIMEOUT_MS } from "#runtime/link/limits.ts";
import type { LinkContext } from "#runtime/link/link-context.ts";
import { Outbox } from "#runtime/link/outbox.ts";
import { readFailure, type StreamFault, Streams } from "#runtime/link/streams.ts";
import type { Connection, ConnectionEvents } from "#runtime/network/network.ts";

/** A rule that the other side broke. */
export type LinkFault =
  | FrameFault
  | StreamFault
  | "hello-expected"
  | "credit-exceeded"
  | "reply-unexpected"
  | "monitors-exceeded";

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
  readonly #heartbeat: Heartbeat;
  #connection: Connection | undefined;
  /** The other side's name: expected, then heard. */
  #cell: string;
  #isUp = false;
  #hasEnded = false;
  #helloTimeout: Timer;

  constructor(options: LinkOptions) {
    const { context } = options;
    this.#options = options;
    this.#context = context;
    this.#cell = options.to;
    this.outbox = new Outbox({
      scheduler: context.scheduler,
      bytesMax: context.limits.outboxBytesMax,
      onWritten: (bytes) => context.metrics.bytesOut.add(bytes),
      onOverflow: () => this.end("not-reading"),
    });
    this.streams = new Streams({
      outbox: this.outbox,
      streamsMax: context.limits.streamsMax,
      windowBytes: context.limits.streamWindowBytes,
    });
    this.#role = options.role(this);
    this.#heartbeat = new Heartbeat({
      clock: context.clock,
      onBeat: () => this.#ping(),
      onMalaise: (malaise) => this.#feel(malaise),
      onGone: () => this.end("silent"),
    });
    this.#helloTimeout = context.clock.after(LINK_HELLO_TIMEOUT_MS, () => this.end("hello-timeout"));
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
    this.#heartbeat.heard();
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
    this.#helloTimeout.cancel();
    this.#heartbeat.stop();
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
        this.outbox.signal({ kind: KIND.pong, id: 0, argument: this.#heartbeat.takeDelayMicroseconds() });
        this.#hearDelay(frame.argument);
        return undefined;
      case KIND.pong:
        this.#hearDelay(frame.argument);
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
    this.#helloTimeout.cancel();
    this.#heartbeat.start();
    this.streams.allow(hello.limits);
    this.#context.log.info("link-up", { peer: this.#cell, side: this.#options.side });
    this.#role.onUp(hello.limits.messageCredit);
    return undefined;
  }

  /** Says why, as far as one write goes, and ends. */
  #refuse(failure: BuildChanged): void {
    this.#context.log.warn("link-refused", { peer: this.#cell, failure });
    const connection = this.#connection;
    this.outbox.signal({ kind: KIND.refused, id: 0, argument: 0, body: encodeFailure(failure) });
    this.outbox.flushNow();
    // Ending destroys; a graceful end lets the reason arrive, and the other side hangs up when it has read it.
    this.#connection = undefined;
    this.end("build-changed");
    connection?.end();
  }

  /** One side asks and the other answers: both hear something with every beat. */
  #ping(): void {
    if (this.#options.side === "accepting") return;
    this.outbox.signal({ kind: KIND.ping, id: 0, argument: this.#heartbeat.takeDelayMicroseconds() });
  }

  #hearDelay(microseconds: number): void {
    this.#context.metrics.loopDelay.set(microseconds / 1_000_000, { cell: this.#cell });
    this.#heartbeat.told(microseconds);
  }

  #feel(malaise: Malaise): void {
    const { metrics, log } = this.#context;
    if (malaise === undefined) {
      log.info("link-recovered", { peer: this.#cell });
      return;
    }
    metrics.degraded.add(1, { reason: malaise });
    log.warn("link-degraded", { peer: this.#cell, reason: malaise });
  }
}
