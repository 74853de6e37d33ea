/** What a breaker counts, by its name: where it stands, how it came there, and whom it sent away. */
import type { BreakerState } from "#runtime/breaker/breaker-chart.ts";
import type { Counter, Gauge, Metrics } from "#runtime/telemetry/metrics.ts";

/** In order of harm, so that the largest of several is the worst. */
const LEVELS: Readonly<Record<BreakerState, number>> = { closed: 0, "half-open": 1, open: 2 };

export class BreakerMetrics {
  readonly #name: string;
  readonly #state: Gauge;
  readonly #transitions: Counter;
  readonly #refused: Counter;

  constructor(metrics: Metrics, name: string) {
    this.#name = name;
    this.#state = metrics.gauge("breaker_state", "0 closed, 1 half-open, 2 open.");
    this.#transitions = metrics.counter("breaker_transitions_total", "States entered by a circuit breaker.");
    this.#refused = metrics.counter("breaker_refused_total", "Calls refused because a circuit is open.");
    this.#state.set(LEVELS.closed, { breaker: name });
  }

  entered(state: BreakerState): void {
    this.#state.set(LEVELS[state], { breaker: this.#name });
    this.#transitions.add(1, { breaker: this.#name, to: state });
  }

  refused(): void {
    this.#refused.add(1, { breaker: this.#name });
  }
}
