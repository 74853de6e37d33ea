/**
 * A client of one node, over its HTTP interface. Runs in Node and in browsers: it needs `fetch`, and WebCrypto
 * for private objects.
 *
 * Unlike the code inside a node it throws: `CepaError` for whatever a node answers or does not answer, and the reason
 * of `signal` when the caller gives up, because that is what users of `fetch` expect.
 *
 * Of objects it does not hash. The node verifies every byte before it sends it and cuts the connection on damage, which
 * a reader here sees as an error, never as a short object. Where the node itself is not trusted, hash what arrives: the
 * address is its BLAKE3-256 (`./cepa get` does).
 *
 * Private objects are encrypted here and verified here; the node never sees a key (`specs/formats/private.md`).
 */
import { type Blake3, blake3 as plainBlake3 } from "#client/blake3.ts";
import type { Subtle } from "#client/chunk-cipher.ts";
import { parseLink } from "#client/link.ts";
import type { NameRecord } from "#client/name-record.ts";
import {
  listNames,
  type NameHistory,
  readHistory,
  readName,
  type SetNameOptions,
  setName,
  type Unanswered,
} from "#client/names.ts";
import { badLink, noCrypto } from "#client/private-errors.ts";
import { type About, PRIVATE_FORMAT, type PrivateFacts } from "#client/private-format.ts";
import { type Ciphertext, extentOf, openPrivate, type PrivateObject } from "#client/private-object.ts";
import { type Primitives, Sealing } from "#client/sealing.ts";
import { piecesOf, retold, streamFrom } from "#client/streams.ts";
import {
  badAnswer,
  brokenOff,
  type CepaError,
  corrIdOf,
  errorFromBody,
  isAddress,
  type ObjectFacts,
  type PutReceipt,
  parseFacts,
  parseRoot,
  textOf,
  unreachable,
} from "#client/wire.ts";
import { Turns } from "#runtime/turns.ts";

export { type NameRecord, type NameSigner, webCryptoSigner } from "#client/name-record.ts";
export type { NameHistory, SetNameOptions, Unanswered } from "#client/names.ts";
export { CepaError, type ObjectFacts, type PutReceipt } from "#client/wire.ts";

export interface ClientOptions {
  /** Where the node listens, e.g. `http://127.0.0.1:7700`. */
  readonly url: string;
  /** For tests, proxies and agents of one's own. */
  readonly fetch?: typeof globalThis.fetch;
  /** For private objects. By default one in TypeScript, about 100 MB/s. */
  readonly blake3?: Blake3;
  /** For private objects. By default the platform's. */
  readonly subtle?: Subtle;
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

export interface PutPrivateOptions extends TransferOptions, About {}

/** The answer to a put of a private object. */
export interface PrivateReceipt {
  /** `cepa:<root>#<key>`. Who has it can read the object, and without it nobody can: the node does not have it. */
  readonly link: string;
  /** Bytes of content. */
  readonly size: number;
}

/** A private object on its way in, decrypted. Read `body` to its end, or cancel it. */
export interface PrivateAnswer extends PrivateFacts {
  /** Bytes that `body` delivers: of the object, or of the range asked for. */
  readonly length: number;
  /** Every byte of it was verified. Fails where the next ones are not right. */
  readonly body: ReadableStream<Uint8Array>;
  /** The whole body at once, for what fits in memory. Use either this or `body`. */
  bytes(): Promise<Uint8Array>;
}

/** What may be uploaded. A stream is sent as it comes, with no more memory than its own queue. */
export type Upload = Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

export class CepaClient {
  readonly #url: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly #blake3: Blake3;
  readonly #subtle: Subtle | undefined;
  readonly #unanswered: Unanswered = new Map<string, NameRecord>();
  readonly #settingNames = new Turns<string>();

