/**
 * Signed records of names, as their owner makes them and as anybody verifies them: `specs/formats/names.md`.
 *
 * Needs no more than a browser has: Ed25519 of WebCrypto, or a signer of one's own.
 */
import { blake3 } from "#client/blake3.ts";
import { isAddress, isRecord } from "#client/wire.ts";

/** What an owner says of a name. */
export interface NameStatement {
  /** The label: the name without the owner's key. */
  readonly name: string;
  /** 1 for the first record of the name, then one more each time. */
  readonly seq: number;
  /** Digest of the record before it, in hex; absent for the first. */
  readonly prev?: string | undefined;
  /** `b3:<64 hex>` for an object, `cepa:<64 hex>` for the root of a private one. */
  readonly value: string;
  /** Seconds since 1970 from which on the name leads nowhere; absent: never. */
  readonly exp?: number | undefined;
  /** The owner's public key, in hex. */
  readonly pub: string;
}

export interface NameRecord extends NameStatement {
  /** Ed25519, in hex. */
  readonly sig: string;
}

/** Whoever can sign for a key. The private half may stay wherever it is. */
export interface NameSigner {
  /** Ed25519, 64 hex digits. */
  readonly publicKey: string;
  sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

const PREFIX = new TextEncoder().encode("cepa-name/1 record");
const LABEL = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

/** What a label is, for messages. */
export const LABEL_FORM = "1 to 64 of a-z, 0-9 and, between them, '.', '_' and '-'";

export function isLabel(text: string): boolean {
  return LABEL.test(text);
}

/** `b3:` and 64 hex digits in lower case, or `cepa:` and 64. */
export function isNameValue(text: string): boolean {
  return isAddress(text) || /^cepa:[0-9a-f]{64}$/.test(text);
}

/** The two parts of `<public key>/<label>`; undefined when it is no name. */
export function parseName(text: string): { readonly publicKey: string; readonly label: string } | undefined {
  const [publicKey = "", label = "", ...more] = text.split("/");
  return isHex(publicKey, 32) && isLabel(label) && more.length === 0 ? { publicKey, label } : undefined;
}

/** A signer over a key of WebCrypto, `crypto.subtle.generateKey("Ed25519", …)`: the private half may be unextractable. */
export async function webCryptoSigner({
  publicKey,
  privateKey,
}: {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}): Promise<NameSigner> {
  const { subtle } = globalThis.crypto;
  return {
    publicKey: hexOf(new Uint8Array(await subtle.exportKey("raw", publicKey))),
    sign: async (bytes) => new Uint8Array(await subtle.sign("Ed25519", privateKey, bytes)),
  };
}

export async function signName(statement: NameStatement, signer: Pick<NameSigner, "sign">): Promise<NameRecord> {
  return { ...statement, sig: hexOf(await signer.sign(signedBytes(statement))) };
}

/** The bytes of a record, as they are sent. */
export function encodeName(record: NameRecord): Uint8Array<ArrayBuffer> {
  return encode(fieldsOf(record));
}

/** What the next record has to name as `prev`. */
export function digestOfName(statement: NameStatement): string {
  return blake3(signedBytes(statement));
}

/** Whether the owner of its key has signed it. */
export async function isSigned(record: NameRecord): Promise<boolean> {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey("raw", bytesOf(record.pub), "Ed25519", false, ["verify"]);
  return await subtle.verify("Ed25519", key, bytesOf(record.sig), signedBytes(record));
}

/** The record in a node's answer; undefined when it is none. Whether it is signed is another question. */
export function parseNameRecord(said: unknown): NameRecord | undefined {
  if (!isRecord(said)) return undefined;
  const { v, name, seq, prev, value, exp, pub, sig } = said;
  if (v !== 1 || typeof name !== "string" || !isLabel(name) || !isCount(seq)) return undefined;
  if (typeof value !== "string" || !isNameValue(value)) return undefined;
  if (seq === 1 ? prev !== undefined : !isHex(prev, 32)) return undefined;
  if ((exp !== undefined && !isCount(exp)) || !isHex(pub, 32) || !isHex(sig, 64)) return undefined;
  return { name, seq, prev: isHex(prev, 32) ? prev : undefined, value, exp, pub, sig };
}

function signedBytes({ sig: _, ...statement }: NameStatement & { readonly sig?: string }): Uint8Array<ArrayBuffer> {
  return joined([PREFIX, encode(fieldsOf(statement))]);
}

type Value = number | string | Uint8Array;

/** In the canonical order: by the length of the key, then by its bytes. */
function fieldsOf({
  name,
  seq,
  prev,
  value,
  exp,
  pub,
  sig,
}: NameStatement & { readonly sig?: string }): readonly (readonly [string, Value | undefined])[] {
  return [
    ["v", 1],
    ["exp", exp],
    ["pub", bytesOf(pub)],
    ["seq", seq],
    ["sig", sig === undefined ? undefined : bytesOf(sig)],
    ["name", name],
    ["prev", prev === undefined ? undefined : bytesOf(prev)],
    ["value", value],
  ];
}

/** DAG-CBOR of a map of at most 23 fields. */
function encode(fields: readonly (readonly [string, Value | undefined])[]): Uint8Array<ArrayBuffer> {
  const given = fields.flatMap(([key, value]) => (value === undefined ? [] : [encodeOne(key), encodeOne(value)]));
  return joined([headOf(5, given.length / 2), ...given]);
}

function encodeOne(value: Value): Uint8Array {
  if (typeof value === "number") return headOf(0, value);
  const isText = typeof value === "string";
  const bytes = isText ? new TextEncoder().encode(value) : value;
  return joined([headOf(isText ? 3 : 2, bytes.length), bytes]);
}

/** As short as the number allows. */
function headOf(major: number, count: number): Uint8Array {
  const type = major << 5;
  if (count < 24) return Uint8Array.of(type | count);
  const width = count < 2 ** 8 ? 1 : count < 2 ** 16 ? 2 : count < 2 ** 32 ? 4 : 8;
  const head = new Uint8Array(9);
  new DataView(head.buffer).setBigUint64(1, BigInt(count));
  head[8 - width] = type | (24 + Math.log2(width));
  return head.subarray(8 - width);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `hex` is an even number of digits. */
function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

function isHex(value: unknown, length: number): value is string {
  return typeof value === "string" && value.length === 2 * length && /^[0-9a-f]*$/.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}
