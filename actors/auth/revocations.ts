/**
 * What was revoked, on whatever node: the directory is asked every `REVOCATION_POLL_MS` for what has changed.
 *
 * What was learnt of a token at some moment counts until something of it has changed: itself, its key, or its producer. And it
 * counts only while nobody can have missed a change that is older than `auth.revocationLateMs`: not longer than so after the
 * beginning of the last poll that was answered. Where it is not known what has changed, everything has.
 */
import type { Change, Directory } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { Claims } from "#actors/domain/tokens/claims.ts";
import type { Clock } from "#runtime/clock.ts";
import { pause } from "#runtime/pause.ts";
import type { Within } from "#runtime/ref.ts";
import { millisecond } from "#runtime/units.ts";

/** Between two polls. */
export const REVOCATION_POLL_MS: number = 200 * millisecond;
/** Tokens, keys and producers of which it is remembered that they have changed. With one more everything has. */
export const CHANGED_MAX = 8192;

/** Up to where changes were known. */
export interface Moment {
  /** Moments of two eras are not to be compared. */
  readonly era: number;
  readonly number: number;
}

export class Revocations {
  readonly #directory: Outside<Directory>;
  readonly #clock: Clock;
  readonly #lateMs: () => number;
  /** By what has changed, the number of its last change, in this era. */
  readonly #changed = new Map<string, number>();
  #now: Moment | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(directory: Outside<Directory>, clock: Clock, lateMs: () => number) {
    this.#directory = directory;
    this.#clock = clock;
    this.#lateMs = lateMs;
  }

  /** To be asked before the directory is: what that says is at least of this moment. Undefined where it may be of any. */
  get now(): Moment | undefined {
    return this.#isLate ? undefined : this.#now;
  }

  /** Whether what the directory said of this token then is still so. */
  isStillSo({ era, number }: Moment, { jti, fp, sub }: Pick<Claims, "jti" | "fp" | "sub">): boolean {
    if (this.#isLate || era !== this.#now?.era) return false;
    const parts = [
      idOf({ kind: "token", id: jti }),
      idOf({ kind: "key", id: fp }),
      idOf({ kind: "producer", id: sub }),
    ];
    return parts.every((id) => (this.#changed.get(id) ?? 0) <= number);
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    while (!within.signal.aborted) {
      await this.#poll(within);
      await pause(this.#clock, REVOCATION_POLL_MS, within.signal);
    }
  }

  get #isLate(): boolean {
    return this.#clock.nowMs() >= this.#askedMs + this.#lateMs();
  }

  async #poll(within: Within): Promise<void> {
    const beganMs = this.#clock.nowMs();
    const isAsked = this.#now === undefined ? await this.#begin(within) : await this.#goOn(this.#now, within);
    if (isAsked) this.#askedMs = beganMs;
  }

  async #begin(within: Within): Promise<boolean> {
    const last = await this.#directory.ask(within, (directory, bounded) => directory.lastChange(bounded));
    if (last.ok) this.#restart(last.value);
    return last.ok;
  }

  async #goOn({ era, number }: Moment, within: Within): Promise<boolean> {
    const asked = await this.#directory.ask(within, (directory, bounded) => directory.changesSince(number, bounded));
    if (asked.ok) {
      const { last, changes } = asked.value;
      for (const [index, change] of changes.entries()) this.#changed.set(idOf(change), number + 1 + index);
      if (this.#changed.size > CHANGED_MAX) this.#restart(last);
      else this.#now = { era, number: last };
      return true;
    }
    if (asked.failure.code === "auth.unavailable") return false;
    this.#restart(asked.failure.last);
    return true;
  }

  #restart(number: number): void {
    this.#changed.clear();
    this.#now = { era: (this.#now?.era ?? 0) + 1, number };
  }
}

function idOf({ kind, id }: Change): string {
  return `${kind} ${id}`;
}
