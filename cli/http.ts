/**
 * HTTP to the node through `node:http`: here `fetch` cannot announce the length of a streamed body, which a node wants
 * to know before it accepts one, and has no `Expect: 100-continue`.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type CliFailure, errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { startLine } from "#cli/progress.ts";
import { type CepaError, errorFromBody, isRecord, parseJson, TEXT_BYTES_MAX } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";
import { MiB, minute, second } from "#runtime/units.ts";

/** Bodies longer than this wait for the node's word before the first byte is sent. */
export const EXPECT_ABOVE_BYTES: number = 1 * MiB;
/** Longest wait for that word; then the body is sent all the same, as RFC 9110 §10.1.1 asks. */
export const EXPECT_TIMEOUT_MS = 2000;

/** Longest wait for the facts of an object or its first byte: past what a node itself allows by default, 30 s. */
export const ANSWER_TIMEOUT_MS: number = 1 * minute;

/** Longest time in which nothing of a body moves where the node is to send or to take it: twice what it allows itself. */
export const SILENCE_MS: number = 1 * minute;
/** Longest wait for the answer to a whole upload: past what a node needs to store it at the most, 2 min by default. */
export const UPLOAD_ANSWER_MS: number = 5 * minute;

/** How long a get asks again, as often as `Retry-After` asks it to, before its first byte has come. */
export const RETRY_MS: number = 15 * second;
/** A node that says less is asked no sooner. */
const RETRY_PAUSE_MS: number = 1 * second;

/** From one look at what goes on in the node to the next. */
export const LOOK_INTERVAL_MS: number = second / 4;

export interface Upload {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Set where the next chunk may be long in coming: lets go of the source, and whoever waits for that chunk is told. */
  readonly release?: (() => void) | undefined;
  /** Undefined for a stream of unknown length. */
  readonly sizeBytes: number | undefined;
  /** How the node cuts it. */
  readonly chunker?: string | undefined;
  /** It is ciphertext, of this format. */
  readonly enc?: string;
  /** For how long the node holds it, if not until it is removed. */
  readonly keepMs?: number | undefined;
  /** Set for what the node looks at before it keeps it. */
  readonly kind?: "tree";
}

export interface TextAnswer {
  readonly status: number;
  readonly body: string;
  /** Where there is more of it. */
  readonly link?: string | undefined;
}

