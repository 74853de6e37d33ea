/** HTTP exchanges on `node:http` and `node:https`, over connections that are kept. */
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import type { Exchange, ExchangeAnswer, ExchangeBroken, ExchangeRequest } from "#runtime/bucket/exchange.ts";
import type { BucketPlace } from "#runtime/bucket/place.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** Requests to one server at once; further ones wait for a connection, within their time. */
export const EXCHANGES_MAX = 32;
/** A connection that was idle for so long is closed here, before a server does it under a request, ms. */
const IDLE_MS: number = 4 * second;

type Outcome = Result<ExchangeAnswer, ExchangeBroken>;

/** To the server of `place` alone. */
export function createExchange({ isSecure, hostname, port, host }: BucketPlace): Exchange {
  const options = { keepAlive: true, maxSockets: EXCHANGES_MAX, timeout: IDLE_MS };
  const agent = isSecure ? new SecureAgent(options) : new Agent(options);
  const start = isSecure ? secureRequest : httpRequest;

  return {
    send: ({ method, target, headers, body, answerBytesMax, isApart }: ExchangeRequest, signal) =>
      new Promise<Outcome>((resolve) => {
        const length = body.reduce((sum, part) => sum + part.length, 0);
        const sent = { ...headers, host, ...(method === "GET" ? {} : { "content-length": String(length) }) };
        const request = start({
          agent: isApart === true ? false : agent,
          hostname,
          port,
          method,
          path: target,
          headers: sent,
        });
        const settle = (outcome: Outcome): void => {
          signal.removeEventListener("abort", abort);
          resolve(outcome);
        };
        const abort = (): void => {
          settle(broken("aborted"));
          request.destroy();
        };
        if (signal.aborted) abort();
        else signal.addEventListener("abort", abort, { once: true });
        request.on("error", (error: NodeJS.ErrnoException) => settle(broken(error.code ?? "EIO")));
        request.on("response", (answer) => collect(answer, request, answerBytesMax, settle));
        for (const part of body) request.write(part);
        request.end();
      }),
    close: () => agent.destroy(),
  };
}

function collect(
  answer: IncomingMessage,
  request: ClientRequest,
  bytesMax: number,
  settle: (outcome: Outcome) => void,
): void {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  answer.on("data", (piece: Uint8Array) => {
    sizeBytes += piece.length;
    pieces.push(piece);
    if (sizeBytes <= bytesMax) return;
    settle(broken("too-long"));
    request.destroy();
  });
  answer.on("error", (error: NodeJS.ErrnoException) => settle(broken(error.code ?? "EIO")));
  // An answer that was cut off ends without being complete.
  answer.on("close", () => settle(broken("ECONNRESET")));
  answer.on("end", () => {
    const { complete, statusCode: status } = answer;
    if (complete && status !== undefined) settle(ok({ status, body: Buffer.concat(pieces) }));
    else settle(broken("ECONNRESET"));
  });
}

function broken(cause: string): Outcome {
  return fail({ code: "bucket.exchange-broken", cause });
}
