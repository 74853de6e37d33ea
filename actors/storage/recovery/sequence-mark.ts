/**
 * A number that commits had reached by some start, in a file beside the packs of a store with volumes.
 *
 * A start that has lost the catalog, and to which none of its volumes is named, finds no commit at all. A removal that it
 * answers is to cover what those volumes hold, whatever numbers that has: so it begins far behind all of them.
 *
 * The file is written seldom, and a start goes on without it: what it may lag behind is little beside what is left out then.
 */
import type { Disk } from "#runtime/disk/disk.ts";

/** With fewer numbers given out since, the file stays as it is. Sixteen starts leave out as many, or more. */
export const SEQUENCE_MARK_STEP: number = 2 ** 36;
/** What is left out behind the number in the file by a start that finds only lower ones: some 8 000 such starts are possible. */
export const SEQUENCE_LEAP: number = 2 ** 40;

/** In the middle of a life, which began behind it. */
export const NO_MARK: Pick<SequenceMark, "lastBehind"> = { lastBehind: (found) => found };

type MarkDisk = Pick<Disk, "readFile" | "replaceFile">;

export class SequenceMark {
  readonly #disk: MarkDisk;
  readonly #path: string;
  #last: number;

  private constructor(disk: MarkDisk, path: string, last: number) {
    this.#disk = disk;
    this.#path = path;
    this.#last = last;
  }

  static async open(disk: MarkDisk, directory: string): Promise<SequenceMark> {
    const path = `${directory}/sequence`;
    const found = await disk.readFile(path);
    const text = found.ok ? Buffer.from(found.value).toString("latin1") : "";
    return new SequenceMark(disk, path, /^\d{1,16}\n$/.test(text) ? Number(text) : 0);
  }

  /** The last number that may have been given out, where `found` is the highest that was found. */
  lastBehind(found: number): number {
    return found < this.#last ? this.#last + SEQUENCE_LEAP : found;
  }

  /** A life begins behind `sequence`. */
  async note(sequence: number): Promise<void> {
    if (this.#last > 0 && sequence < this.#last + SEQUENCE_MARK_STEP) return;
    // Numbers begin with 1: none is below it.
    const last = Math.max(1, sequence);
    const written = await this.#disk.replaceFile(this.#path, Buffer.from(`${last}\n`));
    if (written.ok) this.#last = last;
  }
}
