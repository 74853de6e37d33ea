/**
 * A client of one node, over its HTTP interface. Runs in Node and in browsers: it needs `fetch` and nothing else.
 *
 * Unlike the code inside a node it throws: `CepaError` for whatever a node answers or does not answer, and the reason
 * of `signal` when the caller gives up, because that is what users of `fetch` expect.
 *
 * It does not hash. The node verifies every byte before it sends it and cuts the connection on damage, which a reader
 * here sees as an error, never as a short object. Where the node itself is not trusted, hash what arrives: the address
 * is its BLAKE3-256 (`./cepa get` does).
 */
import {
  badAnswer,
  type CepaError,
  errorFromBody,
  isAddress,
  type ObjectFacts,
  type PutReceipt,
  parseFacts,
  unreachable,
} from "#client/wire.ts";

export { CepaError, type ObjectFacts, type PutReceipt } from "#client/wire.ts";

export interface ClientOptions {
  /** Where the node listens, e.g. `http://127.0.0.1:7700`. */
  readonly url: string;
  /** For tests, proxies and agents of one's own. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface TransferOptions {
  /** Aborting it ends the transfer; an upload that was not answered keeps nothing at the node. */
  readonly signal?: AbortSignal;
  /** Called with the total so far after each piece. A `Blob` is sent by the browser itself: only its end is told. */
  readonly onProgress?: (bytes: number) => void;
}

export interface PutOptions extends TransferOptions {
  /** The address that the bytes must have, else the node keeps nothing: `storage.address-mismatch`. */
  readonly expect?: string;
  /** How it is cut: `gear-nc2/1` by default, `gear-fine/1` for what shares many parts with other objects, `fixed/1`. */
  readonly chunker?: string;
}

export interface GetOptions extends TransferOptions {
  /** Bytes `first` … `last`, inclusive; to the end without `last`. */
  readonly range?: { readonly first: number; readonly last?: number };
}

/** An object on its way in. Read `body` to its end, or cancel it. */
export interface ObjectAnswer {
  readonly address: string;
  /** Bytes that `body` delivers: of the object, or of the range asked for. */
  readonly length: number;
  /** Fails rather than ends when the connection breaks before `length` bytes came. */
  readonly body: ReadableStream<Uint8Array>;
  /** The whole body at once, for what fits in memory. Use either this or `body`. */
  bytes(): Promise<Uint8Array>;
}

/** What may be uploaded. A stream is sent as it comes, with no more memory than its own queue. */
export type Upload = Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

export class CepaClient {
  readonly #url: string;
  readonly #fetch: typeof globalThis.fetch;

  constructor({ url, fetch = globalThis.fetch }: ClientOptions) {
    this.#url = url.replace(/\/+$/, "");
    // Called as a method of something else, a browser's fetch throws "Illegal invocation".
    this.#fetch = (input, init) => fetch(input, init);
  }

  /** Stores an object of any size and answers with its address. Idempotent: the same bytes twice are one object. */
  async putObject(upload: Upload, { signal, onProgress, expect, chunker }: PutOptions = {}): Promise<PutReceipt> {
    const path = expect === undefined ? "/put" : `/o/${expect}`;
    const body = upload instanceof ReadableStream && onProgress !== undefined ? counted(upload, onProgress) : upload;
    const response = await this.#request(path, {
      method: "PUT",
      body,
      ...(body instanceof ReadableStream ? { duplex: "half" as const } : {}),
      ...(chunker === undefined ? {} : { headers: { "cepa-chunker": chunker } }),
      ...(signal === undefined ? {} : { signal }),
    });
    const facts = await this.#factsOf(response);
    if (!(upload instanceof ReadableStream)) onProgress?.(facts.size);
    return { ...facts, known: response.status === 200 };
  }

  /** Answers when the first byte may be read. */
  async getObject(address: string, { signal, onProgress, range }: GetOptions = {}): Promise<ObjectAnswer> {
    const response = await this.#request(`/o/${address}`, {
      ...(range === undefined ? {} : { headers: { range: `bytes=${range.first}-${range.last ?? ""}` } }),
      ...(signal === undefined ? {} : { signal }),
    });
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    if (!Number.isSafeInteger(length) || !isAddress(address) || (range !== undefined && response.status !== 206)) {
      await response.body?.cancel();
      throw badAnswer(response.status, "the answer does not say how long the object is", corrIdOf(response));
    }

    const source = response.body ?? new Blob([]).stream();
    const body = counted(source, (bytes) => onProgress?.(bytes), length);
    return { address, length, body, bytes: async () => new Uint8Array(await new Response(body).arrayBuffer()) };
  }

  /** What the node knows of an object, without its bytes. */
  async stat(address: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<ObjectFacts> {
    return this.#factsOf(await this.#request(`/stat/${address}`, signal === undefined ? {} : { signal }));
  }

  async #request(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#fetch(this.#url + path, init).catch((error: unknown) => {
      init.signal?.throwIfAborted();
      throw unreachable(this.#url, causeOf(error));
    });
    if (response.ok) return response;
    throw await errorOf(response);
  }

  async #factsOf(response: Response): Promise<ObjectFacts> {
    const facts = parseFacts(await response.text());
    if (facts === undefined) throw badAnswer(response.status, "the answer names no object", corrIdOf(response));
    return facts;
  }
}

/** Tells `onProgress` the running total; with `length`, a source that ends early is an error. */
function counted(
  source: ReadableStream<Uint8Array>,
  onProgress: (bytes: number) => void,
  length?: number,
): ReadableStream<Uint8Array> {
  let total = 0;
  return source.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        total += piece.byteLength;
        controller.enqueue(piece);
        onProgress(total);
      },
      flush(controller) {
        if (length !== undefined && total !== length) {
          controller.error(badAnswer(200, `the body ended after ${total} of ${length} bytes`, ""));
        }
      },
    }),
  );
}

async function errorOf(response: Response): Promise<CepaError> {
  const body = await response.text().catch(() => "");
  return errorFromBody(response.status, body, corrIdOf(response));
}

function corrIdOf(response: Response): string {
  return response.headers.get("x-correlation-id") ?? "";
}

/** Node puts what the system said in `cause`; browsers say nothing more. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
