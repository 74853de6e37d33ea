/**
 * The published vectors of private objects, by an implementation that has the whole object in memory and follows the
 * words of `specs/formats/private.md` and `manifest.md`. It shares no code with the client. Run by itself it writes
 * `specs/formats/private.json`.
 */
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { blake3 } from "@napi-rs/blake-hash";

const file = new URL("../../specs/formats/private.json", import.meta.url);

export interface ObjectVector {
  readonly link: string;
  /** Of noise. */
  readonly bytes: number;
  readonly name: string;
  readonly mediaType: string;
  readonly manifest: string;
  readonly chunks: readonly string[];
  readonly begins: string;
  readonly ends: string;
}

export interface RefusedVector {
  readonly what: string;
  readonly of: number;
  readonly parts: readonly (readonly [from: number, to: number])[];
  readonly flip?: number;
  readonly link: string;
}

export interface Vectors {
  readonly objects: readonly ObjectVector[];
  readonly refused: readonly RefusedVector[];
  readonly refusedEndings: readonly { readonly what: string; readonly ending: string; readonly link: string }[];
  readonly refusedManifests: readonly { readonly what: string; readonly manifest: string; readonly link: string }[];
  readonly refusedLinks: readonly string[];
}

const SEGMENT = 65536;
const CHUNK = 16 * SEGMENT;
const SEGMENT_ROOM = SEGMENT - 16;
const CHUNK_ROOM = 16 * SEGMENT_ROOM;
const BOUND_TO = Buffer.from("cepa-private/1 object");

/** What is said of an object beside its bytes. */
export interface Said {
  readonly name?: string;
  readonly mediaType?: string;
}

/** The content of vectors: the digests of `cepa noise 0`, `cepa noise 1` … one behind the other. */
export function noise(bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, index) =>
    blake3(Buffer.from(`cepa noise ${index}`)),
  );
  return Buffer.concat(blocks, bytes);
}

/** The ciphertext of a whole content. */
export function sealNaively(content: Buffer, key: Buffer, { name = "", mediaType = "" }: Said): Buffer {
  const footer = Buffer.alloc(10);
  footer.writeBigUInt64BE(BigInt(content.length));
  footer.writeUInt8(Buffer.byteLength(name), 8);
  footer.writeUInt8(Buffer.byteLength(mediaType), 9);
  return encrypt(content, Buffer.concat([Buffer.from(name), Buffer.from(mediaType), footer]), key);
}

/** `content` at the beginning, `ending` at the end, zeros between. */
function encrypt(content: Buffer, ending: Buffer, key: Buffer): Buffer {
  const plain = Buffer.alloc(Math.ceil((content.length + ending.length) / CHUNK_ROOM) * CHUNK_ROOM);
  content.copy(plain);
  ending.copy(plain, plain.length - ending.length);
  const segments: Buffer[] = [];
  for (let at = 0; at < plain.length; at += SEGMENT_ROOM) {
    const nonce = nonceOf(at / SEGMENT_ROOM, at + SEGMENT_ROOM === plain.length);
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(BOUND_TO);
    segments.push(cipher.update(plain.subarray(at, at + SEGMENT_ROOM)), cipher.final(), cipher.getAuthTag());
  }
  return Buffer.concat(segments);
}

/** The content and what is said of it; throws when a tag does not fit. */
export function openNaively(ciphertext: Buffer, key: Buffer): Said & { readonly content: Buffer } {
  const pieces: Buffer[] = [];
  for (let at = 0; at < ciphertext.length; at += SEGMENT) {
    const nonce = nonceOf(at / SEGMENT, at + SEGMENT === ciphertext.length);
    const cipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(BOUND_TO);
    cipher.setAuthTag(ciphertext.subarray(at + SEGMENT_ROOM, at + SEGMENT));
    pieces.push(cipher.update(ciphertext.subarray(at, at + SEGMENT_ROOM)), cipher.final());
  }
  const plain = Buffer.concat(pieces);
  const footer = plain.subarray(-10);
  const typeAt = plain.length - 10 - footer.readUInt8(9);
  const nameAt = typeAt - footer.readUInt8(8);
  return {
    content: plain.subarray(0, Number(footer.readBigUInt64BE())),
    name: plain.toString("utf8", nameAt, typeAt),
    mediaType: plain.toString("utf8", typeAt, plain.length - 10),
  };
}

