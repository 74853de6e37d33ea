/**
 * HTTP as a seam: requests come to a pure function, answers leave through a pump that never ends a short body well.
 *
 * The listener outlives the incarnation that answers: each attaches its service and detaches it when it ends; requests
 * that meet no service get 503 `gateway.restarting`. Limits of time and pace are kept here, because only the edge sees
 * the socket; who is admitted, and what a failure means in HTTP, is the service's business.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Refusal } from "#runtime/edge/refusal.ts";
import type { EdgeClient, EdgeTls, EdgeTlsUnusable } from "#runtime/edge/tls.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";

export interface EdgeRequest {
  /** Upper case. */
  readonly method: string;
  /** As it was sent, percent-encoding included, without the query. Starts with `/`, except for `OPTIONS *`. */
  readonly path: string;
  /** What follows the `?`; empty without one. */
  readonly query: string;
  /** Lower-case names; a repeated field is joined with commas, except those that may not repeat: the first counts. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The peer's IP address. */
  readonly remote: string;
  /** Undefined where the listener asks nobody who they are. */
  readonly client: EdgeClient | undefined;
  /** Undefined where no body was announced. `100 Continue` is sent at its first read. The edge cancels the rest. */
  readonly body: ByteSource | undefined;
  /** Undefined for chunked bodies and for none. */
  readonly contentLength: number | undefined;
  /**
   * Called off when the client goes away, or the service is detached, before the answer is complete. A client that ends its
   * side waits for its answer as far as can be known: that it is gone shows when something is written to it.
   */
  readonly within: Within;
}

export interface EdgeResponse {
  readonly status: number;
  /** Without Content-Length, Connection, Date and Transfer-Encoding: those are the edge's. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | EdgeStream | undefined;
  /** Content-Length of an answer whose body stays away: to HEAD. */
  readonly lengthBytes?: number | undefined;
  /** Runs exactly once, when nothing of the answer is in use any more: its buffers may be reused from then on. */
  settled?(outcome: EdgeOutcome): void;
}

/** A body that is pulled from `source` through a buffer. */
export interface EdgeStream {
  readonly source: ByteSource;
  /** Content-Length. A source that delivers fewer or more has failed, and the connection is reset. */
  readonly lengthBytes: number;
  readonly buffer: Uint8Array;
  /** Bytes that already lie at the front of `buffer`: at least one, because a failure before it has a status. */
  readonly primedBytes: number;
}

export interface EdgeOutcome {
  /** Every byte of the body was taken by the socket. */
  readonly complete: boolean;
  readonly bytesSent: number;
  /** Why it is not complete. */
  readonly cause?: Failure | undefined;
}

/** What an incarnation attaches. */
export interface EdgeService {
  handle(request: EdgeRequest): Promise<EdgeResponse>;
  /** `handle` threw. The client gets 500 `gateway.defect`; whoever attached decides what else it means. */
  onDefect(defect: unknown): void;
}

/** One listener. */
export interface Edge {
  /** Where it listens, e.g. `http://127.0.0.1:7700`; `https:` with TLS. */
  readonly url: string;
  /** Requests under way, waiting ones on the same connection included. */
  readonly openRequestCount: number;
  readonly openConnectionCount: number;
  /** One service at a time. The undo fails what the service had not finished: 503 where nothing was sent, else reset. */
  attach(service: EdgeService): () => void;
  /**
   * Stops accepting, closes idle connections, says `Connection: close` on the others. Answers with the count of
   * requests that had not ended after `timeoutMs`; they go on. Final: a drained listener stays closed.
   */
  drain(timeoutMs: number): Promise<number>;
  /** Ends everything at once. Idempotent. */
  close(): Promise<void>;
}

/** Read anew for every request and wait, except those that say otherwise. */
export interface EdgeLimits {
  /** All header fields of a request, bytes. At listen. Past it: 431. */
  readonly headersBytesMax: number;
  /** From the first byte of a request, or from connecting, to the end of its header, ms. At listen. Past it: 408. */
  readonly headersTimeoutMs: number;
  /** An idle connection is kept this long, ms. At listen. */
  readonly keepAliveMs: number;
  /**
   * Connections at once. At listen. One more is closed without an answer; with TLS the oldest is that has not shown a certificate
   * yet, be it the new one.
   */
  readonly connectionsMax: number;
  /** Requests sent ahead on one connection. One more: the connection is reset. */
  readonly pipelinedMax: number;
  /** A wait for body bytes from the client, ms. Past it the body fails with `gateway.read-idle`. */
  readonly readIdleMs: number;
  /** A client takes nothing for so long, ms: reset. */
  readonly writeIdleMs: number;
  /** A client takes less than this on average over `paceWindowMs` of being behind: reset. */
  readonly paceBytesPerSecondMin: number;
  readonly paceWindowMs: number;
  /** A body comes slower on average over `paceWindowMs` of waiting for the client: `gateway.upload-too-slow`. */
  readonly uploadBytesPerSecondMin: number;
  /** After an early answer, the rest of the request is read up to so many bytes and ms, then the connection closes. */
  readonly drainBytesMax: number;
  readonly drainMs: number;
}

export interface EdgeOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Label of what is measured of it, where a process has more than one; without it none. */
  readonly name?: string | undefined;
  /** Without it anybody who can connect may ask. */
  readonly tls?: EdgeTls | undefined;
  readonly limits: () => EdgeLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  /** How the edge's own refusals are put to those who ask for certain things; as they are, unless it is given. */
  readonly adaptRefusal?: (request: Pick<EdgeRequest, "method" | "path">, refusal: Refusal) => Refusal;
}

/** The address cannot be listened on: it is in use, not this machine's, or not permitted. */
export interface EdgeBindFailed extends Failure<"edge.bind-failed"> {
  readonly host: string;
  readonly port: number;
  readonly errno: string;
}

export interface Edges {
  listen(options: EdgeOptions): Promise<Result<Edge, EdgeBindFailed | EdgeTlsUnusable>>;
}