/** What a request has beside its URL. With certificates it is for one server only, and for nobody else. */
export interface TextRequest extends Pick<RequestOptions, "headers" | "method"> {
  readonly body?: string;
  /** PEM: whose certificate the server has to show, and what it is shown. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A GET whose answer is short, and whole within `timeoutMs`. Answers of any status are answers. */
export async function getText(url: string, timeoutMs: number): Promise<Outcome<TextAnswer>> {
  return await sendText(url, { method: "GET" }, timeoutMs);
}

/** As `getText`, by another method; with a body where there is one. */
export async function sendText(
  url: string,
  { body: sent, ...how }: TextRequest,
  timeoutMs: number,
): Promise<Outcome<TextAnswer>> {
  return within(url, timeoutMs, async (signal) => {
    const response = await open(url, { ...how, signal }, sent);
    if (!response.ok) return response;
    const body = await readText(response.value);
    if (!body.ok) return body;
    const { statusCode = 0, headers } = response.value;
    const link = typeof headers["link"] === "string" ? headers["link"] : undefined;
    return ok({ status: statusCode, body: body.value, ...(link === undefined ? {} : { link }) });
  });
}

/**
 * A GET whose answer is the bytes of an object, or of the range asked for. Every other status is a refusal, and where
 * that says when to come back it is asked again, for `RETRY_MS`. An answer begins within `timeoutMs`; how long it takes is
 * a matter of its length and of who reads it, but where the node owes more of it and is silent for `SILENCE_MS`, it breaks.
 */
export async function getStream(
  url: string,
  timeoutMs: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome<IncomingMessage>> {
  const giveUpMs = performance.now() + RETRY_MS;
  const line = startLine();
  try {
    for (;;) {
      const answer = await askStream(url, timeoutMs, headers);
      if (answer.ok || !("retryAfterMs" in answer.failure)) return answer;
      const { retryAfterMs, message } = answer.failure;
      if (retryAfterMs === undefined || performance.now() + retryAfterMs > giveUpMs) return answer;
      await pause(retryAfterMs);
      line.show(() => `asking again: ${message}`);
    }
  } finally {
    line.end();
  }
}

async function askStream(
  url: string,
  timeoutMs: number,
  headers: Readonly<Record<string, string>>,
): Promise<Outcome<IncomingMessage>> {
  return within(url, timeoutMs, async (signal) => {
    const response = await open(url, { method: "GET", signal, headers });
    const wanted = headers["range"] === undefined ? 200 : 206;
    if (!response.ok) return response;
    if (response.value.statusCode === wanted) {
      const { value } = response;
      onSilence(
        value.socket,
        () => isOwed(value),
        () => value.destroy(silent()),
      );
      return response;
    }
    const body = await readText(response.value);
    if (!body.ok) return body;
    const refusal = errorFromBody(response.value.statusCode ?? 0, body.value, correlationOf(response.value));
    return fail({ ...refusalOf(refusal), retryAfterMs: retryAfterOf(response.value) });
  });
}

/**
 * Sends `upload` and answers with what came back. An answer before the end of the body ends the sending, while the source
 * is silent too. A source may take its time, for all that this end cares; a node may not.
 */
export async function putStream(url: string, upload: Upload): Promise<Outcome<TextAnswer>> {
  const patient = upload.sizeBytes === undefined || upload.sizeBytes > EXPECT_ABOVE_BYTES;
  const headers = {
    "content-type": "application/octet-stream",
    ...(upload.sizeBytes === undefined ? {} : { "content-length": String(upload.sizeBytes) }),
    ...(patient ? { expect: "100-continue" } : {}),
    ...(upload.chunker === undefined ? {} : { "cepa-chunker": upload.chunker }),
    ...(upload.enc === undefined ? {} : { "cepa-enc": upload.enc }),
    ...(upload.keepMs === undefined ? {} : { "cepa-keep": String(Math.ceil(upload.keepMs / second)) }),
    ...(upload.kind === undefined ? {} : { "cepa-kind": upload.kind }),
  };
  const answered = Promise.withResolvers<Outcome<IncomingMessage>>();
  const request = requestTo(url, { method: "PUT", headers });
  let answer: IncomingMessage | undefined;
  request.on("response", (response) => {
    answer = response;
    response.socket.setTimeout(SILENCE_MS);
    answered.resolve(ok(response));
  });
  request.on("error", (error) => answered.resolve(fail(unreachable(url, error))));
  request.on("finish", () => request.socket?.setTimeout(UPLOAD_ANSWER_MS));
  request.on("socket", (socket) => {
    onSilence(
      socket,
      () => (answer === undefined ? request.writableEnded || request.writableLength > 0 : isOwed(answer)),
      () => {
        answered.resolve(noAnswer(url, request.writableFinished ? UPLOAD_ANSWER_MS : SILENCE_MS));
        (answer ?? request).destroy(silent());
      },
    );
  });

  const admitted = Promise.withResolvers<void>();
  if (patient) {
    request.on("continue", admitted.resolve);
    const timer = setTimeout(admitted.resolve, EXPECT_TIMEOUT_MS);
    void answered.promise.then(() => clearTimeout(timer));
    request.flushHeaders();
  } else admitted.resolve();

  let ended = false;
  const response = answered.promise.finally(() => {
    ended = true;
    // A race for each chunk would keep every chunk until the answer.
    upload.release?.();
  });
  await Promise.race([admitted.promise, response]);
  const sent = await sendBody(request, upload, () => ended, response);
  if (!sent.ok) {
    request.destroy();
    return sent;
  }

  const outcome = await response;
  if (!outcome.ok) return outcome;
  const body = await readText(outcome.value);
  // After an early refusal the rest of the body will never be sent: the connection is of no more use.
  request.destroy();
  return body.ok ? ok({ status: outcome.value.statusCode ?? 0, body: body.value }) : body;
}

/** What an answer other than 2xx says. */
export function refusalIn(answer: TextAnswer): { code: string; message: string } {
  return refusalOf(errorFromBody(answer.status, answer.body, ""));
}

/** What an answer in JSON says; its fields have still to be looked at. */
export type Facts = Readonly<Record<string, unknown>>;

/** Any other status than `expected` is a refusal. What has no `field`, as every such answer of a node has, is of no node. */
export function factsIn(answer: Outcome<TextAnswer>, expected: number, field: string): Outcome<Facts> {
  if (!answer.ok) return answer;
  if (answer.value.status !== expected) return fail(refusalIn(answer.value));
  const said = parseJson(answer.value.body);
  if (isRecord(said) && said[field] !== undefined) return ok(said);
  return fail({ code: "cli.bad-answer", message: `the answer says nothing of ${field}: is it a node's?` });
}

async function sendBody(
  request: ReturnType<typeof httpRequest>,
  { chunks, sizeBytes }: Upload,
  ended: () => boolean,
  response: Promise<unknown>,
): Promise<Outcome> {
  let sentBytes = 0;
  try {
    if (ended()) return ok();
    for await (const chunk of chunks) {
      sentBytes += chunk.byteLength;
      if (sizeBytes !== undefined && sentBytes > sizeBytes) break;
      if (!request.write(chunk)) await Promise.race([drained(request), response]);
      if (ended()) return ok();
    }
  } catch (error) {
    // Only the source throws here, or was let go of: what happens to the request arrives as its `error` event.
    if (ended()) return ok();
    return fail({ code: "cli.file-unreadable", message: reasonOf(error) });
  }
  // Node would send whatever length there is, and the server would wait for the rest.
  if (sizeBytes !== undefined && sentBytes !== sizeBytes) {
    return fail({ code: "cli.file-unreadable", message: "the file changed while it was read" });
  }
  request.end();
  return ok();
}

function drained(request: ReturnType<typeof httpRequest>): Promise<void> {
  return new Promise((resolve) => request.once("drain", resolve));
}

async function within<Value>(
  url: string,
  timeoutMs: number,
  ask: (signal: AbortSignal) => Promise<Outcome<Value>>,
): Promise<Outcome<Value>> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), timeoutMs);
  const outcome = await ask(patience.signal);
  clearTimeout(timer);
  if (outcome.ok || !patience.signal.aborted) return outcome;
  return noAnswer(url, timeoutMs);
}

