/** What gateway counts. Label values are route names, status classes and failure codes: bounded by the code. */
import type { AdminRoute } from "#actors/gateway/administrators/routes.ts";
import type { RouteName } from "#actors/gateway/routes.ts";
import type { Counter, Gauge, Histogram, Labels, Metrics } from "#runtime/telemetry/metrics.ts";

/** Seconds, from a small object in the cache to an upload of minutes. */
const latencyBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** `none`: the request was refused before its route was known. */
export type MeteredRoute = RouteName | AdminRoute["name"] | "none";

export class Meters {
  readonly #requests: Counter;
  readonly #rejected: Counter;
  readonly #latency: Histogram;
  readonly #openGauge: Gauge;
  readonly #bytesIn: Counter;
  readonly #bytesOut: Counter;
  /** Of each route, by class of status. */
  readonly #labels = new Map<MeteredRoute, Labels[]>();
  #openCount = 0;

  constructor(metrics: Metrics) {
    this.#requests = metrics.counter("requests_total", "HTTP requests answered, by route and class of status.");
    this.#rejected = metrics.counter("rejected_total", "Work refused, by reason.");
    this.#latency = metrics.histogram(
      "request_latency_seconds",
      "From the end of a request's header to its answer's, by route and class of status.",
      latencyBounds,
    );
    this.#openGauge = metrics.gauge("open_requests", "HTTP requests under way.");
    this.#bytesIn = metrics.counter("bytes_in_total", "Bytes of objects received.");
    this.#bytesOut = metrics.counter("bytes_out_total", "Bytes of bodies taken by clients.");
  }

  get openCount(): number {
    return this.#openCount;
  }

  opened(): void {
    this.#openCount += 1;
    this.#openGauge.set(this.#openCount);
  }

  closed(bytesSent: number): void {
    this.#openCount -= 1;
    this.#openGauge.set(this.#openCount);
    if (bytesSent > 0) this.#bytesOut.add(bytesSent);
  }

  received(bytes: number): void {
    this.#bytesIn.add(bytes);
  }

  answered(route: MeteredRoute, status: number, elapsedMs: number): void {
    const labels = this.#labelsOf(route, status);
    this.#requests.add(1, labels);
    this.#latency.observe(elapsedMs / 1000, labels);
  }

  rejected(code: string): void {
    this.#rejected.add(1, { reason: code });
  }

  #labelsOf(route: MeteredRoute, status: number): Labels {
    let ofRoute = this.#labels.get(route);
    if (ofRoute === undefined) {
      ofRoute = [];
      this.#labels.set(route, ofRoute);
    }
    const statusClass = Math.floor(status / 100);
    const labels = ofRoute[statusClass] ?? { route, status_class: `${statusClass}xx` };
    ofRoute[statusClass] = labels;
    return labels;
  }
}
