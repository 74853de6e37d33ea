/** One HTTP request to one server and its whole answer, as a seam. Connections are kept; nothing is repeated here. */
import type { Failure, Result } from "#runtime/errors.ts";

/** No whole answer: `cause` is the system's own name, such as `ECONNRESET`, or `too-long`, or `aborted`. */
export interface ExchangeBroken extends Failure<"bucket.exchange-broken"> {
  readonly cause: string;
}

export interface ExchangeRequest {
  readonly method: "DELETE" | "GET" | "POST" | "PUT";
  /** Path and query, encoded as they were signed. */
  readonly target: string;
  /** Without `host` and `content-length`, which belong to the exchange. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
  /** A longer answer is broken off. */
  readonly answerBytesMax: number;
  /** On a connection of its own: it waits for no other request. */
  readonly isApart?: boolean;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

export interface Exchange {
  /** Aborting `signal` ends the request at once; its connection is not used again. */
  send(request: ExchangeRequest, signal: AbortSignal): Promise<Result<ExchangeAnswer, ExchangeBroken>>;
  /** Ends the connections that are kept. */
  close(): void;
}
