/**
 * One request and its answer on a connection: at most one of each connection is under way, later ones wait in line.
 *
 * Invariants:
 * - every response that a service gave is settled exactly once, also when nobody is left to take it;
 * - a body that failed after its first byte ends in a reset, never in a well-formed end;
 * - an answer that comes before the request's body ended is delivered whole before the connection closes;
 * - an answer that closes the connection is the last one on it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { OpenWork } from "#runtime/cancellation.ts";
import type { Clock } from "#runtime/clock.ts";
import type {
  EdgeLimits,
  EdgeOptions,
  EdgeOutcome,
  EdgeRequest,
  EdgeResponse,
  EdgeService,
} from "#runtime/edge/edge.ts";
import { pump } from "#runtime/edge/pump.ts";
import { type BodyFailure, corrIdOf, edgeRefusal, type Refusal, renderRefusal } from "#runtime/edge/refusal.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { drainRequest } from "#runtime/real/edge/drain-request.ts";
import type { Outbox } from "#runtime/real/edge/outbox.ts";
import { RequestBody } from "#runtime/real/edge/request-body.ts";
import { clientOf, reset } from "#runtime/real/edge/tls-server.ts";

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: () => EdgeLimits;
  readonly adaptRefusal: EdgeOptions["adaptRefusal"];
  readonly isClosing: () => boolean;
  readonly outbox: Outbox;
  /** For the pace of the connection. */
  onWrite(): void;
  onWritten(bytes: number): void;
  onEnd(exchange: Exchange): void;
}

/** The client is gone. */
const peerGone: Failure = { code: "edge.peer-gone" };
/** The service was detached: its incarnation ended. */
const detached: Failure = { code: "edge.detached" };

export class Exchange {
  readonly #host: ExchangeHost;
  readonly #message: IncomingMessage;
  readonly #reply: ServerResponse;
  readonly #refusal: Refusal | undefined;
  readonly #contentLength: number | undefined;
  readonly #hasBody: boolean;
  readonly #work = new OpenWork();
  #service: EdgeService | undefined;
  #body: RequestBody | undefined;
  /** How the request's body broke on its way, maybe before anybody asked for it. */
  #bodyFailure: BodyFailure | undefined;
  #isLast = false;
  #isAnswered = false;
  /** The answer is the edge's own: it needs no service. */
  #isRefused = false;
  /** Set once the exchange cannot be answered any more. */
  #gone: Failure | undefined;
  #onGone: (() => void) | undefined;
  /** Ends the write under way once the socket has closed. */
  #onClosed: (() => void) | undefined;
  #hasEnded = false;

  /** With `refusal` the request is answered so, whatever it asks. */
  constructor(host: ExchangeHost, message: IncomingMessage, reply: ServerResponse, refusal: Refusal | undefined) {
    this.#host = host;
    this.#message = message;
    this.#reply = reply;
    this.#refusal = refusal;
    const length = message.headers["content-length"];
    this.#contentLength = length === undefined ? undefined : Number(length);
    this.#hasBody = message.headers["transfer-encoding"] !== undefined || (this.#contentLength ?? 0) > 0;
    // A body that nobody reads may break too; whoever reads it learns it from `broken` and `leave`.
    message.on("error", () => undefined);
  }

  get service(): EdgeService | undefined {
    return this.#service;
  }

  /** Whether the request's body is still under way: broken framing is then this exchange's. */
  get isReceiving(): boolean {
    return this.#hasBody && !this.#message.complete;
  }

