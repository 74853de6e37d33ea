/**
 * Where a Redis is, and as whom it is spoken to, read from a URL: `redis://user:secret@host:port/database`, `rediss://…` over
 * TLS, and `redis+unix://user:secret@/path/of/the.sock?db=1`.
 *
 * What is wrong with a URL is told without any part of it: there may be a secret in it, wherever the mistake is.
 */

export interface RedisAddress {
  readonly place: SocketPlace | HostPlace;
  readonly login: RedisLogin | undefined;
  readonly database: number;
}

export interface SocketPlace {
  readonly kind: "socket";
  readonly path: string;
}

export interface HostPlace {
  readonly kind: "host";
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly isEncrypted: boolean;
}

export interface RedisLogin {
  /** Without one: whoever has the secret of the user `default`. */
  readonly user: string | undefined;
  readonly secret: string;
}

export type RedisUrlProblem =
  | "not-a-url"
  | "unknown-scheme"
  | "no-host"
  | "bad-database"
  | "bad-escape"
  | "user-without-secret"
  /** A query or a fragment. */
  | "unknown-part";

const DEFAULT_PORT = 6379;
const BY_SOCKET = /^redis\+unix:\/\/(?:([^@/]*)@)?(\/.*?)(?:\?db=([^?]*))?$/i;
const DATABASE = /^\d{1,9}$/;

/** The address that `url` is, or what is wrong with it. */
export function parseRedisUrl(url: string): RedisAddress | RedisUrlProblem {
  if (/^redis\+unix:/i.test(url)) return parseSocketUrl(url);
  if (!URL.canParse(url)) return "not-a-url";
  const { protocol, username, password, hostname, port, pathname, search, hash } = new URL(url);
  if (protocol !== "redis:" && protocol !== "rediss:") return "unknown-scheme";
  if (hostname === "") return "no-host";
  if (search !== "" || hash !== "") return "unknown-part";
  const login = parseLogin(username, password);
  if (typeof login === "string") return login;
  const database = parseDatabase(pathname.replace(/^\//, ""));
  if (database === undefined) return "bad-database";
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const isEncrypted = protocol === "rediss:";
  const place: HostPlace = { kind: "host", host, port: port === "" ? DEFAULT_PORT : Number(port), isEncrypted };
  return { place, login, database };
}

/** No URL of the standard has a user and no host. A path may have any character, so it is told by the end of the whole. */
function parseSocketUrl(url: string): RedisAddress | RedisUrlProblem {
  const [whole, user = "", path = "", name = ""] = BY_SOCKET.exec(url) ?? [];
  if (whole === undefined) return "not-a-url";
  const [, username = "", password = ""] = /^([^:]*):?(.*)$/.exec(user) ?? [];
  const login = parseLogin(username, password);
  if (typeof login === "string") return login;
  const database = parseDatabase(name);
  if (database === undefined) return "bad-database";
  const socket = unescaped(path);
  return socket === undefined ? "bad-escape" : { place: { kind: "socket", path: socket }, login, database };
}

function parseLogin(username: string, password: string): RedisLogin | undefined | RedisUrlProblem {
  const [user, secret] = [unescaped(username), unescaped(password)];
  if (user === undefined || secret === undefined) return "bad-escape";
  if (secret === "") return user === "" ? undefined : "user-without-secret";
  return { user: user === "" ? undefined : user, secret };
}

function parseDatabase(name: string): number | undefined {
  if (name === "") return 0;
  return DATABASE.test(name) ? Number(name) : undefined;
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
