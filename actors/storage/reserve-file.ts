/**
 * Bytes of the disk that are kept for when others have filled it: a file that is given up so that what makes room can work.
 *
 * The free space that puts leave alone is no such thing, because it is there for every other program too. The file is given
 * up for removals, collections and uploads that are cancelled, when one of them meets a full disk, and not before: what is
 * freed earlier goes to whoever fills the disk.
 *
 * Invariants:
 * - under its name it is whole and durable, of bytes that no file system can leave out;
 * - it is made of what is free in front of the ordinary reserve, which makes it the first thing to yield and never the last to
 *   fill the disk.
 */
import type { Space } from "#actors/storage/space.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { KiB, minute } from "#runtime/units.ts";

/** In the data directory. */
export const RESERVE_FILE_NAME = "reserve.bin";
/** While it is made. */
const UNFINISHED_NAME = `${RESERVE_FILE_NAME}.new`;
/** Until it is tried again after it could not be made, ms: every time costs as many writes. */
export const RESERVE_FILE_PAUSE_MS: number = 1 * minute;
/** Written at a time. Others have their turn in between. */
const PIECE_BYTES: number = 256 * KiB;
/** Of file systems, the smallest in use. */
const BLOCK_BYTES: number = 4 * KiB;

export interface ReserveFileDeps {
  readonly disk: Disk;
  /** The data directory. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly space: Space;
  readonly log: Log;
  /** 0: none is wanted. Read whenever it is looked after: it may change with the configuration. */
  readonly wantedBytes: () => number;
  /** Hears why there is no file, and undefined when there is; only of changes. */
  readonly onTrouble: (trouble: string | undefined) => void;
}

/** `errno` is the system's own word, where it is the disk that refuses. */
type Refusal = Failure & { readonly errno?: string };

/** The one thing that those need who make room. */
export type Relief = Pick<ReserveFile, "relieve">;

export class ReserveFile {
  readonly #deps: ReserveFileDeps;
  readonly #path: string;
  /** Of the file as it is; 0 where there is none. */
  #sizeBytes: number;
  #givenUpCount = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #trouble: string | undefined;
  /** It is made and given up one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(deps: ReserveFileDeps, sizeBytes: number) {
    this.#deps = deps;
    this.#path = `${deps.directory}/${RESERVE_FILE_NAME}`;
    this.#sizeBytes = sizeBytes;
  }

  /** Looks whether there is one: a disk that does not say so has none. What a crash left of another goes. */
  static async open(deps: ReserveFileDeps): Promise<ReserveFile> {
    const { directory, disk } = deps;
    const listed = await disk.list(directory);
    const files = new Map(listed.ok ? listed.value.map(({ name, sizeBytes }) => [name, sizeBytes]) : []);
    if (files.has(UNFINISHED_NAME)) await disk.remove(`${directory}/${UNFINISHED_NAME}`);
    return new ReserveFile(deps, files.get(RESERVE_FILE_NAME) ?? 0);
  }

  /** Makes it where it is wanted and there is room. To be called now and then. */
  async upkeep(): Promise<void> {
    await this.#inLine(() => this.#upkeepNow());
  }

