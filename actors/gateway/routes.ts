/** Which path is which route, and what it takes. Pure: it knows nothing of how a route is served. */
import { type Address, type Digest, parseAddress, parseDigest } from "#actors/domain/address.ts";
import type { BadAddress, MethodNotAllowed, NoRoute } from "#actors/gateway/failures.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export type Route =
  | { readonly name: "put" }
  | { readonly name: "put-as"; readonly address: Address }
  | { readonly name: "object"; readonly address: Address }
  | { readonly name: "manifest" | "manifest-data"; readonly root: Digest }
  | { readonly name: "stat"; readonly address: Address }
  | { readonly name: "status" | "metrics" | "healthz" | "readyz" };

export type RouteName = Route["name"];

/** Which quota a route draws on. */
export type RouteKind = "read" | "write" | "admin";

const reading = "GET, HEAD";

/** `path` is as sent; the only escape that addresses are seen with is that of the colon. */
export function parseRoute(method: string, path: string): Result<Route, NoRoute | MethodNotAllowed | BadAddress> {
  const [, first = "", rest, part, ...more] = path.split("/");
  const isKnownPart = part === undefined || (first === "m" && part === "data");
  if (path[0] !== "/" || !isKnownPart || more.length > 0) return fail({ code: "gateway.no-route" });
  if (rest === undefined) return parseTopRoute(method, first);

  const isRead = method === "GET" || method === "HEAD";
  const name = rest.replace(/^b3%3a/i, "b3:");
  const address = parseAddress(name);
  switch (first) {
    case "o":
      if (!isRead && method !== "PUT") return notAllowed(`${reading}, PUT`);
      if (address === undefined) return fail({ code: "gateway.bad-address" });
      return ok({ name: isRead ? "object" : "put-as", address });
    case "stat":
      if (!isRead) return notAllowed(reading);
      return address === undefined ? fail({ code: "gateway.bad-address" }) : ok({ name: "stat", address });
    case "m": {
      if (!isRead) return notAllowed(reading);
      const root = parseDigest(name);
      if (root === undefined) return fail({ code: "gateway.bad-address" });
      return ok({ name: part === undefined ? "manifest" : "manifest-data", root });
    }
    default:
      return fail({ code: "gateway.no-route" });
  }
}

function parseTopRoute(method: string, name: string): Result<Route, NoRoute | MethodNotAllowed> {
  switch (name) {
    case "put":
      return method === "PUT" || method === "POST" ? ok({ name }) : notAllowed("POST, PUT");
    case "status":
    case "metrics":
    case "healthz":
    case "readyz":
      return method === "GET" || method === "HEAD" ? ok({ name }) : notAllowed(reading);
    default:
      return fail({ code: "gateway.no-route" });
  }
}

export function kindOf(route: RouteName): RouteKind {
  switch (route) {
    case "put":
    case "put-as":
      return "write";
    case "object":
    case "manifest":
    case "manifest-data":
    case "stat":
      return "read";
    default:
      return "admin";
  }
}

function notAllowed(allow: string): Result<never, MethodNotAllowed> {
  return fail({ code: "gateway.method-not-allowed", allow });
}
