/**
 * What a payload says of a heavier one that it stands for (seed 004): the member `$ref`, with the address and the size of an
 * object, as a put answers them, and with `url` where it is not in the store but in a bucket.
 *
 * Nobody but who wants the object looks at it: ingest stores it as any payload. So it may say anything, and is read here as
 * what strangers have written. Runs in a browser.
 */
import { isAddress, isRecord } from "#client/wire.ts";

/** Characters of a URL: a signed one of S3 has about 1500. */
export const REF_URL_LENGTH_MAX = 4096;

export interface PayloadRef {
  /** `b3:<64 hex>`. Whatever comes must hash to it. */
  readonly address: string;
  /** In bytes. */
  readonly size: number;
  /** HTTPS, without a name or a password. Undefined: it is in the store. */
  readonly url: string | undefined;
}

export type RefProblem = "no-ref" | "bad-address" | "bad-size" | "bad-url";

/** What `payload` links to, or why it links to nothing that can be had. */
export function refIn(payload: unknown): PayloadRef | RefProblem {
  const ref = isRecord(payload) ? payload["$ref"] : undefined;
  if (!isRecord(ref)) return "no-ref";
  const { address, size, url } = ref;
  if (typeof address !== "string" || !isAddress(address)) return "bad-address";
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return "bad-size";
  if (url === undefined || url === null) return { address, size, url: undefined };
  return typeof url === "string" && isOpenUrl(url) ? { address, size, url } : "bad-url";
}

/** A name or a password in it would be sent to whoever the event names. */
function isOpenUrl(text: string): boolean {
  if (text.length > REF_URL_LENGTH_MAX || !/^https:\/\/[!-~]+$/.test(text) || !URL.canParse(text)) return false;
  const { username, password, hash } = new URL(text);
  return username === "" && password === "" && hash === "";
}
