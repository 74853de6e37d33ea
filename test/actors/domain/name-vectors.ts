/**
 * The published records of names, made without the code of the node: DAG-CBOR is written here by hand. Run by itself it
 * writes `specs/formats/names.json`.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { digestOf } from "#runtime/pool/blake3.ts";

const file = new URL("../../../specs/formats/names.json", import.meta.url);

/** A record, and what a reader has to say of it. */
export interface RecordVector {
  readonly what: string;
  readonly record: string;
  readonly is: "good" | "malformed" | "bad-signature";
  readonly reason?: string;
  /** Of a good one. */
  readonly digest?: string;
}

export interface NameVectors {
  readonly keys: readonly { readonly seed: string; readonly pub: string }[];
  readonly records: readonly RecordVector[];
  readonly chains: readonly {
    readonly what: string;
    readonly steps: readonly { readonly record: string; readonly is: "set" | "known" | "conflict" | "frozen" }[];
  }[];
  readonly expiry: readonly { readonly record: string; readonly seconds: number; readonly isExpired: boolean }[];
}

type Value = number | bigint | string | Buffer;
type Fields = readonly (readonly [key: string, value: Value])[];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function head(major: number, count: number | bigint): Buffer {
  const type = major << 5;
  if (count < 24) return Buffer.of(type | Number(count));
  if (count < 256) return Buffer.of(type | 24, Number(count));
  if (count < 65_536) return Buffer.of(type | 25, Number(count) >> 8, Number(count) & 255);
  const long = Buffer.alloc(count < 2 ** 32 ? 5 : 9);
  long[0] = type | (long.length === 5 ? 26 : 27);
  if (long.length === 5) long.writeUInt32BE(Number(count), 1);
  else long.writeBigUInt64BE(BigInt(count), 1);
  return long;
}

function cbor(value: Value): Buffer {
  if (typeof value === "number" || typeof value === "bigint") return head(0, value);
  const bytes = Buffer.from(value);
  return Buffer.concat([head(typeof value === "string" ? 3 : 2, bytes.length), bytes]);
}

/** In the order given. */
function map(fields: Fields): Buffer {
  return Buffer.concat([head(5, fields.length), ...fields.flatMap(([key, value]) => [cbor(key), cbor(value)])]);
}

const sorted = (fields: Fields): Fields =>
  [...fields].sort(([one], [other]) => one.length - other.length || (one < other ? -1 : 1));

interface Key {
  readonly seed: string;
  readonly secret: KeyObject;
  readonly pub: Buffer;
}

function keyOf(byte: number): Key {
  const seed = Buffer.alloc(32, byte);
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const secret = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const pub = createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-32);
  return { seed: hex(seed), secret, pub };
}

const own = keyOf(1);
const other = keyOf(2);

interface Wanted {
  readonly key?: Key;
  readonly name?: Value;
  readonly seq?: Value;
  readonly prev?: Value | undefined;
  readonly value?: Value;
  readonly exp?: Value | undefined;
  readonly pub?: Value;
  readonly v?: Value;
  readonly extra?: Fields;
  readonly signer?: Key;
  readonly prefix?: string;
}

/** Of the object whose digest is 32 times `byte`. */
const addressOf = (byte: number): string => `b3:${hex(Buffer.alloc(32, byte))}`;

function signedFields({ key = own, v = 1, name = "site", seq = 1, prev, value, exp, pub, extra = [] }: Wanted): Fields {
  return sorted([
    ["v", v],
    ["name", name],
    ["seq", seq],
    ...(prev === undefined ? [] : [["prev", prev] as const]),
    ["value", value ?? addressOf(0xaa)],
    ...(exp === undefined ? [] : [["exp", exp] as const]),
    ["pub", pub ?? key.pub],
    ...extra,
  ]);
}

function signedOf(wanted: Wanted): Buffer {
  return Buffer.concat([Buffer.from(wanted.prefix ?? "cepa-name/1 record"), map(signedFields(wanted))]);
}

function fieldsOf(wanted: Wanted): Fields {
  const signature = sign(null, signedOf(wanted), (wanted.signer ?? wanted.key ?? own).secret);
  return sorted([...signedFields(wanted), ["sig", signature]]);
}