function nonceOf(segment: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(segment), 3);
  nonce.writeUInt8(isLast ? 1 : 0, 11);
  return nonce;
}

/** The root of a manifest of up to 1024 chunks. Keys of a map are in order of length, then of their bytes. */
function rootOf(lengths: readonly number[], digests: readonly string[], enc: Readonly<Record<string, string>>): Buffer {
  const size = lengths.reduce((sum, length) => sum + length, 0);
  const links = digests.map((digest, index) => {
    const cid = Buffer.concat([Buffer.from("000155" + "1e20", "hex"), Buffer.from(digest, "hex")]);
    return Buffer.concat([head(4, 2), head(0, lengths[index] ?? 0), head(6, 42), head(2, cid.length), cid]);
  });
  const encFields = Object.entries(enc).flatMap(([name, value]) => [text(name), text(value)]);
  return Buffer.concat([
    head(5, 5),
    ...[text("v"), head(0, 2)],
    ...[text("enc"), head(5, Object.keys(enc).length), ...encFields],
    ...[text("size"), head(0, size)],
    ...[text("links"), head(4, links.length), ...links],
    ...[text("chunker"), text("fixed/1")],
  ]);
}

/** The manifest that the store makes of such ciphertext. */
export function manifestOf(ciphertext: Buffer): Buffer {
  const digests = digestsOf(ciphertext);
  const lengths = digests.map((_, index) => Math.min(CHUNK, ciphertext.length - index * CHUNK));
  return rootOf(lengths, digests, { format: "cepa-private/1" });
}

function digestsOf(ciphertext: Buffer): readonly string[] {
  const digests: string[] = [];
  for (let at = 0; at < ciphertext.length; at += CHUNK) digests.push(hash(ciphertext.subarray(at, at + CHUNK)));
  return digests;
}

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.of((major << 5) | value);
  const bytes = value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : 4;
  const encoded = Buffer.alloc(1 + bytes);
  encoded.writeUInt8((major << 5) | (23 + (bytes === 4 ? 3 : bytes)));
  encoded.writeUIntBE(value, 1, bytes);
  return encoded;
}

function text(value: string): Buffer {
  return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
}

export function hash(bytes: Buffer): string {
  return blake3(bytes).toString("hex");
}

function linkTo(manifest: Buffer, key: Buffer): string {
  return `cepa:${hash(manifest)}#${key.toString("base64url")}`;
}

export function keyOf(link: string): Buffer {
  return Buffer.from(link.slice(link.indexOf("#") + 1), "base64url");
}

function keyNumber(index: number): Buffer {
  return blake3(Buffer.from(`cepa key ${index}`));
}

const CONTENTS: readonly (Said & { readonly bytes: number })[] = [
  { bytes: 0 },
  { bytes: 1, name: "a" },
  { bytes: SEGMENT_ROOM - 1 },
  { bytes: SEGMENT_ROOM },
  { bytes: SEGMENT_ROOM + 1, name: "größe.txt", mediaType: "text/plain; charset=utf-8" },
  // What stands at the end just fits, and does not.
  { bytes: CHUNK_ROOM - 10 },
  { bytes: CHUNK_ROOM - 9 },
  { bytes: CHUNK_ROOM - 10, name: "a" },
  { bytes: CHUNK_ROOM - 1 },
  { bytes: CHUNK_ROOM },
  { bytes: CHUNK_ROOM + 1 },
  { bytes: 2 * CHUNK_ROOM - 10 },
  { bytes: 3 * CHUNK_ROOM + 12345, name: "n".repeat(255), mediaType: "m".repeat(255) },
];
const LONGEST = CONTENTS.length - 1;
const TWO_CHUNKS = 10;

