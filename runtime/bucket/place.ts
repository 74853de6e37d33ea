/** Where a bucket is, from a URL that a person wrote. */
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** `path`: the bucket is the first name of the path. `virtual-host`: it is the first name of the host. */
export type BucketStyle = "path" | "virtual-host";

export interface BucketPlace {
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** As the header and the signature want it: with the port, unless it is the protocol's own. */
  readonly host: string;
  /** The bucket in `path` style with its slash, else empty. */
  readonly root: string;
  /** Before every key: empty, or ends with a slash. */
  readonly prefix: string;
}

/** `problem` says what is wrong with it, without the URL, which may hold a password. */
export interface BucketUrlInvalid extends Failure<"bucket.url-invalid"> {
  readonly problem: "not-a-url" | "not-http" | "has-credentials" | "has-query" | "no-bucket" | "strange-name";
}

const NAME = /^[A-Za-z0-9._~-]+$/;
const PORTS = { "http:": 80, "https:": 443 } as const;

/** `https://host/bucket/prefix`, or `https://bucket.host/prefix` in `virtual-host` style. */
export function parseBucketUrl(text: string, style: BucketStyle): Result<BucketPlace, BucketUrlInvalid> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return invalid("not-a-url");
  const { protocol } = url;
  if (protocol !== "http:" && protocol !== "https:") return invalid("not-http");
  // In a URL they end up in logs and in the list of processes.
  if (url.username !== "" || url.password !== "") return invalid("has-credentials");
  if (url.search !== "" || url.hash !== "") return invalid("has-query");
  const names = url.pathname.split("/").filter((name) => name !== "");
  if (!names.every((name) => NAME.test(name))) return invalid("strange-name");
  const bucket = style === "path" ? names.shift() : url.hostname.split(".")[0];
  if (bucket === undefined || bucket === "") return invalid("no-bucket");
  return ok({
    isSecure: protocol === "https:",
    // An IPv6 address is in brackets in a URL, and without them in a call.
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? PORTS[protocol] : Number(url.port),
    host: url.host,
    root: style === "path" ? `/${bucket}` : "",
    prefix: names.map((name) => `${name}/`).join(""),
  });
}

function invalid(problem: BucketUrlInvalid["problem"]): Result<never, BucketUrlInvalid> {
  return fail({ code: "bucket.url-invalid", problem });
}
