/** What an incarnation of gateway works with: the same for every request, and what one request adds to it. */
import type { Admission, Admitted } from "#actors/gateway/admission.ts";
import type { GatewayConfig } from "#actors/gateway/config.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import type { Meters } from "#actors/gateway/meters.ts";
import type { WriteGate } from "#actors/gateway/write-gate.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import type { TelemetryProtocol } from "#actors/telemetry/protocol.ts";
import type { ConfigView, NodeFacts } from "#runtime/actor-module.ts";
import type { Reservations } from "#runtime/buffers.ts";
import type { Clock } from "#runtime/clock.ts";
import type { EdgeRequest, EdgeStream } from "#runtime/edge/edge.ts";
import type { Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import type { Log } from "#runtime/telemetry/log.ts";

export interface Desk {
  readonly config: ConfigView<GatewayConfig>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly node: NodeFacts;
  readonly overlay: Ref<OverlayProtocol>;
  readonly telemetry: Ref<TelemetryProtocol>;
  readonly admission: Admission;
  readonly reservations: Reservations;
  readonly writeGate: WriteGate;
  readonly meters: Meters;
  /** Where administrators reach the node; undefined where they do not. */
  readonly adminUrl: string | undefined;
  readonly startedMs: number;
}

/** One request, admitted. */
export interface Visit {
  readonly request: EdgeRequest;
  readonly admitted: Admitted;
  /** For calls on the request's behalf: cancelled when the client goes away. */
  readonly within: Within;
}

/** An answer other than a refusal. The handler adds what all answers have. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | EdgeStream | undefined;
  readonly lengthBytes?: number | undefined;
  /** Runs once, when nothing of the answer is in use any more. */
  release?(): void;
}

export type Served = Promise<Result<Answer, HttpFailure>>;

/** A time as JSON says it. */
export function timeOf(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** An answer in JSON, not to be cached. */
export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return jsonTextAnswer(status, JSON.stringify(value), headers);
}

/** The same of what is JSON already. */
export function jsonTextAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      ...headers,
    },
    body: Buffer.from(`${text}\n`),
  };
}
