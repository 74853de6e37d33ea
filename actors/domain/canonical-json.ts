/**
 * JSON that is signed: which bytes are taken for a document, and the one text that RFC 8785 has for a value.
 *
 * A producer signs the bytes that it sends, and the node verifies those and no others (`specs/formats/canonical-json.md`).
 * They are taken in either of the forms that producers make: RFC 8785, or sorted and compact with whatever escapes and
 * spellings of numbers a language has. Where the signature is over a text that was not sent, as with the body of an
 * admin's request, the body is read in any form and written anew. -0 is taken, as Go and Python write it, and written as 0.
 *
 * Bytes are taken, not text: whoever makes text of them first has put U+FFFD where they are no UTF-8, and verifies others
 * than those that came.
 */
import { isUtf8 } from "node:buffer";
import canonicalize from "canonicalize";
import { type JsonForm, JsonReader, type ReaderProblem } from "#actors/domain/json-reader.ts";
import type { JsonValue } from "#actors/domain/json-value.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Bytes of a document, looked at before anything else. */
export const JSON_BYTES_MAX: number = 1 * MiB;

/** Not taken as a document. Final: the same bytes will never be. */
export interface JsonRefused extends Failure<"json.refused"> {
  readonly problem: JsonProblem;
  /** Where that begins; 0 for `too-long` and `not-utf8`, which are said of the whole. */
  readonly offsetBytes: number;
}

/** `specs/formats/canonical-json.md` says what each means. */
export type JsonProblem = ReaderProblem | "too-long" | "not-utf8";

/** What `bytes` say, if they are a document of which they can be the signed bytes. Keys are data, `__proto__` too. */
export function readCanonical(bytes: Uint8Array): Result<JsonValue, JsonRefused> {
  return read(bytes, "canonical");
}

/** The same of a document with any white space and any order of members: all else is as strict. */
export function readJson(bytes: Uint8Array): Result<JsonValue, JsonRefused> {
  return read(bytes, "any");
}

/**
 * What a text says that this node wrote, as Postgres gives `jsonb` back: in any order, and with doubles like 1e20 as integers.
 * It stands for `JSON.parse`, which may take one key for another (`json-reader.ts`). Text that is no such document is a defect.
 */
export function readStored(text: string): JsonValue {
  const reader = new JsonReader(text, "stored");
  const value = reader.document();
  assert(value !== undefined, `what was stored is a document: ${reader.problem} at ${reader.at}`);
  return value;
}

/**
 * The text of RFC 8785. Of whatever was read here there is one; to write NaN, or half a surrogate pair, is a defect.
 *
 * It can be read again, but for one case: a double from 2^53 up to 10^21 is an integer in this text, whether it was read as
 * `1e20` or not, and an unsafe one is refused. Who signs never meets it (`client/canonical-json.ts`),
 * and what is stored is read by `readStored`.
 */
export function canonicalText(value: JsonValue): string {
  const text = canonicalize(value);
  assert(text !== undefined, "every JSON value has a text");
  return text;
}

function read(bytes: Uint8Array, form: JsonForm): Result<JsonValue, JsonRefused> {
  if (bytes.length > JSON_BYTES_MAX) return refused("too-long", 0);
  if (!isUtf8(bytes)) return refused("not-utf8", 0);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const reader = new JsonReader(text, form);
  const value = reader.document();
  return value === undefined ? refused(reader.problem, Buffer.byteLength(text.slice(0, reader.at))) : ok(value);
}

function refused(problem: JsonProblem, offsetBytes: number): Result<never, JsonRefused> {
  return fail({ code: "json.refused", problem, offsetBytes });
}
