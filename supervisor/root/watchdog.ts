/**
 * Tells "slow" from "dead" by counting its own ticks since the other side was last heard.
 *
 * It counts ticks and not time: when this process itself was suspended, one tick has passed and nobody is blamed.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { HEARTBEAT_MS } from "#supervisor/wire.ts";

/** Beats missed before a cell counts as degraded. */
export const SILENT_BEATS_DEGRADED = 5;
/** Beats missed before it is killed. */
export const SILENT_BEATS_MAX = 20;

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly onSilent: (silentMs: number) => void;
  readonly onBack: () => void;
  readonly onDead: () => void;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  #missed = 0;
  #timer: Timer | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#tick();
  }

  heard(): void {
    if (this.#missed >= SILENT_BEATS_DEGRADED) this.#options.onBack();
    this.#missed = 0;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #tick(): void {
    this.#timer = this.#options.clock.after(HEARTBEAT_MS, () => {
      this.#missed += 1;
      if (this.#missed >= SILENT_BEATS_MAX) {
        this.#options.onDead();
        return;
      }
      if (this.#missed >= SILENT_BEATS_DEGRADED) this.#options.onSilent(this.#missed * HEARTBEAT_MS);
      this.#tick();
    });
  }
}