  /** Its answer has said, or will imply, that the connection closes: nothing after it is answered. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** Its turn has come. */
  start(service: EdgeService | undefined): void {
    this.#service = service;
    if (this.#refusal !== undefined) this.#refuse(this.#refusal);
    else if (service === undefined) this.#refuse(edgeRefusal("gateway.restarting"));
    else void this.#serve(service);
  }

  /** The request's body broke on its way. */
  broken(failure: BodyFailure): void {
    this.#bodyFailure ??= failure;
    this.#body?.fail(failure);
  }

  /** The socket closed. */
  leave(): void {
    this.#body?.fail({ code: "gateway.body-truncated" });
    this.#giveUp(peerGone);
    this.#onClosed?.();
    this.#end();
  }

  /** The service ended. What the edge answers in its place arrives whole, on a connection that then goes on. */
  detach(): void {
    if (this.#hasEnded) return;
    this.#body?.fail({ code: "gateway.body-truncated" });
    this.#refuse(edgeRefusal("gateway.restarting"));
    this.#work.callOff();
    if (this.#isRefused) return;
    this.#giveUp(detached);
    this.#reset();
  }

  #refuse(refusal: Refusal): void {
    if (this.#isAnswered || this.#hasEnded) return;
    this.#isRefused = true;
    const { random, adaptRefusal } = this.#host;
    const { method = "", url = "/" } = this.#message;
    const told = adaptRefusal?.({ method, path: splitTarget(url).path }, refusal) ?? refusal;
    const corrId = corrIdOf(singleHeader(this.#message, "x-correlation-id"), random);
    void this.#answer({ status: told.status, ...renderRefusal(told, corrId, random) });
  }

  async #serve(service: EdgeService): Promise<void> {
    let response: EdgeResponse;
    try {
      response = await service.handle(this.#request());
    } catch (defect) {
      service.onDefect(defect);
      return this.#refuse(edgeRefusal("gateway.defect"));
    }
    if (!this.#isAnswered && !this.#hasEnded) return await this.#answer(response);
    discard(response, this.#gone ?? detached);
  }

  #request(): EdgeRequest {
    const { method = "", url = "/", headers, socket } = this.#message;
    const { path, query, authority } = splitTarget(url);
    if (this.#hasBody) {
      this.#body = new RequestBody(this.#message, {
        clock: this.#host.clock,
        limits: this.#host.limits,
        onFirstRead: () => {
          if (this.#expectsContinue()) this.#reply.writeContinue();
        },
      });
      if (this.#bodyFailure !== undefined) this.#body.fail(this.#bodyFailure);
    }
    const fields = headers as Readonly<Record<string, string | undefined>>;
    return {
      method,
      path,
      query,
      headers: authority === undefined ? fields : { ...fields, host: authority },
      remote: socket.remoteAddress ?? "",
      client: clientOf(socket),
      body: this.#body,
      contentLength: this.#contentLength,
      within: this.#work,
    };
  }

  #expectsContinue(): boolean {
    const { headers, httpVersionMinor } = this.#message;
    return httpVersionMinor >= 1 && /^100-continue$/i.test(headers.expect ?? "");
  }

  async #answer(response: EdgeResponse): Promise<void> {
    this.#isAnswered = true;
    const isEarly = this.isReceiving;
    this.#body?.cancel(peerGone);
    // One that is refused for how it is framed may be followed by anything.
    const mustClose = isEarly || this.#refusal !== undefined || this.#host.isClosing();
    const hasBody = this.#writeHead(response, mustClose);
    const { body } = response;
    const isWhole = hasBody && !isEarly && body instanceof Uint8Array;
    const outcome = isWhole ? await this.#endWith(body) : hasBody ? await this.#writeBody(response) : without(response);
    response.settled?.(outcome);
    if (this.#hasEnded) return;
    if (!outcome.complete) return this.#reset();
    if (isWhole) return this.#end();
    // What was written is whole for the client; only then is the rest of the request worth a look.
    if (isEarly) await this.#drain();
    this.#reply.end(() => this.#end());
  }

  /** False when no body follows. */
  #writeHead(response: EdgeResponse, mustClose: boolean): boolean {
    const { status, headers, body, lengthBytes } = response;
    const isHead = this.#message.method === "HEAD";
    const bodiless = status === 204 || status === 304;
    const head: Record<string, string> = { ...headers };
    if (!bodiless) head["Content-Length"] = String(lengthBytes ?? lengthOf(body));
    if (mustClose) head["Connection"] = "close";
    this.#isLast = mustClose || !this.#reply.shouldKeepAlive;
    this.#reply.writeHead(status, head);
    const follows = !isHead && !bodiless && body !== undefined && lengthOf(body) > 0;
    if (!follows && mustClose) this.#reply.flushHeaders();
    return follows;
  }

  /** Head, body and end in one go: what most answers are. */
  #endWith(body: Uint8Array): Promise<EdgeOutcome> {
    return new Promise((resolve) => {
      let isOver = false;
      const over = (cause: Failure | undefined): void => {
        if (isOver) return;
        isOver = true;
        this.#host.onWritten(body.byteLength);
        const isComplete = cause === undefined;
        resolve({ complete: isComplete, bytesSent: isComplete ? body.byteLength : 0, cause });
      };
      this.#host.onWrite();
      this.#onGone = () => over(this.#gone);
      this.#host.outbox.add(() => this.#reply.end(body, () => over(this.#gone)));
    });
  }

  async #writeBody({ body }: EdgeResponse): Promise<EdgeOutcome> {
    if (body === undefined) return nothing;
    if (!(body instanceof Uint8Array)) {
      this.#onGone = () => body.source.cancel(this.#gone ?? peerGone);
      return await pump(body, this.#write);
    }
    const cause = await this.#write(body);
    return { complete: cause === undefined, bytesSent: cause === undefined ? body.byteLength : 0, cause };
  }

  readonly #write = (bytes: Uint8Array): Promise<Failure | undefined> => {
    if (this.#gone !== undefined) return Promise.resolve(this.#gone);
    return new Promise((resolve) => {
      this.#host.onWrite();
      // What is written to a socket that is destroyed and has not closed yet Node drops, and never says so. A closed one
      // uses no buffer any more.
      this.#onClosed = () => resolve(this.#gone);
      this.#reply.write(bytes, (error) => {
        this.#host.onWritten(bytes.byteLength);
        resolve(error === null || error === undefined ? undefined : (this.#gone ?? peerGone));
      });
    });
  };

  async #drain(): Promise<void> {
    const { clock, limits } = this.#host;
    const { drainBytesMax, drainMs } = limits();
    await drainRequest(this.#message, clock, drainBytesMax, drainMs);
  }

  #giveUp(why: Failure): void {
    if (this.#gone !== undefined) return;
    this.#gone = why;
    if (this.#hasEnded) return;
    this.#work.callOff();
    this.#onGone?.();
  }

  #reset(): void {
    this.#giveUp(peerGone);
    reset(this.#message.socket);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#host.onEnd(this);
  }
}

const nothing: EdgeOutcome = { complete: true, bytesSent: 0 };

function without({ body }: EdgeResponse): EdgeOutcome {
  if (body !== undefined && !(body instanceof Uint8Array)) body.source.cancel({ code: "edge.body-unwanted" });
  return nothing;
}

function discard(response: EdgeResponse, cause: Failure): void {
  const { body } = response;
  if (body !== undefined && !(body instanceof Uint8Array)) body.source.cancel(cause);
  response.settled?.({ complete: false, bytesSent: 0, cause });
}

function lengthOf(body: EdgeResponse["body"]): number {
  if (body === undefined) return 0;
  return body instanceof Uint8Array ? body.byteLength : body.lengthBytes;
}

function singleHeader(message: IncomingMessage, name: string): string | undefined {
  const value = message.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** A target may carry its own authority (RFC 9112 §3.2.2), which then stands for the Host field. */
function splitTarget(url: string): { path: string; query: string; authority: string | undefined } {
  const absolute = url.startsWith("/") ? null : /^https?:\/\/([^/?]*)(.*)$/i.exec(url);
  const target = absolute === null ? url : (absolute[2] ?? "").replace(/^(?!\/)/, "/");
  const mark = target.indexOf("?");
  return {
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    authority: absolute?.[1],
  };
}