function makeObject({ bytes, name = "", mediaType = "" }: (typeof CONTENTS)[number], index: number): ObjectVector {
  const key = keyNumber(index);
  const ciphertext = sealNaively(noise(bytes), key, { name, mediaType });
  const manifest = manifestOf(ciphertext);
  return {
    link: linkTo(manifest, key),
    bytes,
    name,
    mediaType,
    manifest: manifest.toString("hex"),
    chunks: digestsOf(ciphertext),
    begins: ciphertext.toString("hex", 0, 32),
    ends: ciphertext.toString("hex", ciphertext.length - 32),
  };
}

const REFUSED: readonly Omit<RefusedVector, "link">[] = [
  { what: "a flipped bit in the first segment", of: 1, parts: [[0, CHUNK]], flip: 0 },
  { what: "a flipped bit in a tag", of: 1, parts: [[0, CHUNK]], flip: SEGMENT - 1 },
  { what: "a flipped bit in the padding", of: 1, parts: [[0, CHUNK]], flip: 3 * SEGMENT + 5 },
  { what: "a flipped bit in the last segment", of: 1, parts: [[0, CHUNK]], flip: CHUNK - 20 },
  { what: "the last chunk cut off", of: LONGEST, parts: [[0, 3 * CHUNK]] },
  { what: "the first chunk cut off", of: LONGEST, parts: [[CHUNK, 4 * CHUNK]] },
  {
    what: "a chunk in the middle cut out",
    of: LONGEST,
    parts: [
      [0, CHUNK],
      [2 * CHUNK, 4 * CHUNK],
    ],
  },
  {
    what: "two chunks exchanged",
    of: LONGEST,
    parts: [
      [CHUNK, 2 * CHUNK],
      [0, CHUNK],
      [2 * CHUNK, 4 * CHUNK],
    ],
  },
  {
    what: "a chunk twice",
    of: TWO_CHUNKS,
    parts: [
      [0, CHUNK],
      [0, 2 * CHUNK],
    ],
  },
  {
    what: "the last chunk twice",
    of: TWO_CHUNKS,
    parts: [
      [0, 2 * CHUNK],
      [CHUNK, 2 * CHUNK],
    ],
  },
  {
    what: "two segments exchanged",
    of: 4,
    parts: [
      [SEGMENT, 2 * SEGMENT],
      [0, SEGMENT],
      [2 * SEGMENT, CHUNK],
    ],
  },
  {
    what: "a segment twice",
    of: 4,
    parts: [
      [0, SEGMENT],
      [0, SEGMENT],
      [2 * SEGMENT, CHUNK],
    ],
  },
];

/** The ciphertext of a refused vector. */
export function made(ciphertext: Buffer, { parts, flip }: Pick<RefusedVector, "parts" | "flip">): Buffer {
  const bytes = Buffer.concat(parts.map(([from, to]) => ciphertext.subarray(from, to)));
  if (flip !== undefined) bytes.writeUInt8(bytes.readUInt8(flip) ^ 1, flip);
  return bytes;
}

/** The ciphertext of a vector, sealed anew. */
export function ciphertextOf({ bytes, name, mediaType, link }: ObjectVector): Buffer {
  return sealNaively(noise(bytes), keyOf(link), { name, mediaType });
}

/** One chunk under `key` that ends like this. */
export function chunkEnding(ending: Buffer, key: Buffer): Buffer {
  return encrypt(Buffer.alloc(0), ending, key);
}

