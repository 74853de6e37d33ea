/**
 * Reads DAG-CBOR: what manifests are written in. It reads all of it, because a manifest may have fields that nobody
 * here knows; it does not ask whether the encoding is the canonical one, because who reads has the digest of the bytes.
 */

/** Values inside each other. Nothing that a manifest needs is deeper than 4. */
export const DAG_DEPTH_MAX = 32;

/** What a value links to, by BLAKE3-256. */
export class DagLink {
  /** A chunk (multicodec `raw`), or a manifest node (`dag-cbor`). */
  readonly kind: "chunk" | "node";
  /** 64 hex digits. */
  readonly digest: string;

  constructor(kind: "chunk" | "node", digest: string) {
    this.kind = kind;
    this.digest = digest;
  }
}

/** Maps become `Map`s, links `DagLink`s, null `null`. Undefined when `bytes` are anything else than one such value. */
export function readDag(bytes: Uint8Array): unknown {
  try {
    const reader = new Reader(bytes);
    const value = reader.value(0);
    return reader.atEnd ? value : undefined;
  } catch {
    // Bytes that end too early, text that is no UTF-8, and what `Reader` refuses.
    return undefined;
  }
}

const LINK_TAG = 42;
/** Of a CID in bytes: no base, version 1, the codec between these, BLAKE3 of 32 bytes. */
const CID_LENGTH = 37;
const CODECS: Readonly<Record<number, DagLink["kind"]>> = { 85: "chunk", 113: "node" };

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): unknown {
    if (depth > DAG_DEPTH_MAX) throw new RangeError("too deep");
    const head = this.#view.getUint8(this.#at);
    this.#at += 1;
    const minor = head & 31;
    if (head >> 5 === 7) return this.#simple(minor);
    const count = this.#count(minor);
    switch (head >> 5) {
      case 0:
        return count;
      case 1:
        return -1 - count;
      case 2:
        return this.#take(count);
      case 3:
        return this.#text.decode(this.#take(count));
      case 4: {
        const items: unknown[] = [];
        while (items.length < count) items.push(this.value(depth + 1));
        return items;
      }
      case 5:
        return this.#map(count, depth);
      default:
        return this.#link(count, depth);
    }
  }

  #count(minor: number): number {
    if (minor < 24) return minor;
    const at = this.#at;
    if (minor > 27) throw new RangeError("no length");
    this.#at += 2 ** (minor - 24);
    if (minor === 24) return this.#view.getUint8(at);
    if (minor === 25) return this.#view.getUint16(at);
    if (minor === 26) return this.#view.getUint32(at);
    const count = Number(this.#view.getBigUint64(at));
    if (!Number.isSafeInteger(count)) throw new RangeError("too large");
    return count;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("too short");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #map(count: number, depth: number): ReadonlyMap<string, unknown> {
    const map = new Map<string, unknown>();
    for (let index = 0; index < count; index += 1) {
      const key = this.value(depth + 1);
      if (typeof key !== "string" || map.has(key)) throw new RangeError("no key");
      map.set(key, this.value(depth + 1));
    }
    return map;
  }

  #link(tag: number, depth: number): DagLink {
    const cid = this.value(depth + 1);
    if (tag !== LINK_TAG || !(cid instanceof Uint8Array) || cid.length !== CID_LENGTH) throw new RangeError("no link");
    const [base, version, codec = 0, hash, length] = cid;
    const kind = CODECS[codec];
    if (base !== 0 || version !== 1 || hash !== 0x1e || length !== 32 || kind === undefined) {
      throw new RangeError("no link of ours");
    }
    return new DagLink(kind, Array.from(cid.subarray(5), (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }

  #simple(minor: number): boolean | null | number {
    if (minor === 20 || minor === 21) return minor === 21;
    if (minor === 22) return null;
    if (minor !== 27) throw new RangeError("no value of DAG-CBOR");
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8);
  }
}
