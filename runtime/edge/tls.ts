/**
 * A listener for those whom an authority has certified, and nobody else: TLS 1.3, with a certificate on both sides.
 *
 * Whoever has none, or another authority's, or one that is over, or one that is no client's, never gets as far as a request.
 */
import type { Failure } from "#runtime/errors.ts";

/** All in PEM, as files have it. Taken when it listens: others count from the next time on. */
export interface EdgeTls {
  /** Whom clients see, with whatever stands between that and the authority that they know. */
  readonly certificate: string;
  /** Its private half. */
  readonly key: string;
  /** Whose certificates clients are let in with; no other authority of this machine counts. */
  readonly clientAuthority: string;
  /** From connecting to the end of the handshake. Past it the connection is closed. */
  readonly handshakeTimeoutMs: number;
}

/** Who a client is, by the certificate that it was let in with. */
export interface EdgeClient {
  /** The common names of its subject and its DNS names, each as it is written; none may be there. */
  readonly names: readonly string[];
}

/** The certificates or the key are none, or do not belong together. */
export interface EdgeTlsUnusable extends Failure<"edge.tls-unusable"> {
  /** Without anything of the key. */
  readonly cause: string;
}
