/**
 * AWS Signature Version 4 for S3, in headers: who asks, and for what, body and all.
 *
 * The payload is signed too, so a server that checks it never stores a byte that was not sent.
 */
import { createHash, createHmac } from "node:crypto";

/** Never logged, and part of no failure. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that expire. */
  readonly sessionToken?: string;
}

export interface SignedRequest {
  readonly method: string;
  readonly host: string;
  /** Encoded by `encodePath`. */
  readonly path: string;
  /** Names and values as they are. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
  readonly region: string;
  readonly wallMs: number;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "s3";

/** The headers to send: those given, and the signature's own. */
export function sign(request: SignedRequest, credentials: S3Credentials): Readonly<Record<string, string>> {
  const moment = new Date(request.wallMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = moment.slice(0, 8);
  const payload = hexDigest(request.body);
  const token = credentials.sessionToken;
  const sent: Record<string, string> = {
    ...request.headers,
    "x-amz-content-sha256": payload,
    "x-amz-date": moment,
    ...(token === undefined ? {} : { "x-amz-security-token": token }),
  };
  const signed = Object.entries({ ...sent, host: request.host }).sort(([one], [other]) => (one < other ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    request.method,
    request.path,
    encodeQuery(request.query),
    ...signed.map(([name, value]) => `${name}:${value.trim()}`),
    "",
    names,
    payload,
  ].join("\n");
  const scope = `${day}/${request.region}/${SERVICE}/aws4_request`;
  const toSign = [ALGORITHM, moment, scope, hexDigest([Buffer.from(canonical)])].join("\n");
  const key = [day, request.region, SERVICE, "aws4_request"].reduce<Uint8Array>(
    (above, part) => createHmac("sha256", above).update(part).digest(),
    Buffer.from(`AWS4${credentials.secretAccessKey}`),
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const authorization = `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...sent, authorization };
}

/** Sorted, with everything but unreserved characters encoded: one spelling for the wire and the signature. */
export function encodeQuery(query: readonly (readonly [name: string, value: string])[]): string {
  return query
    .map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`)
    .sort()
    .join("&");
}

/** Each name of the path by itself: slashes stay. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeStrictly).join("/");
}

/** `encodeURIComponent` leaves five characters that the signature wants encoded. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hexDigest(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