const recordOf = (wanted: Wanted): Buffer => map(fieldsOf(wanted));
const digest = (wanted: Wanted): Buffer => Buffer.from(digestOf(signedOf(wanted)));

const first: Wanted = {};
const second: Wanted = { seq: 2, prev: digest(first), value: addressOf(0xbb) };
const third: Wanted = {
  seq: 3,
  prev: digest(second),
  value: `cepa:${hex(Buffer.alloc(32, 0xcc))}`,
  exp: 1_800_000_000,
};
const rival: Wanted = { ...second, value: addressOf(0xdd) };
const longest: Wanted = {
  name: "a".repeat(64),
  seq: Number.MAX_SAFE_INTEGER,
  prev: Buffer.alloc(32, 7),
  value: `cepa:${hex(Buffer.alloc(32, 0xcc))}`,
  exp: Number.MAX_SAFE_INTEGER,
};

const good = (what: string, wanted: Wanted): RecordVector => ({
  what,
  record: hex(recordOf(wanted)),
  is: "good",
  digest: hex(digest(wanted)),
});
const malformed = (what: string, reason: string, bytes: Buffer): RecordVector => ({
  what,
  record: hex(bytes),
  is: "malformed",
  reason,
});
const forged = (what: string, bytes: Buffer): RecordVector => ({ what, record: hex(bytes), is: "bad-signature" });

