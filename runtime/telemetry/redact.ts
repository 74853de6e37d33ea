/**
 * Makes anything fit for a log line: bounded, plain, without what looks like a secret.
 *
 * A name is sensitive by its words, so `apiKey`, `api_key` and `API-KEY` are, and `keyboard` is not. Known shapes of
 * secrets are also masked inside strings. This is the last line of defence: callers do not log secrets at all.
 */
import type { LogFields } from "#runtime/telemetry/log.ts";

/** What stands in the place of a sensitive value. */
export const redacted = "[redacted]";
/** Longest string kept, in characters; the rest is cut and its length said. */
export const logStringLengthMax = 1024;
/** Objects inside each other; deeper ones become `[deep]`. */
export const logDepthMax = 6;
/** Values of one line, members of lists included; further ones are left out and `[more]` says so. */
export const logValuesMax = 256;

/** Words that make a name sensitive. Singular: a plural `s` is ignored. */
const SENSITIVE_WORDS: ReadonlySet<string> = new Set([
  "authorization",
  "bearer",
  "cookie",
  "credential",
  "key",
  "macaroon",
  "mnemonic",
  "passphrase",
  "passwd",
  "password",
  "pin",
  "pwd",
  "secret",
  "token",
]);
/** Sensitive names written as one word. */
const SENSITIVE_NAME = /apikey|authtoken|accesskey|secretkey|privatekey|setcookie/;

const MASKS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // The user part of a URL, as in `postgres://user:password@host`.
  [/(:\/\/)[^/\s@]+@/g, `$1${redacted}@`],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${redacted}`],
  // The fragment of a share link is the key of the object.
  [/(cepa:[0-9a-z:]+)#\S+/g, `$1#${redacted}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
];

/** A copy that shares nothing with `fields`. */
export function redactFields(fields: LogFields): Record<string, unknown> {
  return copyMembers(fields, 0, { left: logValuesMax });
}

/** Whether a value under this name is hidden. */
export function isSensitiveName(name: string): boolean {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/);
  return words.some((word) => SENSITIVE_WORDS.has(word.replace(/s$/, "")) || SENSITIVE_NAME.test(word));
}

/** Values that one line may still take. */
interface Allowance {
  left: number;
}

function copyMembers(members: object, depth: number, allowance: Allowance): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(members)) {
    if (allowance.left <= 0) {
      copy["[more]"] = true;
      break;
    }
    const shortName = name.slice(0, 100);
    const isNothing = value === undefined || value === null;
    copy[shortName] = isSensitiveName(name) && !isNothing ? redacted : copyValue(value, depth, allowance);
  }
  return copy;
}

function copyValue(value: unknown, depth: number, allowance: Allowance): unknown {
  allowance.left -= 1;
  switch (typeof value) {
    case "string":
      return maskString(value);
    case "bigint":
    case "symbol":
      return String(value);
    case "function":
      return "[function]";
    case "object":
      return value === null ? null : copyReadable(value, depth, allowance);
    default:
      return value;
  }
}

/** What is logged may be anything that was thrown, also what throws when it is looked at. */
function copyReadable(value: object, depth: number, allowance: Allowance): unknown {
  try {
    return copyObject(value, depth, allowance);
  } catch {
    return "[unreadable]";
  }
}

function copyObject(value: object, depth: number, allowance: Allowance): unknown {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
  if (depth >= logDepthMax) return "[deep]";
  if (value instanceof Error) return copyError(value, depth, allowance);
  if (Array.isArray(value)) return copyItems(value, depth, allowance);
  if (value instanceof Map) return copyMembers(Object.fromEntries(value), depth + 1, allowance);
  if (value instanceof Set) return copyItems([...value], depth, allowance);
  return copyMembers(value, depth + 1, allowance);
}

function copyItems(items: readonly unknown[], depth: number, allowance: Allowance): unknown[] {
  const copy: unknown[] = [];
  for (const item of items) {
    if (allowance.left <= 0) {
      copy.push("[more]");
      break;
    }
    copy.push(copyValue(item, depth + 1, allowance));
  }
  return copy;
}

/** The members of an error that is not ours may hold anything; name, message, stack and cause are what helps. */
function copyError(error: Error, depth: number, allowance: Allowance): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of ["name", "message", "stack", "cause"] as const) {
    if (error[name] !== undefined) copy[name] = copyValue(error[name], depth + 1, allowance);
  }
  return copy;
}

function maskString(text: string): string {
  // Cut first: a pattern must not be run over megabytes. What the cut leaves of a secret is still masked.
  let masked = text.length > logStringLengthMax ? text.slice(0, logStringLengthMax) : text;
  for (const [pattern, replacement] of MASKS) masked = masked.replaceAll(pattern, replacement);
  return text.length > logStringLengthMax ? `${masked}… (${text.length} characters)` : masked;
}
