/** Gateway's limits. They are read for every request, but for those that count at the start, of the node or of an incarnation. */
import { type ConfigSchema, count, durationMs, sizeBytes, text, texts } from "#runtime/config/schema.ts";
import { GiB, KiB, MiB, minute, second } from "#runtime/units.ts";

export interface GatewayConfig {
  /** Host names, comma-separated and with a port where it is not ours, that requests may name beside our own. */
  readonly allowedHosts: string;
  /** Largest object taken in. One byte more is 413. */
  readonly objectSizeBytesMax: number;

  /** Reads (GET and HEAD of objects and manifests, stat) under way at once. One more is 503. */
  readonly readRequestsMax: number;
  /** Sum of what those may hold in memory. Past it: 429. */
  readonly readBytesMax: number;
  /** Uploads under way at once. One more is 503. */
  readonly writeRequestsMax: number;
  /** Sum of what those may hold in memory at the edge. Past it: 429. */
  readonly writeBytesMax: number;
  /** Requests for status, metrics and health under way at once; kept apart, so that they answer under overload. */
  readonly adminRequestsMax: number;
  /** Reads and writes of one client address under way at once. One more is 429. Loopback has no such limit. */
  readonly requestsPerPeerMax: number;
  /** Uploads of one client address under way at once. One more is 429. Loopback has no such limit. */
  readonly writeRequestsPerPeerMax: number;
  /** Memory for bodies over 256 KiB: 256 KiB each, reserved before the first byte is read; later ones wait in line. At start. */
  readonly readBufferBytesMax: number;
  /** Longest wait for such a reservation. Past it: 503. */
  readonly reservationWaitMs: number;

  /** All header fields of a request. Past it: 431. At start. */
  readonly headersBytesMax: number;
  /** From connecting to the end of a request's header. Past it: 408. At start. */
  readonly headersTimeoutMs: number;
  /** An idle connection is kept this long. At start. */
  readonly keepAliveMs: number;
  /** Connections at once. One more is closed without an answer. At start. */
  readonly connectionsMax: number;
  /** Requests sent ahead on one connection. One more: the connection is reset. */
  readonly pipelinedMax: number;
  /** A wait for body bytes that the client owes. Past it: 408. */
  readonly readIdleMs: number;
  /** A client that takes nothing for so long is cut. */
  readonly writeIdleMs: number;
  /** A client that is behind and takes less than this on average over `paceWindowMs` is cut. */
  readonly paceBytesPerSecondMin: number;
  readonly paceWindowMs: number;
  /** An upload that is slower on average over `paceWindowMs` of waiting for its client is ended: 408. 0: none is. */
  readonly uploadBytesPerSecondMin: number;
  /** What is still read of a request that was refused, before the connection closes: bytes, and time. */
  readonly drainBytesMax: number;
  readonly drainMs: number;
  /** How long a stopping gateway lets the requests under way go on; the tree gives it 9 s in all. */
  readonly stopDrainMs: number;

  /**
   * File with the authority of X.509 that certifies administrators; empty: there is no listener for them. Files have absolute
   * paths, and hold PEM. At start, as all that this listener shows and asks for; who signs is asked anew for every request.
   */
  readonly adminClientAuthority: string;
  /** Of a client's common name and DNS names one has to be among these, in any case; without any all are let in. */
  readonly adminClientNames: readonly string[];
  /** The listener's own certificate, and its key. */
  readonly adminCertificate: string;
  readonly adminKey: string;
  readonly adminHost: string;
  /** 0: a free one, the same for the life of the node. */
  readonly adminPort: number;
  /** Files with lines of OpenSSH public keys: they certify the keys that administrators sign requests with. */
  readonly adminSshAuthority: readonly string[];
  /** Names of which one has to be in such a certificate. */
  readonly adminPrincipals: readonly string[];
  /** From connecting to the end of the handshake. Past it the connection is closed. */
  readonly adminHandshakeMs: number;

  /** Longest wait for an actor's answer, or for progress of an upload inside the node. Past it: 503. */
  readonly callTimeoutMs: number;
  /** How long the end of an upload in pieces is waited with until the object is stored; then it is answered without. */
  readonly uploadStoreWaitMs: number;
  /** Longest wait for the facts in `/status` and the text of `/metrics`; without them the answer says so. */
  readonly factsTimeoutMs: number;
}

const PATH_OR_NONE = /(\/[^\0\r\n]*)?/;

