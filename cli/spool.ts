/**
 * Ciphertext that was fetched once is given from a file when it is asked for again, so that all of an object can be found
 * right before the first byte of it is used. The file has no name from the start: it goes with the process, however that
 * ends. Where a chunk is all that is asked for, its reader does the same, and nothing is kept.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorOf } from "#cli/ciphertext.ts";
import { reasonOf } from "#cli/failure.ts";
import { CHUNK_BYTES } from "#client/private-format.ts";
import type { Ciphertext } from "#client/private-object.ts";

interface Kept {
  readonly at: number;
  readonly sizeBytes: number;
}

export class Spool implements Ciphertext, AsyncDisposable {
  readonly #source: Ciphertext;
  readonly #kept = new Map<string, Kept>();
  #file: FileHandle | undefined;
  #endBytes = 0;

  constructor(source: Ciphertext) {
    this.#source = source;
  }

  node(digest: string): AsyncIterable<Uint8Array> {
    return this.#source.node(digest);
  }

  data(root: string, first: number, last: number): AsyncIterable<Uint8Array> {
    const name = `${root} ${first} ${last}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return this.#read(kept);
    const source = this.#source.data(root, first, last);
    return last - first < CHUNK_BYTES ? source : this.#keep(name, source);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }

  async *#keep(name: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const at = this.#endBytes;
    for await (const bytes of source) {
      await this.#append(bytes);
      yield bytes;
    }
    this.#kept.set(name, { at, sizeBytes: this.#endBytes - at });
  }

  async *#read({ at, sizeBytes }: Kept): AsyncGenerator<Uint8Array> {
    if (this.#file === undefined || sizeBytes === 0) return;
    yield* this.#file.createReadStream({ start: at, end: at + sizeBytes - 1, autoClose: false });
  }

  async #append(bytes: Uint8Array): Promise<void> {
    try {
      this.#file ??= await openNameless();
      await this.#file.appendFile(bytes);
    } catch (error) {
      const why = `${tmpdir()}, where it waits until all of it was verified: ${reasonOf(error)}`;
      throw errorOf({ code: "cli.file-unwritable", message: `${why}; with -o FILE it need not wait there` });
    }
    this.#endBytes += bytes.length;
  }
}

/** In the directory for temporary files, which `TMPDIR` names. */
async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `cepa-${process.pid}-${crypto.randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await rm(path);
  return file;
}
