/** Which path is which route, and what it takes. Pure: it knows nothing of how a route is served. */
import { type Address, type Digest, parseAddress, parseDigest } from "#actors/domain/address.ts";
import { type Name, type PublicKey, parseLabel, parsePublicKey } from "#actors/domain/name.ts";
import { parseUploadId, type UploadId } from "#actors/domain/upload.ts";
import type { BadAddress, BadName, MethodNotAllowed, NoRoute } from "#actors/gateway/failures.ts";
import type { Target } from "#actors/overlay/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export type Route =
  | { readonly name: "put" | "put-car" }
  | { readonly name: "put-as"; readonly address: Address }
  | { readonly name: "object"; readonly address: Address }
  | { readonly name: "manifest" | "manifest-data"; readonly root: Digest }
  | { readonly name: "stat"; readonly address: Address }
  | { readonly name: "remove" | "restore" | "pin" | "unpin"; readonly target: Target }
  | {
      readonly name:
        | "trash"
        | "collection"
        | "collect"
        | "scrub"
        | "scrub-now"
        | "volumes"
        | "forget-volume"
        | "repair";
    }
  | { readonly name: "tus" | "upload-begin" }
  | { readonly name: "upload-stat" | "upload-append" | "upload-cancel"; readonly upload: UploadId }
  | { readonly name: "name" | "name-set" | "name-history"; readonly of: Name }
  | { readonly name: "names"; readonly publicKey: PublicKey }
  | { readonly name: "status" | "metrics" | "healthz" | "readyz" };

export type RouteName = Route["name"];

/** Which quota a route draws on. */
export type RouteKind = "read" | "write" | "admin";

const reading = "GET, HEAD";

/** `path` is as sent; the only escape that addresses are seen with is that of the colon. */
export function parseRoute(
  method: string,
  path: string,
): Result<Route, NoRoute | MethodNotAllowed | BadAddress | BadName> {
  if (path.startsWith("/n/")) return parseNameRoute(method, path.slice("/n/".length));
  const [, first = "", rest, part, ...more] = path.split("/");
  if (path[0] !== "/" || more.length > 0) return fail({ code: "gateway.no-route" });
  if (rest === undefined) return parseTopRoute(method, first);

  const isRead = method === "GET" || method === "HEAD";
  const name = rest.replace(/^b3%3a/i, "b3:");
  const address = parseAddress(name);
  if (part !== undefined) return parsePart(method, first, name, part);
  switch (first) {
    case "o":
      if (!isRead && method !== "PUT" && method !== "DELETE") return notAllowed(`${reading}, PUT, DELETE`);
      if (address === undefined) return fail({ code: "gateway.bad-address" });
      if (method === "DELETE") return ok({ name: "remove", target: { address } });
      return ok({ name: isRead ? "object" : "put-as", address });
    case "stat":
      if (!isRead) return notAllowed(reading);
      return address === undefined ? fail({ code: "gateway.bad-address" }) : ok({ name: "stat", address });
    case "m": {
      if (!isRead && method !== "DELETE") return notAllowed(`${reading}, DELETE`);
      const root = parseDigest(name);
      if (root === undefined) return fail({ code: "gateway.bad-address" });
      return ok(isRead ? { name: "manifest", root } : { name: "remove", target: { root } });
    }
    case "uploads":
      return rest === "" ? parseTopRoute(method, first) : parseUploadRoute(method, rest);
    default:
      return fail({ code: "gateway.no-route" });
  }
}

/** What belongs to an object, or to what the manifest of a root describes. */
function parsePart(
  method: string,
  first: string,
  name: string,
  part: string,
): Result<Route, NoRoute | MethodNotAllowed | BadAddress> {
  const isOfRoot = first === "m";
  const isKnown = part === "pin" || part === "restore" || (part === "data" && isOfRoot);
  if ((first !== "o" && !isOfRoot) || !isKnown) return fail({ code: "gateway.no-route" });
  const allowed = { data: ["GET", "HEAD"], pin: ["PUT", "DELETE"], restore: ["POST"] }[part];
  if (!allowed.includes(method)) return notAllowed(allowed.join(", "));
  const [address, root] = isOfRoot ? [undefined, parseDigest(name)] : [parseAddress(name), undefined];
  const target: Target | undefined = address === undefined ? root && { root } : { address };
  if (target === undefined) return fail({ code: "gateway.bad-address" });
  if (part === "data" && root !== undefined) return ok({ name: "manifest-data", root });
  if (part === "restore") return ok({ name: "restore", target });
  return ok({ name: method === "PUT" ? "pin" : "unpin", target });
}

