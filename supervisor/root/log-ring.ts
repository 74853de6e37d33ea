/**
 * The log of a node in amnesia mode: the last lines of the root and of every cell, in memory, and nowhere else.
 *
 * They are held in the root, so that what a cell said last is there when the cell is not. A line that has to go is
 * overwritten first.
 */
import { MiB } from "#runtime/units.ts";
import type { LogFile } from "#supervisor/root/seams.ts";

/** The oldest lines go for a new one. What `cepa logs` answers is at most twice as long: quotes are escaped in it. */
export const LOG_RING_BYTES_MAX: number = 1 * MiB;

export class LogRing implements LogFile {
  readonly #bytesMax: number;
  /** The oldest first. */
  readonly #lines: Buffer[] = [];
  #bytes = 0;
  #goneCount = 0;

  constructor(bytesMax: number = LOG_RING_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** A line longer than the ring is not kept. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (bytes.length > this.#bytesMax) {
      this.#goneCount += 1;
      return;
    }
    while (this.#bytes + bytes.length > this.#bytesMax) this.#forgetOldest();
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Without their line ends; `goneCount` counts those that there was no room for. */
  contents(): { readonly lines: readonly string[]; readonly goneCount: number } {
    return { lines: this.#lines.map((line) => line.toString("utf8").trimEnd()), goneCount: this.#goneCount };
  }

  closeSync(): void {
    while (this.#lines.length > 0) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#lines.shift();
    if (oldest === undefined) return;
    this.#bytes -= oldest.length;
    this.#goneCount += 1;
    oldest.fill(0);
  }
}
