/**
 * `If-Match`, `If-None-Match` and `If-Range` (RFC 9110 §13) for objects, which never change: a tag names the bytes.
 *
 * A condition counts only for a request that would go well without it: what is not held here is 404, not 412.
 */
import type { Address } from "#actors/domain/address.ts";

type Headers = Readonly<Record<string, string | undefined>>;

/** What the conditions say of a request for a representation that exists, or not. */
export type Verdict = "go-on" | "not-modified" | "failed";

/** The strong tag of what is named by its digest. */
export function etagOf(name: Address | `b3:${string}`): string {
  return `"${name}"`;
}

/** Whether there is something to judge. */
export function isConditional(headers: Headers): boolean {
  return headers["if-match"] !== undefined || headers["if-none-match"] !== undefined;
}

/** `etag` is undefined where nothing is held under the name. `If-Match` comes first (§13.2.2). */
export function judge(headers: Headers, etag: string | undefined): Verdict {
  const wanted = headers["if-match"];
  if (wanted !== undefined && !lists(wanted, etag, (tag) => tag)) return "failed";
  const unwanted = headers["if-none-match"];
  // Weakly: a weak tag names the same bytes, for an object has no others.
  return unwanted !== undefined && lists(unwanted, etag, (tag) => tag.replace(/^W\//, "")) ? "not-modified" : "go-on";
}

/** Whether a range may be answered. A date never matches: objects have none. Weak tags never match strongly. */
export function ifRangeHolds(field: string | undefined, etag: string): boolean {
  return field === undefined || field.trim() === etag;
}

/** Whether `etag` is in a list of any length; `*` is every tag there is. */
function lists(field: string, etag: string | undefined, strip: (tag: string) => string): boolean {
  if (etag === undefined) return false;
  return field.trim() === "*" || field.split(",").some((tag) => strip(tag.trim()) === etag);
}
