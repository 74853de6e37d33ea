/**
 * Ciphertext that was fetched once is given from a file when it is asked for again, so that all of an object can be found
 * right before the first byte of it is used, and the node is not needed any more by then. The root stays with who opened
 * it, and where one chunk is asked for its reader finds it right before it uses it: neither is kept.
 */
import { tmpdir } from "node:os";
import { errorOf } from "#cli/ciphertext.ts";
import { reasonOf } from "#cli/failure.ts";
import { type Extract, NamelessFile } from "#cli/nameless-file.ts";
import { CHUNK_BYTES } from "#client/private-format.ts";
import type { Ciphertext } from "#client/private-object.ts";

export class Spool implements Ciphertext, AsyncDisposable {
  readonly #source: Ciphertext;
  readonly #root: string;
  /** Two, as nodes are asked for in the middle of what they name. */
  readonly #nodes = new Kept();
  readonly #chunks = new Kept();

  constructor(source: Ciphertext, root: string) {
    this.#source = source;
    this.#root = root;
  }

  node(digest: string): AsyncIterable<Uint8Array> {
    const fetch = (): AsyncIterable<Uint8Array> => this.#source.node(digest);
    return digest === this.#root ? fetch() : this.#nodes.once(digest, fetch);
  }

  data(root: string, first: number, last: number): AsyncIterable<Uint8Array> {
    const fetch = (): AsyncIterable<Uint8Array> => this.#source.data(root, first, last);
    return last - first < CHUNK_BYTES ? fetch() : this.#chunks.once(`${root} ${first}-${last}`, fetch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nodes[Symbol.asyncDispose]();
    await this.#chunks[Symbol.asyncDispose]();
  }
}

/** What was fetched, by its name, one after the other. */
class Kept implements AsyncDisposable {
  readonly #file = new NamelessFile();
  readonly #extracts = new Map<string, Extract>();

  once(name: string, fetch: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const extract = this.#extracts.get(name);
    return extract === undefined ? this.#keep(name, fetch()) : this.#read(extract);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  async *#keep(name: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const at = this.#file.endBytes;
    for await (const bytes of source) {
      await this.#file.append(bytes).catch(refused);
      yield bytes;
    }
    this.#extracts.set(name, { at, sizeBytes: this.#file.endBytes - at });
  }

  async *#read(extract: Extract): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#file.read(extract);
    } catch (error) {
      refused(error);
    }
  }
}

function refused(error: unknown): never {
  const why = `${tmpdir()}, where it waits until all of it was verified: ${reasonOf(error)}`;
  throw errorOf({ code: "cli.file-unwritable", message: `${why}; with -o FILE it need not wait there` });
}
