/**
 * What was revoked, on whatever node: the directory is asked every `REVOCATION_POLL_MS` for what has changed.
 *
 * It does not say what, only that something has: whatever was remembered before is asked again then. And what was remembered
 * counts only while nobody can have missed a change that is older than `REVOCATION_LATE_MS`: not longer than so after the
 * beginning of the last poll that was answered.
 */
import type { Directory } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { Clock } from "#runtime/clock.ts";
import { pause } from "#runtime/pause.ts";
import type { Within } from "#runtime/ref.ts";
import { millisecond, second } from "#runtime/units.ts";

/** Between two polls. */
export const REVOCATION_POLL_MS: number = 200 * millisecond;
/** How old the last answer may be for anything that is remembered to count: what was revoked before it does not. */
export const REVOCATION_LATE_MS: number = 1 * second;

export class Revocations {
  readonly #directory: Outside<Directory>;
  readonly #clock: Clock;
  #era = 0;
  #since: number | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(directory: Outside<Directory>, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * What is learnt of the directory now counts while this stays the same; undefined where nothing that is remembered counts.
   * To be asked before the directory is.
   */
  get era(): number | undefined {
    return this.#clock.nowMs() < this.#askedMs + REVOCATION_LATE_MS ? this.#era : undefined;
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    while (!within.signal.aborted) {
      await this.#poll(within);
      await pause(this.#clock, REVOCATION_POLL_MS, within.signal);
    }
  }

  async #poll(within: Within): Promise<void> {
    const beganMs = this.#clock.nowMs();
    const last = await this.#changed(within);
    if (last === undefined) return;
    // Two eras are never the same one, also where the directory is one that was brought back.
    if (last !== this.#since) this.#era += 1;
    this.#since = last;
    this.#askedMs = beganMs;
  }

  /** The number of the last change; undefined where nobody knows. */
  async #changed(within: Within): Promise<number | undefined> {
    const asked = await this.#directory.ask(within, (directory, bounded) => directory.lastChange(bounded));
    return asked.ok ? asked.value : undefined;
  }
}
