/**
 * The signed record of a name: where it leads, and which record it replaces (`specs/formats/names.md`).
 *
 * It is canonical DAG-CBOR, `{v: 1, name, seq, prev?, value, exp?, pub, sig}`. The signature covers `SIGNED_PREFIX` and
 * the same map without `sig`; the digest of a record is the BLAKE3-256 of just that, so that another signature over the
 * same words is no other record.
 *
 * Invariants of everything that `decodeNameRecord` accepts:
 * - encoding it again gives the same bytes: it has no field that is not named here;
 * - `prev` is there exactly if `seq` is above 1.
 */
import { createPublicKey, verify } from "node:crypto";
import { bytesFromDigest, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { decodeDag, encodeDag } from "#actors/domain/dag.ts";
import {
  type Name,
  type NameValue,
  type PublicKey,
  parseLabel,
  parseNameValue,
  parsePublicKey,
} from "#actors/domain/name.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { second } from "#runtime/units.ts";

/** Bytes of a record. The longest one there can be has 327. */
export const NAME_RECORD_BYTES_MAX = 512;

/** What the signed bytes begin with, so that a signature over a record can be one over nothing else. */
export const SIGNED_PREFIX: Uint8Array = new TextEncoder().encode("cepa-name/1 record");

/** What an owner says of a name. */
export interface NameStatement extends Name {
  /** 1 for the first record of the name, then one more each time. */
  readonly seq: number;
  /** Digest of the record before it; undefined for the first. */
  readonly prev: Digest | undefined;
  readonly value: NameValue;
  /** Seconds since 1970 from which on it leads nowhere; undefined: never. */
  readonly exp: number | undefined;
}

export interface NameRecord extends NameStatement {
  readonly signature: Uint8Array;
  /** All of it, as it was signed and is passed on. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** Not a record. Final. */
export interface NameMalformed extends Failure<"name.malformed"> {
  readonly reason: NameMalformedReason;
}

/** A record that the owner of its key has not signed. Final. */
export type BadSignature = Failure<"name.bad-signature">;

export type NameMalformedReason =
  | "too-large"
  | "not-canonical"
  | "not-a-map"
  | "unknown-version"
  | "unknown-field"
  | "bad-name"
  | "bad-seq"
  | "bad-prev"
  | "bad-value"
  | "bad-exp"
  | "bad-pub"
  | "bad-sig";

type Fields = Readonly<Record<string, unknown>>;

const KNOWN_FIELDS: ReadonlySet<string> = new Set(["v", "name", "seq", "prev", "value", "exp", "pub", "sig"]);
const SIGNATURE_LENGTH = 64;

/** The record in `bytes`, which keep their memory, if the owner of its key has signed it. */
export function verifyNameRecord(bytes: Uint8Array): Result<NameRecord, NameMalformed | BadSignature> {
  const fields = decodeFields(bytes);
  if (!fields.ok) return fields;
  const record = recordOf(fields.value, bytes);
  if (!record.ok) return record;
  const { publicKey, signature } = record.value;
  const isSigned = isSignedBy(publicKey, signedBytes(record.value), signature);
  return isSigned ? record : fail({ code: "name.bad-signature" });
}

/** The same for bytes that were verified before, when they were written down. */
export function decodeNameRecord(bytes: Uint8Array): Result<NameRecord, NameMalformed> {
  const fields = decodeFields(bytes);
  return fields.ok ? recordOf(fields.value, bytes) : fields;
}

/** What the owner signs. */
export function signedBytes(statement: NameStatement): Uint8Array {
  return Buffer.concat([SIGNED_PREFIX, encodeDag(fieldsOf(statement))]);
}

/** The record of a statement and its signature. */
export function encodeNameRecord(statement: NameStatement, signature: Uint8Array): Uint8Array {
  return encodeDag({ ...fieldsOf(statement), sig: signature });
}

/** By a clock of people: a name may come back when that is put right. */
export function isExpired({ exp }: NameStatement, wallMs: number): boolean {
  return exp !== undefined && exp * second <= wallMs;
}

function fieldsOf({ label, seq, prev, value, exp, publicKey }: NameStatement): Fields {
  return {
    v: 1,
    name: label,
    seq,
    value,
    pub: Buffer.from(publicKey, "hex"),
    ...(prev === undefined ? {} : { prev: bytesFromDigest(prev) }),
    ...(exp === undefined ? {} : { exp }),
  };
}

function decodeFields(bytes: Uint8Array): Result<Fields, NameMalformed> {
  if (bytes.length > NAME_RECORD_BYTES_MAX) return malformed("too-large");
  const decoded = decodeDag(bytes);
  if (decoded === undefined) return malformed("not-canonical");
  const { value } = decoded;
  if (!isMap(value)) return malformed("not-a-map");
  if (value["v"] !== 1) return malformed("unknown-version");
  return Object.keys(value).every((key) => KNOWN_FIELDS.has(key)) ? ok(value) : malformed("unknown-field");
}

function recordOf(
  { name, seq, prev, value, exp, pub, sig }: Fields,
  bytes: Uint8Array,
): Result<NameRecord, NameMalformed> {
  const label = typeof name === "string" ? parseLabel(name) : undefined;
  if (label === undefined) return malformed("bad-name");
  if (!isCount(seq)) return malformed("bad-seq");
  if (seq === 1 ? prev !== undefined : !isBytes(prev, 32)) return malformed("bad-prev");
  const target = typeof value === "string" ? parseNameValue(value) : undefined;
  if (target === undefined) return malformed("bad-value");
  if (exp !== undefined && !isCount(exp)) return malformed("bad-exp");
  const publicKey = isBytes(pub, 32) ? parsePublicKey(Buffer.from(pub).toString("hex")) : undefined;
  if (publicKey === undefined) return malformed("bad-pub");
  if (!isBytes(sig, SIGNATURE_LENGTH)) return malformed("bad-sig");

  const before = isBytes(prev, 32) ? digestFromBytes(prev) : undefined;
  const statement = { label, publicKey, seq, prev: before, value: target, exp };
  return ok({ ...statement, signature: sig, bytes, digest: digestFromBytes(digestOf(signedBytes(statement))) });
}

function isSignedBy(publicKey: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(publicKey, "hex").toString("base64url");
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verify(null, message, key, signature);
  } catch {
    // The library throws on what cannot be a key: nothing is signed by it.
    return false;
  }
}

function malformed(reason: NameMalformedReason): Result<never, NameMalformed> {
  return fail({ code: "name.malformed", reason });
}

function isMap(value: unknown): value is Fields {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Uint8Array) && !("asCID" in value);
}

/** A whole number from 1. */
function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}

function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}
