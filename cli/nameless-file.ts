/**
 * A file for what waits: it loses its name as soon as it is open, and goes with the process, however that ends. It is made
 * with the first bytes, in the directory for temporary files, which `TMPDIR` names. Throws what the system refuses.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const OWNER_ONLY = 0o600;

/** Bytes of the file that belong together. */
export interface Extract {
  readonly at: number;
  readonly sizeBytes: number;
}

export class NamelessFile implements AsyncDisposable {
  #handle: FileHandle | undefined;
  #endBytes = 0;

  get endBytes(): number {
    return this.#endBytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#handle ??= await openNameless();
    await this.#handle.appendFile(bytes);
    this.#endBytes += bytes.length;
  }

  async *read({ at, sizeBytes }: Extract): AsyncGenerator<Uint8Array> {
    if (this.#handle === undefined || sizeBytes === 0) return;
    yield* this.#handle.createReadStream({ start: at, end: at + sizeBytes - 1, autoClose: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
  }
}

async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `cepa-${process.pid}-${crypto.randomUUID()}`);
  const handle = await open(path, "wx+", OWNER_ONLY);
  await rm(path);
  return handle;
}
