/**
 * The next piece of a stream, asked of the disk before the reader comes for it: the way to the disk and back takes as
 * long as verifying and sending the piece before.
 *
 * What was read ahead is not verified; that is its reader's business. Memory is a budget over all readers: one that
 * finds it used up reads without.
 */
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import type { Result } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

/** Bytes of one disk read, and so of one piece: four segments. */
export const READ_BYTES_MAX: number = 256 * KiB;
/** Readers that read ahead at once: 8 MiB. */
export const READ_AHEAD_READERS_MAX = 32;

/** The budget, and the buffers that nobody uses at the moment. */
export class ReadAheadBuffers {
  readonly #free: Uint8Array[] = [];
  #takenCount = 0;

  get takenCount(): number {
    return this.#takenCount;
  }

  take(): Uint8Array | undefined {
    if (this.#takenCount >= READ_AHEAD_READERS_MAX) return undefined;
    this.#takenCount += 1;
    return this.#free.pop() ?? new Uint8Array(READ_BYTES_MAX);
  }

  give(buffer: Uint8Array): void {
    this.#takenCount -= 1;
    this.#free.push(buffer);
  }
}

interface Piece {
  readonly pack: number;
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly read: Promise<Result<number, DiskFailure>>;
}

/** Of one reader. */
export class ReadAhead {
  readonly #files: PackFiles;
  readonly #buffers: ReadAheadBuffers;
  #buffer: Uint8Array | undefined;
  #piece: Piece | undefined;
  #isClosed = false;

  constructor(files: PackFiles, buffers: ReadAheadBuffers) {
    this.#files = files;
    this.#buffers = buffers;
  }

  /** Begins, unless a piece is under way or there is no memory for it. */
  begin(pack: number, position: number, lengthBytes: number): void {
    if (this.#isClosed || this.#piece !== undefined) return;
    this.#buffer ??= this.#buffers.take();
    if (this.#buffer === undefined) return;
    const bytes = this.#buffer.subarray(0, lengthBytes);
    this.#piece = { pack, position, bytes, read: this.#files.read(pack, bytes, position) };
  }

  /** Fills `into` from what was read ahead, if it is that; else answers false, and the reader reads for himself. */
  async take(pack: number, position: number, into: Uint8Array): Promise<boolean> {
    const piece = this.#piece;
    if (piece === undefined) return false;
    const read = await piece.read;
    this.#piece = undefined;
    const isIt = piece.pack === pack && piece.position === position && piece.bytes.length >= into.length;
    if (!isIt || !read.ok || read.value < into.length) return false;
    into.set(piece.bytes.subarray(0, into.length));
    return true;
  }

  /** Nothing begins any more. The buffer goes back when the disk is done with it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#piece?.read;
    this.#piece = undefined;
    if (this.#buffer !== undefined) this.#buffers.give(this.#buffer);
    this.#buffer = undefined;
  }
}
