/**
 * A log file that cannot hurt: capped on disk, bounded in memory, silent about its own failures but for a count.
 *
 * Lines are collected in memory and written one batch at a time, so that a slow disk costs the caller nothing. What
 * does not fit in memory, or cannot be written, is dropped and counted; when writing works again a line says how many
 * were lost. One process writes a file, at positions of its own. `file` is the newest part, `file.1` the one before, up
 * to `file.3`.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, renameSync, write, writeSync } from "node:fs";
import type { Clock } from "#runtime/clock.ts";
import type { LogSink } from "#runtime/real/log.ts";
import { MiB, second } from "#runtime/units.ts";

/** Largest part, unless one batch of waiting lines is larger; a new one is begun before it (architecture §4). */
export const logFileBytesMax: number = 64 * MiB;
/** Parts kept, the newest included; the oldest is removed. */
export const logFilePartsMax = 4;
/** Lines that wait for the disk, bytes; further ones are dropped and counted. As much again may be being written. */
export const logWaitingBytesMax: number = 1 * MiB;
/** Pause after a failure, in which lines are dropped and nothing is tried. */
export const logRetryMs: number = 5 * second;

export interface LogFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly fileBytesMax?: number;
  readonly waitingBytesMax?: number;
}

export interface LogFile extends LogSink {
  /** Lines lost since the start, for want of memory or of disk. */
  readonly droppedCount: number;
  /** Settles when everything that waits now is written or dropped. */
  flush(): Promise<void>;
  /** Writes what waits, at once, and closes. For the last moment of a process. Later lines are dropped. */
  closeSync(): void;
}

/** Never fails: a file that cannot be opened is tried again later, like one that cannot be written. */
export function openLogFile(options: LogFileOptions): LogFile {
  return new RotatingFile(options);
}

class RotatingFile implements LogFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #fileBytesMax: number;
  readonly #waitingBytesMax: number;
  #descriptor: number | undefined;
  #sizeBytes = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #droppedCount = 0;
  #reportedCount = 0;
  #closed = false;
  #underWay: { readonly descriptor: number; readonly bytes: Buffer; readonly start: number } | undefined;

  constructor({ path, clock, fileBytesMax = logFileBytesMax, waitingBytesMax = logWaitingBytesMax }: LogFileOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#fileBytesMax = fileBytesMax;
    this.#waitingBytesMax = waitingBytesMax;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    const isPausing = this.#clock.nowMs() < this.#retryAtMs;
    if (this.#closed || isPausing || this.#waitingBytes + bytes.length > this.#waitingBytesMax) {
      this.#droppedCount += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#writeAll();
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  closeSync(): void {
    if (this.#closed) return;
    this.#closed = true;
    const underWay = this.#underWay;
    // The process may end before the system is done. The same bytes at the same place do no harm twice.
    if (underWay !== undefined) this.#writeNow(underWay.descriptor, underWay.bytes, underWay.start);
    const lines = this.#takeBatch();
    const bytes = this.#withReport(lines);
    const descriptor = lines.length > 0 ? (underWay?.descriptor ?? this.#ready(bytes.length)) : undefined;
    if (descriptor !== undefined) this.#writeNow(descriptor, bytes, this.#sizeBytes);
    else this.#droppedCount += lines.length;
    // A descriptor in use is closed by its last write: its number must not come to mean another file before.
    if (underWay === undefined) this.#close();
  }

  async #writeAll(): Promise<void> {
    // The lines of one turn share a write.
    await undefined;
    while (this.#waiting.length > 0) await this.#writeBatch(this.#takeBatch());
    this.#writing = undefined;
  }

  #takeBatch(): readonly Buffer[] {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return batch;
  }

  async #writeBatch(lines: readonly Buffer[]): Promise<void> {
    const droppedCount = this.#droppedCount;
    const bytes = this.#withReport(lines);
    const descriptor = this.#ready(bytes.length);
    if (descriptor === undefined) {
      this.#lose(lines);
      return;
    }
    const start = this.#sizeBytes;
    this.#sizeBytes += bytes.length;
    this.#underWay = { descriptor, bytes, start };
    const writtenBytes = await writeAt(descriptor, bytes, start);
    this.#underWay = undefined;
    if (this.#closed) this.#close();
    else if (writtenBytes < bytes.length) this.#failed(lines, start, writtenBytes);
    else this.#reportedCount = droppedCount;
  }

  #writeNow(descriptor: number, bytes: Buffer, start: number): void {
    try {
      writeSync(descriptor, bytes, 0, bytes.length, start);
    } catch {
      // Nobody is left to be told, and nothing to count for.
    }
  }

  /** The lines, after one that says how many were lost since the last such line. */
  #withReport(lines: readonly Buffer[]): Buffer {
    const lostCount = this.#droppedCount - this.#reportedCount;
    if (lostCount === 0) return Buffer.concat(lines);
    const time = new Date(this.#clock.wallMs()).toISOString();
    const report = { level: "warn", time, event: "log.lines-dropped", count: lostCount };
    return Buffer.concat([Buffer.from(`${JSON.stringify(report)}\n`), ...lines]);
  }

  /** The descriptor to write to, opened or rotated as needed; undefined when the disk does not allow it. */
  #ready(nextBytes: number): number | undefined {
    try {
      this.#descriptor ??= this.#open();
      if (this.#sizeBytes > 0 && this.#sizeBytes + nextBytes > this.#fileBytesMax) {
        this.#rotate();
        this.#descriptor = this.#open();
      }
      return this.#descriptor;
    } catch {
      this.#close();
      return undefined;
    }
  }

  #open(): number {
    const descriptor = openSync(this.#path, OPEN_FLAGS, 0o600);
    this.#sizeBytes = fstatSync(descriptor).size;
    return descriptor;
  }

  #rotate(): void {
    this.#close();
    for (let part = logFilePartsMax - 1; part >= 1; part -= 1) {
      renameIfThere(part === 1 ? this.#path : `${this.#path}.${part - 1}`, `${this.#path}.${part}`);
    }
  }

  /** Takes back what was written of the batch, so that no half line stays. */
  #failed(lines: readonly Buffer[], start: number, writtenBytes: number): void {
    this.#lose(lines);
    try {
      if (this.#descriptor !== undefined && writtenBytes > 0) ftruncateSync(this.#descriptor, start);
    } catch {
      // A half line stays. The reader of a log can tell.
    }
    this.#close();
  }

  #lose(lines: readonly Buffer[]): void {
    this.#droppedCount += lines.length;
    this.#retryAtMs = this.#clock.nowMs() + logRetryMs;
  }

  #close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor === undefined) return;
    try {
      closeSync(descriptor);
    } catch {
      // The system closes a descriptor also when it reports an error.
    }
  }
}

/** Made if missing, never emptied: the position is given with every write. */
const OPEN_FLAGS: number = constants.O_WRONLY | constants.O_CREAT;

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Writes all of `bytes` or as much as the disk takes, and answers with the count. */
async function writeAt(descriptor: number, bytes: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const count = await new Promise<number>((resolve) => {
      write(descriptor, bytes, done, bytes.length - done, position + done, (error, written) =>
        resolve(error === null ? written : 0),
      );
    });
    if (count === 0) break;
    done += count;
  }
  return done;
}
