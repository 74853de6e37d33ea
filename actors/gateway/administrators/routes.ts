/**
 * What administrators can ask for. Pure.
 *
 * What is asked for is all in the path and in the body, because those are what is signed: there are no queries.
 */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { type IngestRoute, parseIngestRoute } from "#actors/gateway/administrators/ingest-routes.ts";
import type { MethodNotAllowed, NoRoute } from "#actors/gateway/failures.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { RequestOf } from "#runtime/protocol.ts";

/** Which keys a list is of. */
export type Filter = RequestOf<AuthProtocol, "listKeys">["filter"];

const FILTERS: readonly Filter[] = ["pending", "all", "active", "registered"];

export type AdminRoute =
  | { readonly name: "admin-keys"; readonly filter: Filter; readonly before: number | undefined }
  | { readonly name: "admin-pending" }
  | { readonly name: AdminOrder }
  | IngestRoute;

/** What changes something, and has a body that says what. */
export type AdminOrder = "admin-review" | "admin-revoke" | "admin-approve";

const ORDERS: Readonly<Record<string, AdminOrder>> = {
  "/auth/review": "admin-review",
  "/auth/revoke": "admin-revoke",
  "/admin/approve": "admin-approve",
};

const LIST = /^\/auth(?:\/([a-z]+)(?:\/before\/([1-9]\d{0,14}))?)?$/;

export function parseAdminRoute(method: string, path: string): Result<AdminRoute, NoRoute | MethodNotAllowed> {
  const ingest = parseIngestRoute(path);
  if (ingest !== undefined) return method === ingest.method ? ok(ingest.route) : notAllowed(ingest.method);
  const order = Object.hasOwn(ORDERS, path) ? ORDERS[path] : undefined;
  if (order !== undefined) return method === "POST" ? ok({ name: order }) : notAllowed("POST");
  const list = path === "/admin/pending" ? ({ name: "admin-pending" } as const) : parseList(path);
  if (list === undefined) return fail({ code: "gateway.no-route" });
  return method === "GET" ? ok(list) : notAllowed("GET");
}

/** Where the keys are that came before that one. */
export function pageBefore(filter: Filter, before: number): string {
  return `/auth/${filter}/before/${before}`;
}

function parseList(path: string): AdminRoute | undefined {
  const [matched, word = "all", before] = LIST.exec(path) ?? [];
  const filter = FILTERS.find((name) => name === word);
  if (matched === undefined || filter === undefined) return undefined;
  return { name: "admin-keys", filter, before: before === undefined ? undefined : Number(before) };
}

function notAllowed(allow: string): Result<never, MethodNotAllowed> {
  return fail({ code: "gateway.method-not-allowed", allow });
}
