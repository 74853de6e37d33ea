/**
 * The bytes of manifest nodes. One is written for every object that is put, and its shape is known: finding that out for
 * each takes the library a tenth of the whole put. A test holds what is written here equal to what the library writes.
 */
import type { Digest } from "#actors/domain/address.ts";
import { CID_BYTES, cidPrefix, type LinkKind } from "#actors/domain/dag.ts";
import type { ManifestLink } from "#actors/domain/manifest.ts";
import { assert } from "#runtime/errors.ts";

/** Major types of CBOR. */
const UINT = 0;
const TEXT = 3;
const LIST = 4;
const MAP = 5;

const DIGEST_BYTES = 32;
/** A pair of a length and a link, at its longest. */
const PAIR_BYTES_MAX = 52;
/** All keys, and all values of a known size. */
const FIXED_BYTES_MAX = 128;
/** Of one UTF-16 code unit. */
const UTF8_BYTES_MAX = 3;

/** A pair of a length and a link. */
const PAIR = Buffer.of(0x82);
/** A link up to the digest in it: tag 42, and a CID behind a zero. */
const LINK: Readonly<Record<LinkKind, Uint8Array>> = { chunk: linkPrefix("chunk"), node: linkPrefix("node") };
const VERSION = key("v", 2);
const ENC = key("enc");
const META = key("meta");
const SIZE = key("size");
const LINKS = key("links");
const OBJECT = key("object", 0x58, DIGEST_BYTES);
const CHUNKER = key("chunker");
const MEDIA_TYPE = key("mediaType");

/** What a node may say; `enc` and `meta` are encoded already. */
export interface NodeFields {
  readonly enc?: Uint8Array | undefined;
  readonly meta?: Uint8Array | undefined;
  readonly size: number;
  readonly links: readonly ManifestLink[];
  readonly linkKind: LinkKind;
  readonly object?: Digest | undefined;
  readonly chunker?: string | undefined;
  readonly mediaType?: string | undefined;
}

/** Keys come in the order of their lengths, then of their bytes. */
export function writeNode({ enc, meta, size, links, linkKind, object, chunker, mediaType }: NodeFields): Uint8Array {
  const written = new Writer(
    FIXED_BYTES_MAX +
      PAIR_BYTES_MAX * links.length +
      (enc?.length ?? 0) +
      (meta?.length ?? 0) +
      UTF8_BYTES_MAX * ((chunker?.length ?? 0) + (mediaType?.length ?? 0)),
  );
  const optional = [enc, meta, object, chunker, mediaType].filter((field) => field !== undefined);
  written.head(MAP, 3 + optional.length);
  written.bytes(VERSION);
  if (enc !== undefined) written.bytes(ENC, enc);
  if (meta !== undefined) written.bytes(META, meta);
  written.bytes(SIZE);
  written.head(UINT, size);
  written.bytes(LINKS);
  written.head(LIST, links.length);
  for (const { length, digest } of links) {
    written.bytes(PAIR);
    written.head(UINT, length);
    written.bytes(LINK[linkKind]);
    written.digest(digest);
  }
  if (object !== undefined) {
    written.bytes(OBJECT);
    written.digest(object);
  }
  if (chunker !== undefined) written.text(CHUNKER, chunker);
  if (mediaType !== undefined) written.text(MEDIA_TYPE, mediaType);
  return written.end();
}

class Writer {
  readonly #into: Buffer;
  #at = 0;

  constructor(bytesMax: number) {
    this.#into = Buffer.allocUnsafe(bytesMax);
  }

  /** A type and its number, in the shortest form. */
  head(major: number, value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "lengths and sizes are whole numbers");
    const type = major << 5;
    if (value < 24) {
      this.#at = this.#into.writeUInt8(type + value, this.#at);
      return;
    }
    const width = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
    this.#at = this.#into.writeUInt8(type + 24 + Math.log2(width), this.#at);
    this.#at =
      width === 8
        ? this.#into.writeBigUInt64BE(BigInt(value), this.#at)
        : this.#into.writeUIntBE(value, this.#at, width);
  }

  bytes(...parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.#into.set(part, this.#at);
      this.#at += part.length;
    }
  }

  digest(digest: Digest): void {
    this.#at += this.#into.write(digest, this.#at, "hex");
  }

  text(name: Uint8Array, value: string): void {
    this.bytes(name);
    this.head(TEXT, Buffer.byteLength(value));
    this.#at += this.#into.write(value, this.#at);
  }

  end(): Uint8Array {
    return new Uint8Array(this.#into.buffer, this.#into.byteOffset, this.#at);
  }
}

function key(name: string, ...value: readonly number[]): Uint8Array {
  return Buffer.from([(TEXT << 5) + name.length, ...Buffer.from(name), ...value]);
}

function linkPrefix(kind: LinkKind): Uint8Array {
  return Buffer.from([0xd8, 42, 0x58, CID_BYTES + 1, 0, ...cidPrefix(kind)]);
}
