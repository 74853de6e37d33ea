/** What a producer says of itself when it registers: for people who decide, never for a decision here. */
import { isJsonObject, type JsonObject, type JsonValue } from "#actors/domain/json-value.ts";

/** Characters of a hint, of a contact, or of a name or a value in `meta`. */
export const SAID_LENGTH_MAX = 512;
/** Members of `meta`. */
export const SAID_META_MAX = 32;

export interface Said {
  readonly hint: string | undefined;
  readonly contact: string | undefined;
  readonly meta: Readonly<Record<string, string>>;
  /** Whose further key it is: any text. */
  readonly producerId: string | undefined;
}

/** Members of other names are not looked at. Undefined where one of ours is not what it has to be. */
export function saidIn(payload: JsonObject): Said | undefined {
  const hint = payload["producer_hint"];
  const contact = payload["contact"];
  const meta = payload["meta"] ?? {};
  const producerId = payload["producer_id"];
  if (!isMaybeText(hint) || !isMaybeText(contact) || !isMaybeText(producerId) || !isJsonObject(meta)) return undefined;
  const members = Object.entries(meta);
  if (members.length > SAID_META_MAX) return undefined;
  const texts: (readonly [string, string])[] = [];
  for (const [name, value] of members) {
    if (name.length > SAID_LENGTH_MAX || !isText(value)) return undefined;
    texts.push([name, value]);
  }
  return { hint, contact, meta: Object.fromEntries(texts), producerId };
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.length <= SAID_LENGTH_MAX;
}

function isMaybeText(value: JsonValue | undefined): value is string | undefined {
  return value === undefined || isText(value);
}
