/** Telling about the node: status, metrics, health. None of it waits for long, and none of it needs an object. */
import { type Answer, type Desk, jsonAnswer, type Served, type Visit } from "#actors/gateway/desk.ts";
import { readinessFor } from "#actors/gateway/readiness.ts";
import type { StoreFacts } from "#actors/overlay/protocol.ts";
import { ok } from "#runtime/errors.ts";
import type { CallOptions } from "#runtime/ref.ts";

/** The gateway answers: that is what live means. */
export function healthz(): Answer {
  return jsonAnswer(200, { live: true, reasons: [] });
}

/** For writes, or with `?for=reads` for reads. */
export function readyz({ node, writeGate, clock }: Desk, { request }: Visit): Answer {
  const kind = /(?:^|&)for=reads(?:&|$)/.test(request.query) ? "reads" : "writes";
  const { ready, reasons } = readinessFor(kind, node.status(), writeGate.reasons(), clock);
  return jsonAnswer(ready ? 200 : 503, { ready, for: kind, reasons });
}

export async function status(desk: Desk, visit: Visit): Served {
  const { node, clock, config, writeGate, startedMs } = desk;
  const tree = node.status();
  const gateReasons = writeGate.reasons();
  const described = await desk.overlay.call("describe", {}, optionsOf(desk, visit));
  const store: StoreFacts | null = described.ok ? described.value : null;
  return ok(
    jsonAnswer(200, {
      version: node.version,
      uptimeSeconds: Math.floor((clock.nowMs() - startedMs) / 1000),
      insecurePublic: node.insecurePublic,
      amnesia: node.amnesia,
      health: {
        live: true,
        reads: readinessFor("reads", tree, gateReasons, clock),
        writes: readinessFor("writes", tree, gateReasons, clock),
      },
      ...tree,
      gateway: {
        openRequestCount: desk.meters.openCount,
        acceptingWrites: gateReasons.length === 0,
        admin: desk.adminUrl ?? null,
      },
      store,
      ...(described.ok ? {} : { storeUnavailable: described.failure.code }),
      limits: config.current,
    }),
  );
}

/** The last text that telemetry gave, and its age: metrics are readable also while telemetry is down. */
export class MetricsPage {
  #text = "";
  #contentType = "text/plain; version=0.0.4; charset=utf-8";
  #scrapedMs: number;

  /** Until the first scrape the age counts from here. */
  constructor(nowMs: number) {
    this.#scrapedMs = nowMs;
  }

  async render(desk: Desk, visit: Visit): Promise<Answer> {
    const scraped = await desk.telemetry.call("scrape", {}, optionsOf(desk, visit));
    if (scraped.ok) {
      this.#text = scraped.value.text;
      this.#contentType = scraped.value.contentType;
      this.#scrapedMs = desk.clock.nowMs();
    }
    const ageSeconds = (desk.clock.nowMs() - this.#scrapedMs) / 1000;
    const end = this.#text === "" || this.#text.endsWith("\n") ? "" : "\n";
    const age =
      "# HELP scrape_age_seconds How old these figures are.\n" +
      `# TYPE scrape_age_seconds gauge\nscrape_age_seconds ${ageSeconds}\n`;
    return {
      status: 200,
      headers: {
        "Content-Type": this.#contentType,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
      },
      body: Buffer.from(`${this.#text}${end}${age}`),
    };
  }
}

/** An answer without the facts is better than a late one. */
function optionsOf({ config }: Desk, { within }: Visit): CallOptions {
  return { timeoutMs: config.current.factsTimeoutMs, within };
}
