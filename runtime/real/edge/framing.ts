/**
 * Requests that are refused for how they are framed, before anybody is asked: where two readers of the same bytes could
 * disagree about a body's end or the host that is meant, none of the readings is taken.
 */
import type { IncomingMessage } from "node:http";
import { edgeRefusal, type Refusal } from "#runtime/edge/refusal.ts";

/** Undefined for a request that can be understood in one way only. Node's parser has refused the grosser cases. */
export function framingRefusal({
  method,
  url = "",
  headers,
  httpVersion,
  rawHeaders,
}: IncomingMessage): Refusal | undefined {
  // Node's parser also takes a line without a version, as HTTP/0.9 had it, and one that says 2.0.
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return edgeRefusal("gateway.malformed-request");
  // It takes targets of any scheme too, which a router would read as paths.
  if (!/^(\/|https?:\/\/)/i.test(url) && !(method === "OPTIONS" && url === "*")) {
    return edgeRefusal("gateway.malformed-request");
  }
  const coding = headers["transfer-encoding"];
  // HTTP/1.0 knows no codings, so what stands between may have passed the chunks on as they were (RFC 9112 §6.1).
  if (coding !== undefined && httpVersion === "1.0") return edgeRefusal("gateway.malformed-request");
  if (coding !== undefined && coding.trim().toLowerCase() !== "chunked") {
    return edgeRefusal("gateway.transfer-encoding-unsupported");
  }
  return hostCount(rawHeaders) > 1 ? edgeRefusal("gateway.malformed-request") : undefined;
}

/** `headers` keeps the first of several `Host` fields and forgets the others. */
function hostCount(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  return count;
}
