/** Fields of an entry as text: what a stranger wrote is text where its bytes are UTF-8, and no entry of ours otherwise. */
import { isUtf8 } from "node:buffer";
import type { StreamEntry } from "#runtime/redis/group/stream-entry.ts";

/** Of an entry that is a signed request; a field that is missing is empty. */
export interface RequestFields {
  readonly pubkey: string;
  readonly payload: Uint8Array;
  readonly nonce: string;
  readonly sig: string;
}

type Fields = StreamEntry["fields"];

/** Empty where there is none; undefined where it is no text. */
export function textIn(fields: Fields, name: string): string | undefined {
  const bytes = fields.get(name);
  if (bytes === undefined) return "";
  return isUtf8(bytes) ? Buffer.from(bytes).toString() : undefined;
}

/** Undefined where one that has to be text is none. */
export function requestFieldsIn(fields: Fields): RequestFields | undefined {
  const [pubkey, nonce, sig] = [textIn(fields, "pubkey"), textIn(fields, "nonce"), textIn(fields, "sig")];
  if (pubkey === undefined || nonce === undefined || sig === undefined) return undefined;
  return { pubkey, payload: fields.get("payload") ?? new Uint8Array(), nonce, sig };
}
