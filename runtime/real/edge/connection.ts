/**
 * One TCP connection: its exchanges in the order they came, its pace, and what happens when its bytes make no sense.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { EdgeLimits, EdgeOptions, EdgeService } from "#runtime/edge/edge.ts";
import { Pace } from "#runtime/edge/pace.ts";
import { corrIdOf, edgeRefusal, type Refusal, renderRefusal } from "#runtime/edge/refusal.ts";
import type { Random } from "#runtime/random.ts";
import { Exchange, type ExchangeHost } from "#runtime/real/edge/exchange.ts";
import { framingRefusal } from "#runtime/real/edge/framing.ts";
import type { Outbox } from "#runtime/real/edge/outbox.ts";
import type { QueuedBytes } from "#runtime/real/edge/queued-bytes.ts";
import { reset } from "#runtime/real/edge/tls-server.ts";

/** What a connection needs of its listener. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: () => EdgeLimits;
  readonly adaptRefusal: EdgeOptions["adaptRefusal"];
  readonly queued: QueuedBytes;
  readonly outbox: Outbox;
  readonly isClosing: () => boolean;
  readonly service: () => EdgeService | undefined;
  /** Requests begun or ended: the listener counts them. */
  onOpen(): void;
  onEnd(): void;
  onReject(reason: "pipelined" | "reader-slow" | "malformed"): void;
}

export class Connection implements ExchangeHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: () => EdgeLimits;
  readonly adaptRefusal: EdgeOptions["adaptRefusal"];
  readonly isClosing: () => boolean;
  readonly outbox: Outbox;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #waiting: Exchange[] = [];
  #active: Exchange | undefined;
  #pace: Pace | undefined;
  /** The refusal that ends the connection once the active exchange is over. */
  #broken: Refusal | undefined;
  #brokenAtBytes: number | undefined;
  #linger: Timer | undefined;
  /** An answer closed the connection: what still comes on it is not looked at. */
  #isOver = false;

  constructor(host: ConnectionHost, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    this.clock = host.clock;
    this.random = host.random;
    this.limits = host.limits;
    this.adaptRefusal = host.adaptRefusal;
    this.isClosing = host.isClosing;
    this.outbox = host.outbox;
    socket.once("close", () => this.#leave());
    // From one that asks for CONNECT Node takes its own listeners: a reset that nobody hears of would end the process.
    socket.on("error", () => socket.destroy());
  }

  /** A request came; with `refusal` it is answered without asking the service. */
  accept(message: IncomingMessage, reply: ServerResponse, refusal: Refusal | undefined): void {
    if (this.#isOver || this.#active?.isLast === true) return;
    const exchange = new Exchange(this, message, reply, refusal ?? framingRefusal(message));
    if (this.#active !== undefined && this.#waiting.length >= this.limits().pipelinedMax) {
      this.#host.onReject("pipelined");
      reset(this.#socket);
      return;
    }
    this.#host.onOpen();
    if (this.#active === undefined) this.#start(exchange);
    else this.#waiting.push(exchange);
  }

  /** The parser gave up, or the header took too long. Called again for every piece that comes after that. */
  broke(code: string): void {
    if (this.#brokenAtBytes !== undefined) {
      this.#stopReading(this.#brokenAtBytes);
      return;
    }
    this.#brokenAtBytes = this.#socket.bytesRead;
    const last = this.#waiting.at(-1) ?? this.#active;
    if (this.#isOver || last?.isLast === true) return;
    const hasEnded = code === "HPE_INVALID_EOF_STATE";
    if (!hasEnded) this.#host.onReject("malformed");
    if (last?.isReceiving === true) {
      // The answer to that request says why, and is the last one because its body never ends.
      last.broken({ code: hasEnded ? "gateway.body-truncated" : "gateway.body-malformed" });
      return;
    }
    this.#broken = edgeRefusal(
      code === "HPE_HEADER_OVERFLOW"
        ? "gateway.headers-too-large"
        : code === "ERR_HTTP_REQUEST_TIMEOUT"
          ? "gateway.request-timeout"
          : "gateway.malformed-request",
    );
    if (this.#active === undefined) this.#sayBroken();
  }

  detach(service: EdgeService): void {
    if (this.#active?.service === service) this.#active.detach();
  }

  onWrite(): void {
    this.#pace ??= new Pace({
      clock: this.clock,
      limits: this.limits,
      queuedBytes: () => this.#host.queued.of(this.#socket),
      onCut: () => {
        this.#host.onReject("reader-slow");
        reset(this.#socket);
      },
    });
    this.#pace.begin();
  }

  onWritten(bytes: number): void {
    this.#pace?.settle(bytes);
  }

  onEnd(exchange: Exchange): void {
    this.#host.onEnd();
    if (this.#active !== exchange) return;
    this.#active = undefined;
    if (this.#socket.destroyed) return;
    if (exchange.isLast) {
      this.#isOver = true;
      this.#leaveWaiting();
      return;
    }
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next);
    else if (this.#broken !== undefined) this.#sayBroken();
    else if (this.isClosing()) this.#socket.end();
  }

  #start(exchange: Exchange): void {
    this.#active = exchange;
    exchange.start(this.#host.service());
  }

  #leave(): void {
    this.#pace?.close();
    this.#linger?.cancel();
    this.#active?.leave();
    this.#leaveWaiting();
  }

  #leaveWaiting(): void {
    for (const exchange of this.#waiting.splice(0)) exchange.leave();
  }

  /** What follows broken bytes is dropped, so that the client gets to the answer; past the limit it is not even read. */
  #stopReading(fromBytes: number): void {
    if (this.#socket.bytesRead - fromBytes >= this.limits().drainBytesMax) this.#socket.pause();
  }

  #sayBroken(): void {
    const refusal = this.#broken;
    this.#isOver = true;
    // A connection that never said anything, or that is gone, gets no answer.
    if (refusal === undefined || !this.#socket.writable || this.#socket.bytesRead === 0)
      return void this.#socket.destroy();
    const { headers, body } = renderRefusal(refusal, corrIdOf(undefined, this.random), this.random);
    const fields = Object.entries({ ...headers, "Content-Length": String(body.byteLength), Connection: "close" });
    const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    this.#socket.write(`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${head}\r\n`);
    this.#socket.end(body);
    // Closed with unread bytes in it, the connection would be reset, and the reset could overtake the answer.
    this.#linger = this.clock.after(this.limits().drainMs, () => this.#socket.destroy());
  }
}
