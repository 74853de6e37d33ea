/** Owners of names, and records that they signed. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import {
  type Label,
  type NameValue,
  type PublicKey,
  parseLabel,
  parseNameValue,
  parsePublicKey,
} from "#actors/domain/name.ts";
import {
  decodeNameRecord,
  encodeNameRecord,
  type NameRecord,
  type NameStatement,
  signedBytes,
} from "#actors/domain/name-record.ts";
import { assert, must } from "#runtime/errors.ts";

export interface TestSigner {
  readonly publicKey: PublicKey;
  readonly key: KeyObject;
}

const signers = new Map<number, TestSigner>();

/** The owner that is made of 32 times `byte`. */
export function signerOf(byte: number): TestSigner {
  const known = signers.get(byte);
  if (known !== undefined) return known;
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, byte)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = parsePublicKey(spki.subarray(-32).toString("hex"));
  assert(publicKey !== undefined, "a key has 32 bytes");
  const signer = { publicKey, key };
  signers.set(byte, signer);
  return signer;
}

/** Of an object whose digest is 32 times `byte`. */
export function objectValue(byte: number): NameValue {
  const value = parseNameValue(`b3:${Buffer.alloc(32, byte).toString("hex")}`);
  assert(value !== undefined, "32 bytes make an address");
  return value;
}

/** What is not given is that of the first record of the label `site`. */
export function signedRecord({ publicKey, key }: TestSigner, wanted: Partial<NameStatement> = {}): NameRecord {
  const plain = { label: labelOf("site"), seq: 1, prev: undefined, value: objectValue(0xaa), exp: undefined };
  const statement = { ...plain, ...wanted, publicKey };
  const bytes = encodeNameRecord(statement, sign(null, signedBytes(statement), key));
  // As it comes from the network and from the disk: no Buffer.
  return must(decodeNameRecord(new Uint8Array(bytes)), "a record that was signed");
}

/** The record that follows on `before`. */
export function nextRecord(signer: TestSigner, before: NameRecord, wanted: Partial<NameStatement> = {}): NameRecord {
  return signedRecord(signer, { label: before.label, seq: before.seq + 1, prev: before.digest, ...wanted });
}

export function labelOf(text: string): Label {
  const label = parseLabel(text);
  assert(label !== undefined, `${text} is a label`);
  return label;
}