  /**
   * Runs `work`, and once more with the room of the file where it met a full disk. The file stays where the work needs more
   * than it would give.
   */
  async relieve<Value, Refused extends Failure>(
    work: () => Promise<Result<Value, Refused>>,
    neededBytes: number = 0,
  ): Promise<Result<Value, Refused>> {
    const givenUpCount = this.#givenUpCount;
    const done = await work();
    if (done.ok || !meansFull(done.failure)) return done;
    // Of several that met the same full disk one gives it up, and all have its room.
    if (this.#givenUpCount === givenUpCount && neededBytes <= this.#sizeBytes) await this.#inLine(() => this.#giveUp());
    return this.#givenUpCount === givenUpCount ? done : await work();
  }

  /** Nothing is written any more when it settles. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#work;
  }

  async #upkeepNow(): Promise<void> {
    const { clock, space, wantedBytes } = this.#deps;
    const sizeBytes = wantedBytes();
    if (this.#isClosed) return;
    if (sizeBytes === this.#sizeBytes) return this.#tell(undefined);
    if (sizeBytes === 0) return await this.#remove();
    if (clock.nowMs() < this.#notBeforeMs) return;
    if (!(await space.fits(sizeBytes)).ok) return this.#tellMissing("the disk has no room for it");
    const made = await this.#make(sizeBytes);
    if (made.ok) {
      this.#sizeBytes = sizeBytes;
      return this.#tell(undefined);
    }
    this.#notBeforeMs = clock.nowMs() + RESERVE_FILE_PAUSE_MS;
    this.#tellMissing(made.failure.errno ?? made.failure.code);
  }

  /** Beside its name, so that what has the name is whole. */
  async #make(sizeBytes: number): Promise<Result<void, Refusal>> {
    const { directory, disk } = this.#deps;
    const unfinished = `${directory}/${UNFINISHED_NAME}`;
    const opened = await disk.open(unfinished, "create");
    if (!opened.ok) return opened;
    const written = await this.#fill(opened.value, sizeBytes);
    await disk.close(opened.value);
    const named = written.ok ? await disk.rename(unfinished, this.#path) : written;
    if (!named.ok) {
      // One that stays is written over by the next.
      await disk.remove(unfinished);
      return named;
    }
    return await disk.syncDirectory(directory);
  }

  async #fill(descriptor: number, sizeBytes: number): Promise<Result<void, Refusal>> {
    const { disk, random, space } = this.#deps;
    // One that could not be removed.
    const emptied = await disk.truncate(descriptor, 0);
    if (!emptied.ok) return emptied;
    // One piece for all: pieces of their own would stay in the memory of a node that has nothing else to do.
    const piece = Buffer.from(random.bytes(Math.min(PIECE_BYTES, sizeBytes)));
    for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
      if (this.#isClosed) return fail({ code: "over" });
      const bytes = piece.subarray(0, sizeBytes - at);
      makeUnlike(bytes, at);
      // Others may have filled the disk meanwhile.
      const admitted = await space.admit(bytes.length);
      const written = admitted.ok ? await disk.write(descriptor, [bytes], at) : admitted;
      if (!written.ok) return written;
    }
    return await disk.sync(descriptor);
  }

  async #giveUp(): Promise<void> {
    if (this.#sizeBytes === 0 || this.#isClosed) return;
    const sizeBytes = this.#sizeBytes;
    await this.#remove();
    if (this.#sizeBytes > 0) return;
    this.#givenUpCount += 1;
    this.#deps.log.warn("reserve file given up: the disk is full", { sizeBytes });
    this.#tell("reserve file given up, the disk is full");
  }

  async #remove(): Promise<void> {
    const { directory, disk, log } = this.#deps;
    const removed = await disk.remove(this.#path);
    const isGone = removed.ok || removed.failure.code === "disk.not-found";
    if (isGone) this.#sizeBytes = 0;
    const synced: Result<void, DiskFailure> = isGone ? await disk.syncDirectory(directory) : removed;
    if (!synced.ok) log.warn("reserve file not removed", { failure: synced.failure });
  }

  /** Nothing is missing where one of another size is there. One that was given up stays so until it is there again. */
  #tellMissing(why: string): void {
    if (this.#sizeBytes === 0 && this.#givenUpCount === 0) this.#tell(`no reserve file: ${why}`);
  }

  #tell(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#deps.onTrouble(trouble);
  }

  #inLine(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }
}

/** Every block gets its position in the file, so that a file system that keeps equal blocks once keeps all of them. */
function makeUnlike(bytes: Buffer, position: number): void {
  for (let at = 0; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) bytes.writeUIntLE(position + at, at, 6);
}

/** Also where the file was closed for it. */
function meansFull({ code, cause }: Failure & { readonly cause?: Failure }): boolean {
  return code === "disk.full" || (code === "journal.closed" && cause?.code === "disk.full");
}