/** The bits of `mask` are others in one byte. */
function flipped(bytes: Buffer, at: number, mask = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

/** A record whose `seq`, which is 1, is written in two bytes. */
function longSeq(): Buffer {
  const bytes = recordOf(first);
  const at = bytes.indexOf(cbor("seq")) + 4;
  return Buffer.concat([bytes.subarray(0, at), Buffer.of(0x18, 1), bytes.subarray(at + 1)]);
}

/** `S + L` in the place of `S`: the same equation holds, and the signature is another. */
function malleated(): Buffer {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const bytes = recordOf(first);
  const at = bytes.indexOf(cbor("sig")) + 4 + 2 + 32;
  const little = Buffer.from(bytes.subarray(at, at + 32)).reverse();
  const sum = (BigInt(`0x${hex(little)}`) + order).toString(16).padStart(64, "0");
  const copy = Buffer.from(bytes);
  copy.set(Buffer.from(sum, "hex").reverse(), at);
  return copy;
}

export function makeVectors(): NameVectors {
  const whole = recordOf(first);
  return {
    keys: [own, other].map(({ seed, pub }) => ({ seed, pub: hex(pub) })),
    records: [
      good("the first record of a name", first),
      good("the second one, which names it", second),
      good("one that leads to a private object and expires", third),
      good("the longest there is", longest),
      good("the same label of another key", { key: other }),
      good("a label with everything in it", { name: "0.a_b-c9" }),
      forged("a signature of somebody else", recordOf({ signer: other })),
      forged("a flipped bit in the signature", flipped(whole, whole.indexOf(cbor("sig")) + 6)),
      forged("a value that ends with b where a was signed", flipped(whole, whole.length - 1, 3)),
      forged("a signature over something else than a record", recordOf({ prefix: "cepa-name/2 record" })),
      forged("a signature over the map alone", recordOf({ prefix: "" })),
      forged("a signature whose S is over the order of the group", malleated()),
      forged("a key that is none of the curve", recordOf({ pub: Buffer.alloc(32, 2) })),
      malformed("more bytes than a record has", "too-large", recordOf({ extra: [["x", "y".repeat(400)]] })),
      malformed("keys in another order", "not-canonical", map([...fieldsOf(first)].reverse())),
      malformed("a number that could be shorter", "not-canonical", longSeq()),
      malformed("a byte behind the record", "not-canonical", Buffer.concat([whole, Buffer.of(0)])),
      malformed("a record that breaks off", "not-canonical", whole.subarray(0, -1)),
      malformed("nothing", "not-canonical", Buffer.alloc(0)),
      malformed("text instead of a map", "not-a-map", cbor("record")),
      malformed("another version", "unknown-version", recordOf({ v: 2 })),
      malformed("a field that is not known", "unknown-field", recordOf({ extra: [["note", "hello"]] })),
      malformed("an empty label", "bad-name", recordOf({ name: "" })),
      malformed("a label that is too long", "bad-name", recordOf({ name: "a".repeat(65) })),
      malformed("a label in capitals", "bad-name", recordOf({ name: "Site" })),
      malformed("a label that ends with a dot", "bad-name", recordOf({ name: "site." })),
      malformed("a label that goes up", "bad-name", recordOf({ name: ".." })),
      malformed("a label with a line end behind it", "bad-name", recordOf({ name: "site\n" })),
      malformed("no first record has seq 0", "bad-seq", recordOf({ seq: 0 })),
      malformed("a seq past 2^53 - 1", "bad-seq", recordOf({ seq: 2n ** 53n, prev: Buffer.alloc(32, 7) })),
      malformed("a first record that names one before it", "bad-prev", recordOf({ prev: Buffer.alloc(32, 7) })),
      malformed("a later record that names none", "bad-prev", recordOf({ seq: 2 })),
      malformed("a prev of 31 bytes", "bad-prev", recordOf({ seq: 2, prev: Buffer.alloc(31, 7) })),
      malformed("a value that is bytes", "bad-value", recordOf({ value: Buffer.alloc(32, 7) })),
      malformed("a value in capitals", "bad-value", recordOf({ value: addressOf(0xaa).toUpperCase() })),
      malformed("a private link with its key", "bad-value", recordOf({ value: `cepa:${"c".repeat(64)}#key` })),
      malformed("an exp of 0", "bad-exp", recordOf({ exp: 0 })),
      malformed("a key of 31 bytes", "bad-pub", recordOf({ pub: own.pub.subarray(1) })),
      malformed("a signature of 63 bytes", "bad-sig", map(shortened(fieldsOf(first)))),
      malformed("no signature", "bad-sig", map(signedFields(first))),
    ],
    chains: [
      {
        what: "each record follows on the one before it; the current one once more is known, an older one is not next",
        steps: [
          { record: hex(recordOf(first)), is: "set" },
          { record: hex(recordOf(first)), is: "known" },
          { record: hex(recordOf(third)), is: "conflict" },
          { record: hex(recordOf(second)), is: "set" },
          { record: hex(recordOf(first)), is: "conflict" },
          { record: hex(recordOf({ ...third, prev: digest(first) })), is: "conflict" },
          { record: hex(recordOf(third)), is: "set" },
          { record: hex(recordOf(third)), is: "known" },
        ],
      },
      {
        what: "a name begins with seq 1",
        steps: [{ record: hex(recordOf(second)), is: "conflict" }],
      },
      {
        what: "two records with the seq of the current one freeze the name",
        steps: [
          { record: hex(recordOf(first)), is: "set" },
          { record: hex(recordOf(second)), is: "set" },
          { record: hex(recordOf(rival)), is: "frozen" },
          { record: hex(recordOf(second)), is: "frozen" },
          { record: hex(recordOf(third)), is: "frozen" },
        ],
      },
      {
        what: "so do two with the seq of an older one, and two that differ in when they expire",
        steps: [
          { record: hex(recordOf(first)), is: "set" },
          { record: hex(recordOf(second)), is: "set" },
          { record: hex(recordOf({ ...first, exp: 1_800_000_000 })), is: "frozen" },
        ],
      },
    ],
    expiry: [
      { record: hex(recordOf(third)), seconds: 1_799_999_999, isExpired: false },
      { record: hex(recordOf(third)), seconds: 1_800_000_000, isExpired: true },
      { record: hex(recordOf(first)), seconds: Number.MAX_SAFE_INTEGER, isExpired: false },
    ],
  };
}

function shortened(fields: Fields): Fields {
  return fields.map(([key, value]) => [key, key === "sig" && Buffer.isBuffer(value) ? value.subarray(1) : value]);
}

/** What is published, as text. */
export const vectorsFile: URL = file;

if (import.meta.main) writeFileSync(file, `${JSON.stringify(makeVectors(), null, 2)}\n`);
