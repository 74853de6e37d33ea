/**
 * Keys by which tokens are verified: those of all nodes that work on one database, told through it.
 *
 * Each node says every `KEY_SHARE_MS` that it signs with its own, and before it signs the first token with it. One that nobody
 * has said for `KEY_KEPT_MS` is forgotten: all tokens that it has signed are over then. A token of a key that is not
 * known has this node look again, but not more often than once in `KEY_LOOK_MS`, because anybody can write a name of a key.
 */
import type { KeyObject } from "node:crypto";
import type { Directory } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import { type OwnKey, verifierOf } from "#actors/auth/signing-key.ts";
import type { Clock } from "#runtime/clock.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { hour, minute, second } from "#runtime/units.ts";

/** How often a node says by which key it signs. */
export const KEY_SHARE_MS: number = 10 * minute;
/** How long a key counts that nobody says any more: a token lives for an hour, and clocks differ. */
export const KEY_KEPT_MS: number = 2 * hour;
/** Between two looks for a key that is not known. */
export const KEY_LOOK_MS: number = 1 * second;

export class KeyRing {
  readonly own: OwnKey;
  readonly #directory: Outside<Directory>;
  readonly #clock: Clock;
  #keys: ReadonlyMap<string, KeyObject>;
  #lookedMs: number | undefined;

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
    return this.#lookedMs === undefined ? 0 : this.#lookedMs + KEY_SHARE_MS;
  }

  /** Says which is ours, and learns those of the others. */
  async share(within: Within): Promise<Result<void, AuthUnavailable>> {
    const atMs = Math.floor(this.#clock.wallMs());
    const nowMs = this.#clock.nowMs();
    const { kid, publicKey } = this.own;
    const shared = await this.#directory.ask(within, (directory, bounded) =>
      directory.shareSigningKey({ kid, publicKey }, atMs, atMs - KEY_KEPT_MS, bounded),
    );
    if (!shared.ok) return shared;
    this.#lookedMs = nowMs;
    const others = shared.value.filter((one) => one.kid !== kid);
    this.#keys = new Map([[kid, verifierOf(this.own)], ...others.map((one) => [one.kid, verifierOf(one)] as const)]);
    return ok();
  }

  /** Looks for what another node may have said since; whether it has looked. */
  async look(within: Within): Promise<Result<boolean, AuthUnavailable>> {
    if (this.#lookedMs !== undefined && this.#clock.nowMs() < this.#lookedMs + KEY_LOOK_MS) return ok(false);
    const shared = await this.share(within);
    return shared.ok ? ok(true) : shared;
  }
}