const ENDINGS: readonly (readonly [
  what: string,
  named: Buffer,
  size: bigint,
  nameLength: number,
  typeLength: number,
])[] = [
  ["a size that is one byte too long", Buffer.alloc(0), BigInt(CHUNK_ROOM - 9), 0, 0],
  ["a size that runs into the name", Buffer.from("a"), BigInt(CHUNK_ROOM - 10), 1, 0],
  ["the largest size", Buffer.alloc(0), 2n ** 64n - 1n, 0, 0],
  ["a name with a slash", Buffer.from("a/b"), 0n, 3, 0],
  ["the name of the folder above", Buffer.from(".."), 0n, 2, 0],
  ["the name of the folder itself", Buffer.from("."), 0n, 1, 0],
  ["a name with a control character", Buffer.from("a\u001bc"), 0n, 3, 0],
  ["a name with a later control character", Buffer.from("a\u009bc"), 0n, 4, 0],
  ["a name that is no UTF-8", Buffer.of(0xff, 0x61), 0n, 2, 0],
  ["a media type with a line break", Buffer.from("a/b\n"), 0n, 0, 4],
  ["a media type that is not ASCII", Buffer.from("é"), 0n, 0, 2],
];

function makeEnding([
  what,
  named,
  size,
  nameLength,
  typeLength,
]: (typeof ENDINGS)[number]): Vectors["refusedEndings"][number] {
  const footer = Buffer.alloc(10);
  footer.writeBigUInt64BE(size);
  footer.writeUInt8(nameLength, 8);
  footer.writeUInt8(typeLength, 9);
  const ending = Buffer.concat([named, footer]);
  const key = keyNumber(100);
  return { what, ending: ending.toString("hex"), link: linkTo(manifestOf(chunkEnding(ending, key)), key) };
}

function makeManifests(): Vectors["refusedManifests"] {
  const chunk = sealNaively(noise(1), keyNumber(1), {});
  const [digest = ""] = digestsOf(chunk);
  const format = "cepa-private/1";
  const manifests: readonly (readonly [string, Buffer])[] = [
    ["another format", rootOf([CHUNK], [digest], { format: "cepa-private/2" })],
    ["no format", rootOf([CHUNK], [digest], {})],
    ["no chunk", rootOf([], [], { format })],
    ["a chunk of another length", rootOf([CHUNK - 1], [digest], { format })],
    ["no DAG-CBOR", Buffer.from("cepa")],
    ["bytes behind the map", Buffer.concat([rootOf([CHUNK], [digest], { format }), Buffer.of(0)])],
  ];
  return manifests.map(([what, manifest]) => ({
    what,
    manifest: manifest.toString("hex"),
    link: linkTo(manifest, keyNumber(1)),
  }));
}

function makeLinks(): readonly string[] {
  const link = linkTo(Buffer.from("cepa"), keyNumber(0));
  const [root = "", key = ""] = link.split("#");
  return [
    "",
    root,
    `${root}#`,
    `#${key}`,
    `${root}#${key.slice(1)}`,
    `${link}A`,
    `${link}=`,
    ` ${link}`,
    `${link}\n`,
    // The two bits to spare are 1.
    `${root}#${key.slice(0, -1)}${"B"}`,
    `${root}#${key.slice(0, -1)}+`,
    `${root.toUpperCase()}#${key}`,
    `CEPA:${link.slice(5)}`,
    `cepa:b3:${link.slice(5)}`,
    `cepa://${link.slice(5)}`,
    `b3:${link.slice(5)}`,
    link.replace("#", "%23"),
  ];
}

export function makeVectors(): Vectors {
  const objects = CONTENTS.map(makeObject);
  const refused = REFUSED.map((edit) => {
    const object = objects[edit.of];
    assert(object !== undefined, "it is made of an object of the list");
    return { ...edit, link: linkTo(manifestOf(made(ciphertextOf(object), edit)), keyOf(object.link)) };
  });
  return {
    objects,
    refused,
    refusedEndings: ENDINGS.map(makeEnding),
    refusedManifests: makeManifests(),
    refusedLinks: makeLinks(),
  };
}

export function publishedVectors(): Vectors {
  return JSON.parse(readFileSync(file, "utf8")) as Vectors;
}

if (import.meta.main) writeFileSync(file, `${JSON.stringify(makeVectors(), undefined, 2)}\n`);
