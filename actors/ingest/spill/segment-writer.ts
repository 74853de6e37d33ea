/** The file of the spill that is appended to. After a failure it is left as it is: what of it lasts is seen when it is read. */
import { writeSegmentName } from "#actors/ingest/spill/segment-file.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { encodeBatch } from "#runtime/journal/batch.ts";

/** A file of the spill, and what is known of it. */
export interface Segment {
  readonly number: number;
  readonly salt: number;
  readonly path: string;
  readonly rowCount: number;
  readonly sizeBytes: number;
}

export class SegmentWriter {
  readonly #disk: Disk;
  readonly #descriptor: number;
  #segment: Segment;
  #sequence = 0;

  /** Its name is durable when it is there. */
  static async create(
    disk: Disk,
    directory: string,
    { number, salt }: Pick<Segment, "number" | "salt">,
  ): Promise<Result<SegmentWriter, DiskFailure>> {
    const path = `${directory}/${writeSegmentName({ number, salt, isDamaged: false })}`;
    const opened = await disk.open(path, "create-new");
    if (!opened.ok) return opened;
    const writer = new SegmentWriter(disk, opened.value, { number, salt, path, rowCount: 0, sizeBytes: 0 });
    const named = await disk.syncDirectory(directory);
    if (named.ok) return ok(writer);
    await writer.abandon();
    return named;
  }

  private constructor(disk: Disk, descriptor: number, segment: Segment) {
    this.#disk = disk;
    this.#descriptor = descriptor;
    this.#segment = segment;
  }

  /** What of it is durable. */
  get segment(): Segment {
    return this.#segment;
  }

  /** Durable when answered. After a failure nothing may be appended any more. */
  async append(records: readonly Uint8Array[]): Promise<Result<void, DiskFailure>> {
    const { salt, sizeBytes, rowCount } = this.#segment;
    const batch = encodeBatch(salt, this.#sequence + 1, records);
    const written = await this.#disk.write(this.#descriptor, [batch], sizeBytes);
    if (!written.ok) return written;
    const synced = await this.#disk.sync(this.#descriptor);
    if (!synced.ok) return synced;
    this.#sequence += 1;
    const grown = { sizeBytes: sizeBytes + batch.length, rowCount: rowCount + records.length };
    this.#segment = { ...this.#segment, ...grown };
    return ok();
  }

  /** Says that it is complete. That promises nothing, so whether it lasts changes nothing. */
  async seal(): Promise<void> {
    const { salt, sizeBytes } = this.#segment;
    const end = encodeBatch(salt, this.#sequence + 1, []);
    const written = await this.#disk.write(this.#descriptor, [end], sizeBytes);
    if (written.ok) this.#segment = { ...this.#segment, sizeBytes: sizeBytes + end.length };
    await this.#disk.close(this.#descriptor);
  }

  /** After a failure: what could not be written takes no room, as far as the disk allows. */
  async abandon(): Promise<void> {
    const { path, sizeBytes } = this.#segment;
    if (sizeBytes > 0) await this.#disk.truncate(this.#descriptor, sizeBytes);
    await this.#disk.close(this.#descriptor);
    if (sizeBytes === 0) await this.#disk.remove(path);
  }
}
