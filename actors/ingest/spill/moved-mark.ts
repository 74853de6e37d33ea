/**
 * Up to which row everything lasts elsewhere, or was told to be lost: the name of an empty file beside those of the spill. It is
 * durable before a file is removed, so that rows that nobody finds any more are either before it, or lost.
 *
 * A name and no contents: it takes no room where the disk is full, which is when files have to go.
 */
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";

const NAME = /^([0-9a-f]{12})\.moved$/;

export class MovedMark {
  readonly #disk: Disk;
  readonly #directory: string;
  /** All that are there; the largest counts. */
  #numbers: readonly number[] = [];

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Rows with smaller numbers are done with; undefined where nobody has said so. */
  get number(): number | undefined {
    return this.#numbers.at(-1);
  }

  /** Takes it from the names of the directory. */
  find(names: readonly string[]): void {
    const found = names.map((name) => NAME.exec(name)?.[1]).filter((hex) => hex !== undefined);
    this.#numbers = found.map((hex) => Number.parseInt(hex, 16)).sort((one, other) => one - other);
  }

  /** Durable when it is answered. It never goes back. */
  async moveTo(number: number): Promise<Result<void, DiskFailure>> {
    if (number <= (this.number ?? 0)) return ok();
    const opened = await this.#disk.open(this.#pathOf(number), "create-new");
    // Of a try whose name may have lasted all the same.
    if (!opened.ok && opened.failure.code !== "disk.exists") return opened;
    if (opened.ok) await this.#disk.close(opened.value);
    const named = await this.#disk.syncDirectory(this.#directory);
    if (!named.ok) return named;
    const before = this.#numbers;
    this.#numbers = [number];
    // One that stays is smaller, and goes with a later life.
    for (const each of before) await this.#disk.remove(this.#pathOf(each));
    return ok();
  }

  #pathOf(number: number): string {
    return `${this.#directory}/${number.toString(16).padStart(12, "0")}.moved`;
  }
}
