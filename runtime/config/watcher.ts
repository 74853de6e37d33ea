/**
 * Watches the configuration file and offers what it says, at most one candidate at a time.
 *
 * The watcher decides nothing: `offer` does, and until it answers `ok` the previous contents count as in force. A file
 * that vanishes, does not parse or is refused changes nothing and is reported. Contents equal to those in force are not
 * offered; refused ones are offered again with the next change, because the refusal may have been temporary.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { type ConfigTable, type ConfigUnreadable, parseToml } from "#runtime/config/toml.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** Quiet time after a change before the file is read: editors write in several steps. */
export const configDebounceMs = 200;
/** A file that never rests is read this long after the first change all the same. */
export const configDebounceMsMax = 2000;

/** The file as read: `bytes` tell whether it changed, `raw` is what it says. */
export interface ConfigFile {
  readonly bytes: Uint8Array;
  readonly raw: ConfigTable;
}

/** What came of a change. `kept`: the old configuration stays in force, and why. */
export type ConfigReport =
  | { readonly kind: "accepted"; readonly raw: ConfigTable }
  | { readonly kind: "unchanged" }
  | { readonly kind: "kept"; readonly failure: Failure };

export interface ConfigWatcherOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly path: string;
  /** The contents now in force; undefined when the node started without a file. */
  readonly inForce: Uint8Array | undefined;
  /** Validates and puts in force, everywhere or nowhere. It bounds its own time. */
  readonly offer: (candidate: ConfigTable) => Promise<Result<void, Failure>>;
  /** Called once for every file that was read. */
  readonly report: (report: ConfigReport) => void;
}

/** Reads and parses the file. A missing one is `config.unreadable` here; whether that matters the caller decides. */
export async function readConfigFile(disk: Disk, path: string): Promise<Result<ConfigFile, ConfigUnreadable>> {
  const read = await disk.readFile(path);
  if (!read.ok) {
    const problem = read.failure.code === "disk.broken" ? read.failure.errno : read.failure.code;
    return fail({ code: "config.unreadable", path, line: 0, column: 0, problem });
  }
  const parsed = parseToml(path, read.value);
  return parsed.ok ? ok({ bytes: read.value, raw: parsed.value }) : parsed;
}

export class ConfigWatcher {
  readonly #options: ConfigWatcherOptions;
  readonly #unwatch: () => void;
  #inForce: Uint8Array | undefined;
  #timer: Timer | undefined;
  #firstChangeMs: number | undefined;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #closed = false;

  constructor(options: ConfigWatcherOptions) {
    this.#options = options;
    this.#inForce = options.inForce;
    this.#unwatch = options.disk.watch(options.path, () => this.#changed());
  }

  /** Reads the file now, as after a change (`SIGHUP`). Settles when nothing is left to read. */
  reload(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#firstChangeMs = undefined;
    this.#readAgain = true;
    this.#reading ??= this.#readUntilQuiet();
    return this.#reading;
  }

  /** After it nothing is offered; an offer under way ends by itself and is not reported. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    this.#timer?.cancel();
  }

  #changed(): void {
    if (this.#closed) return;
    const nowMs = this.#options.clock.nowMs();
    this.#firstChangeMs ??= nowMs;
    this.#timer?.cancel();
    const leftMs = this.#firstChangeMs + configDebounceMsMax - nowMs;
    const delayMs = Math.max(0, Math.min(configDebounceMs, leftMs));
    this.#timer = this.#options.clock.after(delayMs, () => void this.reload());
  }

  async #readUntilQuiet(): Promise<void> {
    while (this.#readAgain && !this.#closed) {
      this.#readAgain = false;
      const report = await this.#readOnce();
      if (!this.#closed) this.#options.report(report);
    }
    this.#reading = undefined;
  }

  async #readOnce(): Promise<ConfigReport> {
    const { disk, path, offer } = this.#options;
    const file = await readConfigFile(disk, path);
    if (!file.ok) return { kind: "kept", failure: file.failure };
    const { bytes, raw } = file.value;
    if (this.#inForce !== undefined && Buffer.compare(bytes, this.#inForce) === 0) return { kind: "unchanged" };
    if (this.#closed) return { kind: "unchanged" };

    const offered = await offer(raw);
    if (!offered.ok) return { kind: "kept", failure: offered.failure };
    this.#inForce = bytes;
    return { kind: "accepted", raw };
  }
}
