/**
 * A dictionary of RFC 9651 whose values are all of one type, as the fields of RFC 9530 are.
 *
 * Parameters are skipped, the last of equal keys counts, and a list inside is not a value of that type.
 */

const KEY = "[a-z*][a-z0-9_.*-]*";
const BYTES = ":[A-Za-z0-9+/]*={0,2}:";
const INTEGER = "-?\\d{1,15}";
const STRING = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"';
const TOKEN = "[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*";
/** Integers are decimals without their point. */
const BARE_ITEM = `(?:${INTEGER}(?:\\.\\d{1,3})?|${STRING}|${TOKEN}|${BYTES}|\\?[01])`;
const PARAMETERS = `(?:; *${KEY}(?:=${BARE_ITEM})?)*`;

/** `:YmFzZTY0:` or a whole number. */
export type DictionaryValue = "bytes" | "integer";

const MEMBERS: Readonly<Record<DictionaryValue, RegExp>> = {
  bytes: new RegExp(`(${KEY})=(${BYTES})${PARAMETERS}`, "y"),
  integer: new RegExp(`(${KEY})=(${INTEGER})(?!\\.)${PARAMETERS}`, "y"),
};

const COMMA = /[ \t]*,[ \t]*/y;

/** Key to value, as it is written; undefined for a field that is no such dictionary. An empty field is an empty one. */
export function parseDictionary(field: string, type: DictionaryValue): ReadonlyMap<string, string> | undefined {
  const text = field.trim();
  const members = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    const member = matchAt(MEMBERS[type], text, at);
    if (member === null) return undefined;
    const [whole, key = "", value = ""] = member;
    members.set(key, value);
    at += whole.length;
    if (at === text.length) break;
    const comma = matchAt(COMMA, text, at);
    // A comma announces a member.
    if (comma === null || at + comma[0].length === text.length) return undefined;
    at += comma[0].length;
  }
  return members;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