  constructor({ url, fetch = globalThis.fetch, blake3 = plainBlake3, subtle }: ClientOptions) {
    this.#url = url.replace(/\/+$/, "");
    this.#blake3 = blake3;
    this.#subtle = subtle ?? globalThis.crypto?.subtle;
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

  /**
   * Encrypts an object of any size under a fresh key, stores the ciphertext and answers with the link to it. A stream
   * is encrypted as it comes; of bytes and a `Blob` the browser keeps the ciphertext until it is sent, because most
   * cannot send a stream. The same bytes twice are two objects.
   */
  async putPrivate(
    upload: Upload,
    { signal, onProgress, name, mediaType }: PutPrivateOptions = {},
  ): Promise<PrivateReceipt> {
    const source = upload instanceof ReadableStream ? upload : new Blob([upload]).stream();
    const over = new AbortController();
    const content = piecesOf(onProgress === undefined ? source : counted(source, onProgress), over.signal);
    const sealing = await Sealing.begin(content, { name, mediaType }, this.#primitives());
    const isStream = upload instanceof ReadableStream;
    const response = await this.#request("/put", {
      method: "PUT",
      headers: { "cepa-enc": PRIVATE_FORMAT },
      body: isStream ? streamFrom(sealing.chunks, () => over.abort()) : await blobOf(sealing.chunks),
      ...(isStream ? { duplex: "half" as const } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    const root = parseRoot(await textOf(response));
    if (root === undefined) throw badAnswer(response.status, "the answer names no manifest", corrIdOf(response));
    return { link: await sealing.link(root, this.#ciphertext(signal).node), size: sealing.size };
  }

  /**
   * Answers when size, name and media type are known and verified, and throws `client.wrong-key` or
   * `client.bytes-differ` where they are not. A range costs up to a chunk (1 MiB) more on either side.
   */
  async getPrivate(link: string, { signal, onProgress, range }: GetOptions = {}): Promise<PrivateAnswer> {
    const over = new AbortController();
    const signals = signal === undefined ? [over.signal] : [over.signal, signal];
    const object = await this.#openPrivate(link, AbortSignal.any(signals));
    const extent = extentOf(range, object.facts.size);
    const body = counted(
      streamFrom(object.read(extent), () => over.abort()),
      (bytes) => onProgress?.(bytes),
    );
    const bytes = async (): Promise<Uint8Array> => new Uint8Array(await new Response(body).arrayBuffer());
    return { ...object.facts, length: extent.length, body, bytes };
  }

  /** What stands in a private object beside its content. It costs two chunks at most. */
  async statPrivate(link: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<PrivateFacts> {
    return (await this.#openPrivate(link, signal)).facts;
  }

  async #openPrivate(text: string, signal: AbortSignal | undefined): Promise<PrivateObject> {
    const link = parseLink(text);
    if (link === undefined) throw badLink();
    return await openPrivate(link, this.#ciphertext(signal), this.#primitives());
  }

  #primitives(): Primitives {
    if (this.#subtle === undefined) throw noCrypto();
    return { subtle: this.#subtle, blake3: this.#blake3 };
  }

  #ciphertext(signal: AbortSignal | undefined): Ciphertext {
    const options = signal === undefined ? {} : { signal };
    const ask = (path: string, init: RequestInit): Promise<Response> => this.#request(path, { ...init, ...options });
    return {
      async *node(digest) {
        yield* bodyOf(await ask(`/m/${digest}`, {}), signal);
      },
      async *data(root, first, last) {
        yield* bodyOf(await ask(`/m/${root}/data`, { headers: { range: `bytes=${first}-${last}` } }), signal);
      },
    };
  }

  /**
   * Leads the owner's name `label` to an object that the node holds, or to the root of a private one. The record is signed
   * here, one after the other. One key signs with one client: two records for one step freeze the name for ever. Where no answer
   * came, ask this client again, for whatever value: it sends first what it sent last. `unanswered` makes another one know, in
   * another process.
   */
  async setName(
    label: string,
    value: string,
    { unanswered = this.#unanswered, ...options }: SetNameOptions,
  ): Promise<NameRecord> {
    const request = (path: string, init: RequestInit): Promise<Response> => this.#request(path, init);
    const name = `${options.signer.publicKey}/${label}`;
    return await this.#settingNames.inTurn(name, () => setName(request, label, value, { ...options, unanswered }));
  }

  /** Where `<public key>/<label>` leads, by a record whose signature was verified here. */
  async getName(name: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<NameRecord> {
    return await readName((path, init) => this.#request(path, init), name, signal);
  }

  /** The records of a name that the node still has; each was verified, and that they follow on each other. */
  async nameHistory(name: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<NameHistory> {
    return await readHistory((path, init) => this.#request(path, init), name, signal);
  }

  /** Current records of all names of a key, in the order of their labels. */
  async listNames(
    publicKey: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly (NameRecord & { readonly frozen: boolean })[]> {
    return await listNames((path, init) => this.#request(path, init), publicKey, signal);
  }

  async #request(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#fetch(this.#url + path, init).catch((error: unknown) => {
      init.signal?.throwIfAborted();
      throw unreachable(this.#url, causeOf(error));
    });
    const { body } = response;
    // What the network does within a body is said as what it does before one.
    const told = (error: unknown): CepaError => {
      init.signal?.throwIfAborted();
      return brokenOff(this.#url, causeOf(error));
    };
    const answer = body === null ? response : new Response(retold(body, told), response);
    if (answer.ok) return answer;
    throw errorFromBody(answer.status, await textOf(answer), corrIdOf(answer));
  }

  async #factsOf(response: Response): Promise<ObjectFacts> {
    const facts = parseFacts(await textOf(response));
    if (facts === undefined) throw badAnswer(response.status, "the answer names no object", corrIdOf(response));
    return facts;
  }
}

function bodyOf({ body }: Response, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  return piecesOf(body ?? new Blob([]).stream(), signal);
}

async function blobOf(chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>): Promise<Blob> {
  const parts: Blob[] = [];
  // A blob may be on the browser's disk; bytes are in memory.
  for await (const chunk of chunks) parts.push(new Blob([chunk]));
  return new Blob(parts);
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

/** Node puts what the system said in `cause`; browsers say nothing more. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  // Nothing was asked: `fetch` and browsers go to no port that belongs to another protocol.
  return message === "bad port" ? "fetch and browsers never go to this port, choose another for the node" : message;
}
