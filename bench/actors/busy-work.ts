/** Work that keeps a core busy for a known time, and that no compiler can leave out. */
import { median } from "#bench/measurement.ts";

/** Rounds of the probe that is timed, and how often; the first half of them warms up. */
const PROBE_ROUNDS = 20_000;
const PROBES = 201;

export class BusyWork {
  /** As it turned out, ms: the median of many. */
  readonly serviceMs: number;
  readonly #rounds: number;
  #value = 1;

  /** Of about `aimMs`. Always the same amount of work, however long it takes by then. */
  constructor(aimMs: number) {
    const probes = Array.from({ length: PROBES }, () => this.#timeMs(PROBE_ROUNDS));
    this.#rounds = Math.round((aimMs * PROBE_ROUNDS) / median(probes.slice(PROBES / 2)));
    this.serviceMs = median(Array.from({ length: PROBES }, () => this.#timeMs(this.#rounds)));
  }

  do(): void {
    this.#burn(this.#rounds);
  }

  #timeMs(rounds: number): number {
    const startedMs = performance.now();
    this.#burn(rounds);
    return performance.now() - startedMs;
  }

  #burn(rounds: number): void {
    let value = this.#value;
    for (let left = rounds; left > 0; left -= 1) {
      value ^= value << 13;
      value ^= value >>> 17;
      value ^= value << 5;
    }
    this.#value = value;
  }
}