export const gatewayConfigSchema: ConfigSchema<GatewayConfig> = {
  allowedHosts: text({ default: "", pattern: /^[A-Za-z0-9.:[\]_,\s-]{0,4096}$/ }),
  objectSizeBytesMax: sizeBytes({ default: 64 * GiB, min: 1, max: 16_384 * GiB }),

  readRequestsMax: count({ default: 512, min: 1, max: 65_536 }),
  readBytesMax: sizeBytes({ default: 192 * MiB, min: 1 * MiB, max: 64 * GiB }),
  writeRequestsMax: count({ default: 128, min: 1, max: 65_536 }),
  writeBytesMax: sizeBytes({ default: 32 * MiB, min: 256 * KiB, max: 64 * GiB }),
  adminRequestsMax: count({ default: 32, min: 1, max: 1024 }),
  requestsPerPeerMax: count({ default: 128, min: 1, max: 131_072 }),
  writeRequestsPerPeerMax: count({ default: 32, min: 1, max: 65_536 }),
  readBufferBytesMax: sizeBytes({ default: 128 * MiB, min: 256 * KiB, max: 64 * GiB }),
  reservationWaitMs: durationMs({ default: 5 * second, min: 1, max: 1 * minute }),

  headersBytesMax: sizeBytes({ default: 64 * KiB, min: 1 * KiB, max: 1 * MiB }),
  headersTimeoutMs: durationMs({ default: 10 * second, min: 100, max: 1 * minute }),
  keepAliveMs: durationMs({ default: 15 * second, min: 100, max: 10 * minute }),
  connectionsMax: count({ default: 12_288, min: 1, max: 1_000_000 }),
  pipelinedMax: count({ default: 64, min: 0, max: 1024 }),
  readIdleMs: durationMs({ default: 15 * second, min: 10, max: 10 * minute }),
  writeIdleMs: durationMs({ default: 10 * second, min: 10, max: 10 * minute }),
  paceBytesPerSecondMin: sizeBytes({ default: 16 * KiB, min: 0, max: 1 * GiB }),
  paceWindowMs: durationMs({ default: 30 * second, min: 10, max: 10 * minute }),
  uploadBytesPerSecondMin: sizeBytes({ default: 1 * KiB, min: 0, max: 1 * GiB }),
  drainBytesMax: sizeBytes({ default: 256 * KiB, min: 0, max: 16 * MiB }),
  drainMs: durationMs({ default: 1 * second, min: 0, max: 1 * minute }),
  stopDrainMs: durationMs({ default: 8 * second, min: 0, max: 8.5 * second }),

  adminClientAuthority: text({ default: "", pattern: PATH_OR_NONE }),
  adminClientNames: texts({ default: [], pattern: /[^\0\r\n]{1,256}/ }),
  adminCertificate: text({ default: "", pattern: PATH_OR_NONE }),
  adminKey: text({ default: "", pattern: PATH_OR_NONE }),
  adminHost: text({ default: "127.0.0.1", pattern: /[A-Za-z0-9.:-]{1,253}/ }),
  adminPort: count({ default: 0, min: 0, max: 65_535 }),
  adminSshAuthority: texts({ default: [], pattern: /\/[^\0\r\n]*/ }),
  adminPrincipals: texts({ default: ["fdc-admin"], pattern: /[!-~]{1,256}/ }),
  adminHandshakeMs: durationMs({ default: 5 * second, min: 100, max: 1 * minute }),

  callTimeoutMs: durationMs({ default: 30 * second, min: 10, max: 10 * minute }),
  uploadStoreWaitMs: durationMs({ default: 2 * minute, min: 1, max: 60 * minute }),
  factsTimeoutMs: durationMs({ default: 1 * second, min: 10, max: 1 * minute }),
};

/** Requests that may reach overlay at once: what its mailbox (128) and its tasks (1024) hold, less its feeder's. */
export const REQUESTS_BELOW_MAX = 1151;

/** Relations between settings; answers with a sentence about the one that does not hold. */
export function checkGatewayConfig(config: GatewayConfig): string | undefined {
  if (config.readRequestsMax + config.writeRequestsMax + config.adminRequestsMax > REQUESTS_BELOW_MAX) {
    return `gateway.readRequestsMax, writeRequestsMax and adminRequestsMax together must not be over ${REQUESTS_BELOW_MAX}`;
  }
  if (config.requestsPerPeerMax >= config.readRequestsMax && config.readRequestsMax > 1) {
    return "gateway.requestsPerPeerMax must be lower than gateway.readRequestsMax, or one client takes every place";
  }
  if (config.writeRequestsPerPeerMax >= config.writeRequestsMax && config.writeRequestsMax > 1) {
    return "gateway.writeRequestsPerPeerMax must be lower than gateway.writeRequestsMax, or one client takes every place";
  }
  if (config.readIdleMs >= config.callTimeoutMs) {
    return "gateway.readIdleMs must be shorter than gateway.callTimeoutMs, or a slow client looks like a slow actor";
  }
  if (config.paceWindowMs < config.writeIdleMs) {
    return "gateway.paceWindowMs must not be shorter than gateway.writeIdleMs: a pace is an average over pauses";
  }
  if (config.reservationWaitMs > config.callTimeoutMs) {
    return "gateway.reservationWaitMs must not be longer than gateway.callTimeoutMs";
  }
  return adminProblem(config);
}

function adminProblem(config: GatewayConfig): string | undefined {
  const { adminClientAuthority, adminCertificate, adminKey, adminSshAuthority, adminPrincipals } = config;
  if (adminClientAuthority === "") return undefined;
  if (adminCertificate === "" || adminKey === "") {
    return "gateway.adminCertificate and gateway.adminKey are what administrators see: name both, or no adminClientAuthority";
  }
  if (adminSshAuthority.length === 0 || adminPrincipals.length === 0) {
    return "gateway.adminSshAuthority and gateway.adminPrincipals say who may sign as an administrator: without any nobody may";
  }
  return undefined;
}
