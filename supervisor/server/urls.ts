/** Where the servers of a node are reached. */
import { assert } from "#runtime/errors.ts";
import type { ServerName } from "#supervisor/child-spec.ts";

export interface ServerUrls {
  /** For the node. */
  readonly node: string;
  /** For whoever else works with it. */
  readonly others: string;
}

export type Urls = Readonly<Partial<Record<ServerName, ServerUrls>>>;

/** For the node. Only cells that work with a server ask, and those begin after it. */
export function urlOf(urls: Urls, name: ServerName): string {
  const found = urls[name];
  assert(found !== undefined, `the cell works with ${name}`);
  return found.node;
}

/** As it may be shown: who works with a server of others has a password of the own. */
export function withoutPassword(url: string): string {
  // No `URL`: one over a socket has a user and no host, which that refuses.
  const [, scheme = "", authority = "", path = "", query = ""] =
    /^([^:/]+:\/\/)([^/?#]*)([^?#]*)(.*)$/s.exec(url) ?? [];
  const at = authority.lastIndexOf("@");
  const [user = ""] = authority.slice(0, Math.max(0, at)).split(":", 1);
  const place = `${user === "" ? "" : `${user}@`}${authority.slice(at + 1)}`;
  const asked = query
    .slice(1)
    .split("&")
    .filter((part) => part !== "" && !part.startsWith("password="));
  return `${scheme}${place}${path}${asked.length === 0 ? "" : `?${asked.join("&")}`}`;
}

/** Of each, for whoever else works with it: what the line `ready` says of them. */
export function urlsForOthers(urls: Urls): Readonly<Partial<Record<ServerName, string>>> {
  return Object.fromEntries(Object.entries(urls).map(([name, { others }]) => [name, others]));
}
