/**
 * What a node's HTTP answers look like to a client, and how they are read.
 *
 * Answers come from outside, so every field is checked here and nowhere else. Unknown fields are ignored: a newer node
 * may say more. Runs in a browser.
 */
import { MiB } from "#runtime/units.ts";

/** Longest body that is an error, a status, the facts of an object or records of names. */
export const TEXT_BYTES_MAX: number = 4 * MiB;

/** What a node knows of what it stored, object or ciphertext. */
export interface StoredFacts {
  /** In bytes. */
  readonly size: number;
  /** That it was cut into. */
  readonly chunks: number;
  /** Root of its manifest: 64 hex digits, with or without `b3:` in front. */
  readonly manifest: string;
}

/** What a node knows of a stored object. */
export interface ObjectFacts extends StoredFacts {
  /** `b3:<64 hex>`: the BLAKE3-256 of the object. */
  readonly address: string;
}

/** The answer to a put. */
export interface PutReceipt extends ObjectFacts {
  /** True when the node had the object already: nothing was written. */
  readonly known: boolean;
}

/** Why a node said no, or why there is no answer at all (`client.unreachable`, `client.bad-answer`). */
export class CepaError extends Error {
  override readonly name = "CepaError";
  /** Stable: `specs/errors.md` lists every code with what to do about it. */
  readonly code: string;
  /** Whether the same request may succeed later. Puts and gets are idempotent: repeating one is safe. */
  readonly retryable: boolean;
  /** What to quote when asking the node's operator; empty when no answer came. */
  readonly corrId: string;
  /** HTTP status; 0 when no answer came, or not all of one. */
  readonly status: number;

  constructor(said: { code: string; message: string; retryable: boolean; corrId: string; status: number }) {
    super(said.message);
    this.code = said.code;
    this.retryable = said.retryable;
    this.corrId = said.corrId;
    this.status = said.status;
  }
}

/** The error that an answer other than 2xx carries. A body that is not ours becomes `client.bad-answer`. */
export function errorFromBody(status: number, body: string, corrId: string): CepaError {
  const said = parseJson(body);
  if (isRecord(said) && typeof said["code"] === "string" && isCode(said["code"])) {
    return new CepaError({
      code: said["code"],
      message: typeof said["message"] === "string" ? said["message"] : said["code"],
      retryable: said["retryable"] === true,
      corrId: typeof said["corr_id"] === "string" ? said["corr_id"] : corrId,
      status,
    });
  }
  return badAnswer(status, `the answer ${status} carries no error of a Cepa node`, corrId);
}

/** An answer that no Cepa node gives. */
export function badAnswer(status: number, message: string, corrId: string): CepaError {
  return new CepaError({ code: "client.bad-answer", message, retryable: false, corrId, status });
}

/** No answer came; `cause` says what the network said. */
export function unreachable(url: string, cause: string): CepaError {
  const message = `no answer from ${url}: ${cause}`;
  return new CepaError({ code: "client.unreachable", message, retryable: true, corrId: "", status: 0 });
}

/** An answer began, and the connection broke within it; `cause` says what the network said. */
export function brokenOff(url: string, cause: string): CepaError {
  const message = `the answer from ${url} broke off: ${cause}`;
  return new CepaError({ code: "client.unreachable", message, retryable: true, corrId: "", status: 0 });
}

/** The whole body, which is to be small: what answers there may be anything. Throws `client.bad-answer` where it is longer. */
export async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = "";
  let sizeBytes = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return text + decoder.decode();
    sizeBytes += value.byteLength;
    if (sizeBytes > TEXT_BYTES_MAX) {
      await reader?.cancel();
      throw badAnswer(response.status, "the answer is too long", corrIdOf(response));
    }
    text += decoder.decode(value, { stream: true });
  }
}

export function corrIdOf(response: Response): string {
  return response.headers.get("x-correlation-id") ?? "";
}

/** Reads the body of a put or stat; undefined when it is none. */
export function parseFacts(body: string): ObjectFacts | undefined {
  const said = parseJson(body);
  const stored = storedFactsIn(said);
  if (stored === undefined || !isRecord(said)) return undefined;
  const { address } = said;
  return typeof address === "string" && isAddress(address) ? { address, ...stored } : undefined;
}

/**
 * Reads the body of a put of ciphertext, which has no address, and answers with its root; undefined when it is none.
 */
export function parseRoot(body: string): string | undefined {
  const [, root] = /^(?:b3:)?([0-9a-f]{64})$/.exec(storedFactsIn(parseJson(body))?.manifest ?? "") ?? [];
  return root;
}

function storedFactsIn(said: unknown): StoredFacts | undefined {
  if (!isRecord(said)) return undefined;
  const { size, chunks, manifest } = said;
  return typeof manifest === "string" && isCount(size) && isCount(chunks) ? { size, chunks, manifest } : undefined;
}

/** One object has one spelling: lower case. */
export function isAddress(text: string): boolean {
  return /^b3:[0-9a-f]{64}$/.test(text);
}

/** Undefined when `text` is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object whose fields still have to be checked. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `storage.full`: other servers have errors with a `code` too, but not of this form. */
function isCode(text: string): boolean {
  return /^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/.test(text);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