function noAnswer(url: string, waitedMs: number): Outcome<never> {
  const message = `${new URL(url).origin} has not answered for ${waitedMs / second} s: is it a node, and is it overloaded?`;
  return fail({ code: "cli.no-answer", message });
}

/**
 * Runs `end` when nothing has moved either way, for as long as the socket is told to wait, and it is the node's turn. What
 * counts as moved is what the system has taken: a slow way is not a silent one.
 */
function onSilence(socket: Socket, isNodesTurn: () => boolean, end: () => void): void {
  socket.setTimeout(SILENCE_MS);
  socket.on("timeout", () => {
    if (isNodesTurn()) end();
    else socket.setTimeout(SILENCE_MS);
  });
}

/** Whether more is to come, and nothing that came waits to be read. */
function isOwed(response: IncomingMessage): boolean {
  return !response.complete && response.readableLength === 0;
}

function silent(): Error {
  return new Error(`nothing has moved for ${SILENCE_MS / second} s: is the node overloaded? Try again`);
}

function open(url: string, options: Options, body = ""): Promise<Outcome<IncomingMessage>> {
  return new Promise((resolve) => {
    const request = requestTo(url, options);
    let isGreeted = false;
    request.on("socket", (socket) => socket.once("secureConnect", () => (isGreeted = true)));
    request.on("response", (response) => resolve(ok(response)));
    request.on("error", (error) => {
      resolve(fail(options.ca === undefined ? unreachable(url, error) : refusedBy(url, error, isGreeted)));
    });
    request.end(body);
  });
}

