/**
 * A second reader of names, written from `specs/formats/names.md` alone: its own DAG-CBOR, its own rules, its own chain.
 * It shares no code with the node but BLAKE3.
 */
import { createPublicKey, verify } from "node:crypto";
import { digestOf } from "#runtime/pool/blake3.ts";

export interface ReadRecord {
  readonly name: string;
  readonly seq: number;
  readonly exp: number | undefined;
  readonly prev: string | undefined;
  readonly pub: string;
  readonly digest: string;
}

export type Reading = ReadRecord | "malformed" | "bad-signature";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Pairs of a map of texts, byte strings and whole numbers, with where each pair begins and ends. */
interface Pair {
  readonly key: string;
  readonly value: number | string | Buffer;
  readonly bytes: Buffer;
}

function readPairs(bytes: Buffer): readonly Pair[] | undefined {
  let at = 0;
  const item = (): { readonly major: number; readonly count: number } | undefined => {
    const first = bytes[at] ?? 0xff;
    const size = [24, 25, 26, 27].indexOf(first & 31);
    if ((first & 31) > 27) return undefined;
    at += 1;
    if (size < 0) return { major: first >> 5, count: first & 31 };
    const width = 2 ** size;
    if (at + width > bytes.length) return undefined;
    const count = BigInt(`0x${bytes.toString("hex", at, at + width)}`);
    at += width;
    // As short as can be, and no more than a number holds.
    const least = [24n, 256n, 65_536n, 4_294_967_296n][size] ?? 0n;
    return count < least || count > BigInt(Number.MAX_SAFE_INTEGER)
      ? undefined
      : { major: first >> 5, count: Number(count) };
  };
  const value = (): number | string | Buffer | undefined => {
    const head = item();
    if (head === undefined || ![0, 2, 3].includes(head.major)) return undefined;
    if (head.major === 0) return head.count;
    const part = bytes.subarray(at, at + head.count);
    at += head.count;
    if (part.length !== head.count) return undefined;
    if (head.major === 2) return part;
    const text = part.toString("utf8");
    return Buffer.from(text).equals(part) ? text : undefined;
  };

  const map = item();
  if (map?.major !== 5) return undefined;
  const pairs: Pair[] = [];
  while (pairs.length < map.count) {
    const from = at;
    const key = value();
    const said = key === undefined ? undefined : value();
    if (typeof key !== "string" || said === undefined) return undefined;
    const last = pairs.at(-1)?.key;
    const isInOrder = last === undefined || last.length < key.length || (last.length === key.length && last < key);
    if (!isInOrder) return undefined;
    pairs.push({ key, value: said, bytes: bytes.subarray(from, at) });
  }
  return at === bytes.length ? pairs : undefined;
}

export function readRecord(given: Uint8Array): Reading {
  const bytes = Buffer.from(given);
  const pairs = bytes.length > 512 ? undefined : readPairs(bytes);
  if (pairs === undefined) return "malformed";
  const { v, name, seq, prev, value, exp, pub, sig, ...others } = Object.fromEntries(
    pairs.map((pair) => [pair.key, pair.value]),
  );
  if (Object.keys(others).length > 0 || v !== 1) return "malformed";
  const isLabel = typeof name === "string" && name.length <= 64 && /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(name);
  const isCount = (one: unknown): one is number => typeof one === "number" && one >= 1;
  const isBytes = (one: unknown, length: number): one is Buffer => Buffer.isBuffer(one) && one.length === length;
  if (!isLabel || !isCount(seq) || !isBytes(pub, 32) || !isBytes(sig, 64)) return "malformed";
  if (seq === 1 ? prev !== undefined : !isBytes(prev, 32)) return "malformed";
  if (typeof value !== "string" || !/^(b3|cepa):[0-9a-f]{64}$/.test(value)) return "malformed";
  if (exp !== undefined && !isCount(exp)) return "malformed";

  // The map without one of its pairs is that many bytes less, and has one pair less in its head.
  const signedPairs = pairs.filter(({ key }) => key !== "sig").map((pair) => pair.bytes);
  const signed = Buffer.concat([
    Buffer.from("cepa-name/1 record"),
    Buffer.of(0xa0 | signedPairs.length),
    ...signedPairs,
  ]);
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), pub]);
  if (!verify(null, signed, createPublicKey({ key: der, format: "der", type: "spki" }), sig)) return "bad-signature";
  const before = isBytes(prev, 32) ? hex(prev) : undefined;
  return { name, seq, exp, prev: before, pub: hex(pub), digest: hex(digestOf(signed)) };
}

/** One name, as the page tells it: everything kept, nothing forgotten. */
export class NaiveName {
  readonly records: ReadRecord[] = [];
  isFrozen = false;

  set(record: ReadRecord): "set" | "known" | "conflict" | "frozen" {
    const current = this.records.at(-1);
    const same = this.records.find(({ seq }) => seq === record.seq);
    if (same !== undefined && same.digest !== record.digest) this.isFrozen = true;
    if (this.isFrozen) return "frozen";
    if (current !== undefined && current.digest === record.digest) return "known";
    if (record.seq !== this.records.length + 1 || record.prev !== current?.digest) return "conflict";
    this.records.push(record);
    return "set";
  }
}
