/**
 * The error body of every refusal, `{code, message, retryable, corr_id}`, and the refusals that the edge itself gives:
 * those that never reach a service, because the request is no request, or nobody is there to take it.
 */
import type { UploadTooSlow } from "#runtime/edge/upload-pace.ts";
import type { Failure } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

/** The client sent nothing of its body for `readIdleMs`. Nothing was kept; send again. */
export interface ReadIdle extends Failure<"gateway.read-idle"> {
  readonly readIdleMs: number;
}

/** The client ended or reset, or the service was replaced, before the body ended. Nothing was kept; send again. */
export type BodyTruncated = Failure<"gateway.body-truncated">;

/** The body's chunked framing is broken. Final. */
export type BodyMalformed = Failure<"gateway.body-malformed">;

/** How a request body can fail. */
export type BodyFailure = ReadIdle | UploadTooSlow | BodyTruncated | BodyMalformed;

/** What the edge refuses without asking a service. */
export type EdgeRefusalCode =
  | "gateway.malformed-request"
  | "gateway.request-timeout"
  | "gateway.expectation-failed"
  | "gateway.transfer-encoding-unsupported"
  | "gateway.headers-too-large"
  | "gateway.defect"
  | "gateway.restarting";

const edgeRefusals: Readonly<Record<EdgeRefusalCode, Omit<Refusal, "code">>> = {
  "gateway.malformed-request": { status: 400, retryable: false, message: "This is no well-formed HTTP/1.1 request." },
  "gateway.request-timeout": { status: 408, retryable: true, message: "The header of the request took too long." },
  "gateway.expectation-failed": { status: 417, retryable: false, message: "Only Expect: 100-continue is understood." },
  "gateway.transfer-encoding-unsupported": {
    status: 501,
    retryable: false,
    message: "The only transfer coding that is understood is chunked.",
  },
  "gateway.headers-too-large": { status: 431, retryable: false, message: "The header of the request is too large." },
  "gateway.defect": { status: 500, retryable: true, message: "The gateway failed while it handled the request." },
  "gateway.restarting": {
    status: 503,
    retryable: true,
    message: "The gateway is not running: it restarts by itself or waits for `cepa resume actor/gateway`.",
  },
};

export interface Refusal {
  readonly status: number;
  readonly code: string;
  /** One sentence for a person. */
  readonly message: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** More header fields, e.g. `Allow`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** More members of the body, e.g. what is there instead. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Longest correlation id taken from a client, characters. A longer or unprintable one is replaced. */
export const CORR_ID_MAX = 128;
/** Bounds of `Retry-After`, seconds (seed 003 §17). */
export const RETRY_AFTER_SECONDS_MIN = 1;
export const RETRY_AFTER_SECONDS_MAX = 5;

const CORR_ID = /^[\x21-\x7e]+$/;

/** The client's correlation id if it is fit to be echoed and logged, else a fresh one. */
export function corrIdOf(sent: string | undefined, random: Random): string {
  return sent !== undefined && sent.length <= CORR_ID_MAX && CORR_ID.test(sent) ? sent : random.id();
}

export function edgeRefusal(code: EdgeRefusalCode): Refusal {
  return { code, ...edgeRefusals[code] };
}

/** Header fields and body of a refusal. Random `Retry-After` spreads out those who were refused together. */
export function renderRefusal(
  { status, code, message, retryable, headers, details }: Refusal,
  corrId: string,
  random: Random,
): { readonly headers: Record<string, string>; readonly body: Uint8Array } {
  const body = Buffer.from(`${JSON.stringify({ code, message, retryable, corr_id: corrId, ...details })}\n`);
  const rendered: Record<string, string> = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Correlation-Id": corrId,
    ...headers,
  };
  if (status === 429 || status === 503) {
    const spread = RETRY_AFTER_SECONDS_MAX - RETRY_AFTER_SECONDS_MIN + 1;
    rendered["Retry-After"] = String(RETRY_AFTER_SECONDS_MIN + random.below(spread));
  }
  return { headers: rendered, body };
}