/**
 * Of a listener that wants a certificate. What says that one of the two did not take the other's comes from OpenSSL, or from
 * Node's look at names. A connection that ends before the listener has shown its own ends for another reason: it was shown none.
 * One that ends later may be either: the end overtakes the alert of a server that ends it at once.
 */
function refusedBy(url: string, error: Error, isGreeted: boolean): CliFailure {
  const errno = errnoOf(error) ?? "";
  if (/^(ERR_SSL_|ERR_TLS_CERT|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|EPROTO$)/.test(errno)) {
    return { code: "cli.not-trusted", message: reasonOf(error) };
  }
  if (!/^(EPIPE|ECONNRESET)$/.test(errno)) return unreachable(url, error);
  if (isGreeted)
    return { code: "cli.not-trusted", message: `${reasonOf(error)}; or it ended for another reason: try again` };
  const message = `${new URL(url).origin} closed the connection before any certificate was shown: it has too many, or is going down; try again`;
  return { code: "cli.unreachable", message };
}

type Options = RequestOptions & Pick<TextRequest, "ca" | "cert" | "key">;

function requestTo(url: string, options: Options): ReturnType<typeof httpRequest> {
  // No connection is kept: a command asks once.
  return (url.startsWith("https:") ? httpsRequest : httpRequest)(url, { ...options, agent: false });
}

async function readText(response: IncomingMessage): Promise<Outcome<string>> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const piece of response) {
      sizeBytes += piece.length;
      if (sizeBytes > TEXT_BYTES_MAX) return fail({ code: "cli.bad-answer", message: "the answer is too long" });
      pieces.push(piece);
    }
  } catch (error) {
    return fail({ code: "cli.cut-short", message: `the connection broke within the answer: ${reasonOf(error)}` });
  }
  return ok(Buffer.concat(pieces).toString("utf8"));
}

function unreachable(url: string, error: Error): CliFailure {
  const { host, origin } = new URL(url);
  const errno = errnoOf(error) ?? "";
  if (errno.startsWith("HPE_") || errno.startsWith("ERR_SSL_") || errno === "EPROTO") {
    return { code: "cli.bad-answer", message: `what answers at ${origin} does not speak HTTP: ${reasonOf(error)}` };
  }
  // Over HTTPS it is a listener of administrators, or a server of others.
  const advice = origin.startsWith("http:") ? ", start a node with ./cepa up" : "";
  const hint = errno === "ECONNREFUSED" ? `: nothing listens on ${host}${advice}` : "";
  return { code: "cli.unreachable", message: `no answer from ${origin}${hint || `: ${reasonOf(error)}`}` };
}

/** Whether it was removed a node does not say of what it does not serve. */
const PERHAPS_REMOVED = "If it was removed, cepa trash lists it and cepa restore brings it back.";
/** What a refusal does not say, because the node does not know that a command asks. */
const ADVICE: Readonly<Record<string, string>> = {
  "overlay.unknown": PERHAPS_REMOVED,
  "storage.manifest-not-found": PERHAPS_REMOVED,
};

/** An error of the client as a command tells it. */
export function refusalOf({ code, message, corrId }: CepaError): { code: string; message: string } {
  const said = [message, ADVICE[code], corrId === "" ? undefined : `(${corrId})`];
  return {
    code: code.replace(/^client\.(?=(bad-answer|unreachable)$)/, "cli."),
    message: said.filter((part) => part !== undefined).join(" "),
  };
}

function correlationOf(response: IncomingMessage): string {
  const header = response.headers["x-correlation-id"];
  return typeof header === "string" ? header : "";
}

/** Seconds are all that a node says. */
function retryAfterOf({ headers }: IncomingMessage): number | undefined {
  const seconds = headers["retry-after"];
  if (seconds === undefined || !/^\d{1,6}$/.test(seconds)) return undefined;
  return Math.max(Number(seconds) * second, RETRY_PAUSE_MS);
}
