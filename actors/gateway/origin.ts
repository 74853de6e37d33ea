/**
 * Who a browser says it speaks to, and for whom.
 *
 * A page of a foreign name that points its DNS at this machine arrives with its own name in `Host`; a foreign page that
 * posts to our address arrives with its own `Origin`. Neither is let in. Programs send no `Origin` and are not affected.
 */
import type { HostMissing, HostRefused, OriginRefused } from "#actors/gateway/failures.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export interface Bound {
  readonly host: string;
  readonly port: number;
}

type Headers = Readonly<Record<string, string | undefined>>;

/** The names a node answers to, for one state of the config. */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>;
  readonly #bound: Bound;

  constructor(bound: Bound, allowedHosts: string) {
    const { host, port } = bound;
    const own = [host.includes(":") ? `[${host}]` : host, "localhost", "127.0.0.1", "[::1]"];
    const configured = allowedHosts.split(",").map((name) => name.trim().toLowerCase());
    this.#bound = bound;
    this.#names = new Set([
      ...own.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])),
      ...configured.filter((name) => name !== "").flatMap((name) => [name, `${name}:${port}`]),
    ]);
  }

  has(name: string): boolean {
    return this.#names.has(name.toLowerCase()) || this.#isOwnAddress(name);
  }

  /** Bound to every interface, a node has addresses it does not know; an address, unlike a name, cannot be rebound. */
  #isOwnAddress(name: string): boolean {
    if (this.#bound.host !== "0.0.0.0" && this.#bound.host !== "::") return false;
    const port = /^(?:\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}):(\d+)$/i.exec(name)?.[1];
    return port !== undefined && Number(port) === this.#bound.port;
  }
}

export function checkHost(headers: Headers, allowed: AllowedHosts): Result<void, HostMissing | HostRefused> {
  const host = headers["host"];
  if (host === undefined || host === "") return fail({ code: "gateway.host-missing" });
  return allowed.has(host) ? ok() : fail({ code: "gateway.host-refused" });
}

/** For writes. `Origin: null` is a sandboxed page: foreign. */
export function checkOrigin(headers: Headers, allowed: AllowedHosts): Result<void, OriginRefused> {
  const site = headers["sec-fetch-site"];
  const origin = headers["origin"];
  const isForeignSite = site === "cross-site" || site === "same-site";
  const isForeignOrigin = origin !== undefined && !isOwnOrigin(origin, allowed);
  return isForeignSite || isForeignOrigin ? fail({ code: "gateway.origin-refused" }) : ok();
}

function isOwnOrigin(origin: string, allowed: AllowedHosts): boolean {
  const authority = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
  return authority !== undefined && allowed.has(authority);
}