function parseUploadRoute(method: string, name: string): Result<Route, NoRoute | MethodNotAllowed> {
  const upload = parseUploadId(name);
  if (upload === undefined) return fail({ code: "gateway.no-route" });
  switch (method) {
    case "OPTIONS":
      return ok({ name: "tus" });
    case "HEAD":
      return ok({ name: "upload-stat", upload });
    case "PATCH":
      return ok({ name: "upload-append", upload });
    case "DELETE":
      return ok({ name: "upload-cancel", upload });
    default:
      return notAllowed("HEAD, PATCH, DELETE, OPTIONS");
  }
}

/** `path` is what stands behind `/n/`: a key, a name, or a name and `history`. */
function parseNameRoute(method: string, path: string): Result<Route, NoRoute | MethodNotAllowed | BadName> {
  const [key = "", label, part, ...more] = path.split("/");
  if ((part !== undefined && part !== "history") || more.length > 0) return fail({ code: "gateway.no-route" });
  const isRead = method === "GET" || method === "HEAD";
  const maySet = label !== undefined && part === undefined;
  if (!isRead && !(maySet && method === "PUT")) return notAllowed(maySet ? `${reading}, PUT` : reading);

  const publicKey = parsePublicKey(key);
  if (publicKey === undefined) return fail({ code: "gateway.bad-name" });
  if (label === undefined) return ok({ name: "names", publicKey });
  const parsed = parseLabel(label);
  if (parsed === undefined) return fail({ code: "gateway.bad-name" });
  const of = { publicKey, label: parsed };
  if (part === "history") return ok({ name: "name-history", of });
  return ok({ name: isRead ? "name" : "name-set", of });
}

function parseTopRoute(method: string, name: string): Result<Route, NoRoute | MethodNotAllowed> {
  const isWrite = method === "PUT" || method === "POST";
  switch (name) {
    case "put":
      return isWrite ? ok({ name }) : notAllowed("POST, PUT");
    case "car":
      return isWrite ? ok({ name: "put-car" }) : notAllowed("POST, PUT");
    case "uploads":
      if (method === "OPTIONS") return ok({ name: "tus" });
      return method === "POST" ? ok({ name: "upload-begin" }) : notAllowed("POST, OPTIONS");
    case "gc":
      if (method === "POST") return ok({ name: "collect" });
      return method === "GET" || method === "HEAD" ? ok({ name: "collection" }) : notAllowed(`${reading}, POST`);
    case "scrub":
      if (method === "POST") return ok({ name: "scrub-now" });
      return method === "GET" || method === "HEAD" ? ok({ name }) : notAllowed(`${reading}, POST`);
    case "repair":
      return method === "POST" ? ok({ name }) : notAllowed("POST");
    case "volumes":
      if (method === "POST") return ok({ name: "forget-volume" });
      return method === "GET" || method === "HEAD" ? ok({ name }) : notAllowed(`${reading}, POST`);
    case "trash":
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
    case "remove":
    case "restore":
    case "pin":
    case "unpin":
    case "put-car":
    case "upload-begin":
    case "upload-append":
    case "upload-cancel":
    // It may wait for an upload to be stored, on a place among the uploads.
    case "upload-stat":
    case "name-set":
      return "write";
    case "object":
    case "manifest":
    case "manifest-data":
    case "stat":
    case "name":
    case "name-history":
    case "names":
      return "read";
    default:
      return "admin";
  }
}

function notAllowed(allow: string): Result<never, MethodNotAllowed> {
  return fail({ code: "gateway.method-not-allowed", allow });
}
