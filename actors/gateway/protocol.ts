/**
 * Gateway turns HTTP requests into calls; it is the only place where a failure becomes an HTTP status.
 *
 * It promises to refuse early, once and with a code, to hold bounded memory for every client, and never to end a body
 * that is not whole as if it were. It does not know how objects are kept.
 *
 * Specified in `specs/actors/gateway.md`.
 */
import type { Call } from "#runtime/protocol.ts";

/** What gateway hears. Requests from outside do not come as messages: they take a permit and call downwards. */
export interface GatewayProtocol {
  /** Stops accepting; answers when every request under way has ended or `timeoutMs` has passed. */
  drain: Call<{ readonly timeoutMs: number }, { readonly unfinishedCount: number }>;
  describe: Call<Record<never, never>, GatewayFacts>;
}

export interface GatewayFacts {
  readonly url: string;
  /** Where administrators reach the node; undefined where they do not. */
  readonly adminUrl: string | undefined;
  readonly openRequestCount: number;
  readonly acceptingWrites: boolean;
}

/** What gateway announces. */
export type GatewayEvents = Record<never, never>;
