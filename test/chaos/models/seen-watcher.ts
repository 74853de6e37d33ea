/**
 * A real watcher of a configuration file, all that comes to it, and what is seen of it: right before something comes to it, when
 * it has done all that it can by itself.
 *
 * The file has as its contents the number of its last change. What comes to the watcher in its own time, a notification,
 * contents, answers, is an event that somebody else lets happen.
 */
import type { RefusedChanges, WatcherLook } from "#chaos/models/watcher-run.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { type ConfigReport, ConfigWatcher } from "#runtime/config/watcher.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

const PATH = "/cepa.toml";

export interface SeenWatcherOptions extends RefusedChanges {
  readonly clock: Clock;
  /** Something that happens once, at any moment from now on. Answers with an undo. */
  readonly event: (name: string, happen: () => void) => () => void;
}

export class SeenWatcher {
  readonly looks: WatcherLook[] = [];
  readonly #options: SeenWatcherOptions;
  readonly #watcher: ConfigWatcher;
  #onChange: (() => void) | undefined;
  #undoNotification: (() => void) | undefined;
  #file = 0;
  #dueMs: number | undefined;
  #step: WatcherLook["step"] = "idle";
  #seen = 0;
  #inForce = 0;
  #isRefusing = true;
  #isClosed = false;
  #asks = 0;
  #reports = 0;
  #kind: WatcherLook["kind"] = "none";

  constructor(options: SeenWatcherOptions) {
    this.#options = options;
    this.#watcher = new ConfigWatcher({
      disk: this.#disk(),
      clock: this.#clock(),
      path: PATH,
      inForce: textOf(0),
      offer: (raw) => this.#offered(raw),
      report: (report) => this.#reported(report),
    });
    this.look();
  }

  get isTimed(): boolean {
    return this.#dueMs !== undefined;
  }

  change(): void {
    this.look();
    this.#file += 1;
    const { event } = this.#options;
    if (this.#onChange === undefined) return;
    // Several changes may come as one.
    this.#undoNotification ??= event("notify", () => {
      this.look();
      this.#undoNotification = undefined;
      this.#onChange?.();
    });
  }

  ask(): void {
    this.look();
    if (!this.#isClosed) this.#asks += 1;
    void this.#watcher.reload();
  }

  relent(): void {
    this.look();
    this.#isRefusing = false;
  }

  close(): void {
    this.look();
    this.#isClosed = true;
    this.#watcher.close();
  }

  look(): void {
    const atMs = this.#options.clock.nowMs();
    this.looks.push({
      atMs,
      file: this.#file,
      isTold: this.#undoNotification !== undefined,
      dueInMs: this.#dueMs === undefined ? undefined : Math.max(0, this.#dueMs - atMs),
      step: this.#step,
      seen: this.#seen,
      inForce: this.#inForce,
      isRefusing: this.#isRefusing,
      isClosed: this.#isClosed,
      asks: this.#asks,
      reports: this.#reports,
      kind: this.#kind,
    });
  }

  #disk(): MemoryDisk {
    const disk = new MemoryDisk();
    disk.watch = (_, onChange) => {
      this.#onChange = onChange;
      return () => {
        this.#onChange = undefined;
        this.#undoNotification?.();
        this.#undoNotification = undefined;
      };
    };
    disk.readFile = async () => {
      this.#begin("reading");
      await this.#happens("read", () => {
        this.#seen = this.#file;
        this.#step = "read";
      });
      const seen = this.#seen;
      await this.#happens("answered", () => {
        this.#step = "idle";
      });
      return this.#contentsOf(seen);
    };
    return disk;
  }

  /** Some of those that nobody can read are not there at all. */
  #contentsOf(number: number): Result<Uint8Array, DiskFailure> {
    if (!this.#options.unreadable.includes(number)) return ok(textOf(number));
    return number % 2 === 0 ? ok(Buffer.from("limit =")) : fail({ code: "disk.not-found", path: PATH });
  }

  #clock(): Clock {
    const { clock } = this.#options;
    return {
      nowMs: () => clock.nowMs(),
      recentMs: () => clock.recentMs(),
      wallMs: () => clock.wallMs(),
      after: (delayMs, run): Timer => {
        this.#dueMs = clock.nowMs() + delayMs;
        const timer = clock.after(delayMs, () => {
          this.look();
          this.#dueMs = undefined;
          run();
        });
        return {
          cancel: () => {
            this.#dueMs = undefined;
            timer.cancel();
          },
        };
      },
    };
  }

  async #offered(raw: ConfigTable): Promise<Result<void, Failure>> {
    this.#begin("offering");
    const number = Number(raw["limit"]);
    this.#seen = number;
    let isTaken = false;
    await this.#happens("decided", () => {
      isTaken = !this.#isRefusing || !this.#options.refused.includes(number);
      if (isTaken) this.#inForce = number;
      this.#step = "idle";
    });
    return isTaken ? ok() : fail({ code: "test.refused" });
  }

  #reported({ kind }: ConfigReport): void {
    this.#reports += 1;
    this.#kind = kind;
  }

  #begin(step: WatcherLook["step"]): void {
    this.#step = this.#step === "idle" ? step : "more";
  }

  #happens(name: string, happen: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#options.event(name, () => {
        this.look();
        happen();
        resolve();
      });
    });
  }
}

function textOf(number: number): Uint8Array {
  return Buffer.from(`limit = ${number}`);
}
