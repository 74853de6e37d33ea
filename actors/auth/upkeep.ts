/** What has to be done before anything else, and now and then: the tables, whose certificates are taken, and which keys sign. */
import type { Directory } from "#actors/auth/directory/directory.ts";
import type { KeyRing } from "#actors/auth/key-ring.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { Trusted } from "#actors/auth/trusted.ts";
import { LOOP_PAUSE_MS_MAX, LOOP_PAUSE_MS_MIN } from "#actors/domain/streams/stream-loop.ts";
import type { Clock } from "#runtime/clock.ts";
import { patiently } from "#runtime/patiently.ts";
import { pause } from "#runtime/pause.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

/** Between two looks into the files of `auth.producerAuthority`, for what changed under the same names. */
export const AUTHORITY_READ_MS: number = 5 * second;

export interface UpkeepSeams {
  readonly directory: Outside<Directory>;
  readonly ring: KeyRing;
  readonly trusted: Trusted;
  readonly clock: Clock;
  readonly random: Random;
}

export class Upkeep {
  readonly #seams: UpkeepSeams;

  constructor(seams: UpkeepSeams) {
    this.#seams = seams;
  }

  /** Settles when the directory is open and has the key of this node, or when nobody waits for it any more. */
  async open(within: Within): Promise<void> {
    const { directory, ring, clock, random } = this.#seams;
    const { signal } = within;
    const attempt = async () => {
      const opened = await directory.ask(within, (target, bounded) => target.open(bounded));
      return opened.ok ? await ring.share(within) : opened;
    };
    await patiently(attempt, { clock, random, pauseMsMin: LOOP_PAUSE_MS_MIN, pauseMsMax: LOOP_PAUSE_MS_MAX, signal });
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    const { ring, trusted, clock } = this.#seams;
    for (;;) {
      await pause(clock, AUTHORITY_READ_MS, within.signal);
      if (within.signal.aborted) return;
      await trusted.read();
      // Where that fails the next time is early enough: a key counts for much longer than between two.
      if (clock.nowMs() >= ring.dueMs) await ring.share(within);
    }
  }
}
