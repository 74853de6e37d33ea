/**
 * Keys by which tokens are verified: those of all nodes that work on one database, told through it.
 *
 * Each node says every `KEY_SHARE_MS` that it signs with its own, and before it signs the first token with it. One that nobody
 * has said for `KEY_KEPT_MS` is forgotten: all tokens that it has signed are over then. A token of a key that is not
 * known has this node look again: only a look that begins after the token came says that there is no such key. Anybody can write a
 * name of a key, so one look follows on another after `KEY_LOOK_MS`, and serves all who wait for it. Tokens of events wait for none:
 * they are undecided until then, so that a stranger holds up nobody.
 */
import type { KeyObject } from "node:crypto";
import type { Directory } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import { type OwnKey, verifierOf } from "#actors/auth/signing-key.ts";
import type { Clock } from "#runtime/clock.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import type { Within } from "#runtime/ref.ts";
import { hour, millisecond, minute } from "#runtime/units.ts";

/** How often a node says by which key it signs. */
export const KEY_SHARE_MS: number = 10 * minute;
/** How long a key counts that nobody says any more: a token lives for an hour, and clocks differ. */
export const KEY_KEPT_MS: number = 2 * hour;
/** Between two looks for a key that is not known. */
export const KEY_LOOK_MS: number = 50 * millisecond;

export class KeyRing {
  readonly own: OwnKey;
  readonly #directory: Outside<Directory>;
  readonly #clock: Clock;
  #keys: ReadonlyMap<string, KeyObject>;
  #sharedMs: number | undefined;
  /** Of the last look, whatever came of it. */
  #beganMs = Number.NEGATIVE_INFINITY;
  /** What has not begun yet. */
  #next: Promise<Result<void, AuthUnavailable>> | undefined;

  constructor(own: OwnKey, directory: Outside<Directory>, clock: Clock) {
    this.own = own;
    this.#directory = directory;
    this.#clock = clock;
    this.#keys = new Map([[own.kid, verifierOf(own)]]);
  }

  /** By their names. */
  get keys(): ReadonlyMap<string, KeyObject> {
    return this.#keys;
  }

  /** When `share` is due. */
  get dueMs(): number {
    return this.#sharedMs === undefined ? 0 : this.#sharedMs + KEY_SHARE_MS;
  }

  /** Says which is ours, and learns those of the others. */
  async share(within: Within): Promise<Result<void, AuthUnavailable>> {
    const atMs = Math.floor(this.#clock.wallMs());
    const nowMs = this.#clock.nowMs();
    this.#beganMs = nowMs;
    const { kid, publicKey } = this.own;
    const shared = await this.#directory.ask(within, (directory, bounded) =>
      directory.shareSigningKey({ kid, publicKey }, atMs, atMs - KEY_KEPT_MS, bounded),
    );
    if (!shared.ok) return shared;
    this.#sharedMs = nowMs;
    const others = shared.value.filter((one) => one.kid !== kid);
    this.#keys = new Map([[kid, verifierOf(this.own)], ...others.map((one) => [one.kid, verifierOf(one)] as const)]);
    return ok();
  }

  /** Whether `look` begins at once. */
  get isLookDue(): boolean {
    return this.#next === undefined && this.#beganMs + KEY_LOOK_MS <= this.#clock.nowMs();
  }

  /** Looks for all that another node has said until now. It goes with whoever asked first: who asks later may have to ask again. */
  look(within: Within): Promise<Result<void, AuthUnavailable>> {
    this.#next ??= this.#lookNext(within);
    return this.#next;
  }

  async #lookNext(within: Within): Promise<Result<void, AuthUnavailable>> {
    const waitMs = this.#beganMs + KEY_LOOK_MS - this.#clock.nowMs();
    // A turn later in any case, when this is the next one.
    await (waitMs > 0 ? pause(this.#clock, waitMs, within.signal) : undefined);
    // Who asks from here on may ask for what is said meanwhile.
    this.#next = undefined;
    return await this.share(within);
  }
}
