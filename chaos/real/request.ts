/** One HTTP request to a node that runs: as a client sends it, and with no answer as one of the things that can come of it. */
import { type IncomingMessage, request as open } from "node:http";
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import { KiB } from "#runtime/units.ts";

/** Longest that a client waits for the next byte, unless it is told otherwise, ms. */
const SILENCE_MS = 30_000;
const PIECE_BYTES: number = 64 * KiB;

export interface SendOptions {
  /** Longest wait for the next byte. */
  readonly silenceMs?: number;
  /** URL of what is before the node, and passes on what it gets. */
  readonly through?: string;
  /** Where it is sent from. */
  readonly localAddress?: string | undefined;
}

/** Undefined where the connection failed before there was a status. */
export function send(
  url: string,
  request: WorldRequest,
  { silenceMs = SILENCE_MS, through = url, localAddress }: SendOptions = {},
): Promise<WorldAnswer | undefined> {
  const { method = "GET", target, headers = {}, body, contentLength, signal } = request;
  return new Promise((resolve) => {
    const length = contentLength === undefined ? {} : { "content-length": `${contentLength}` };
    const { host } = new URL(url);
    const options = { method, headers: { host, ...headers, ...length }, agent: false, localAddress };
    const sending = open(`${through}${target}`, options);
    sending.setTimeout(silenceMs, () => sending.destroy());
    sending.on("error", () => resolve(undefined));
    signal?.addEventListener("abort", () => sending.destroy(), { once: true });
    sending.on("response", (response) => void answerOf(response).then(resolve));
    if (body === undefined) sending.end();
    else void pour(body, sending);
  });
}

async function pour(body: ByteSource, sending: ReturnType<typeof open>): Promise<void> {
  const piece = Buffer.alloc(PIECE_BYTES);
  for (;;) {
    const count = await body.read(piece);
    if (count === ENDED) return void sending.end();
    // What a client does that goes away in the middle.
    if (count === FAILED || sending.destroyed) return void sending.destroy();
    const isRoom = sending.write(Buffer.from(piece.subarray(0, count)));
    if (!isRoom) await drained(sending);
  }
}

function drained(sending: ReturnType<typeof open>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sending.off("drain", done);
      sending.off("close", done);
      resolve();
    };
    sending.on("drain", done);
    sending.on("close", done);
  });
}

async function answerOf(response: IncomingMessage): Promise<WorldAnswer> {
  const pieces: Buffer[] = [];
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : `${value}`,
    ]),
  );
  const answer = (complete: boolean): WorldAnswer => ({
    status: response.statusCode ?? 0,
    headers,
    body: Buffer.concat(pieces),
    complete,
  });
  try {
    for await (const piece of response) pieces.push(piece as Buffer);
    return answer(response.complete);
  } catch {
    return answer(false);
  }
}
