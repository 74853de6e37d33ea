/**
 * Encrypts and opens the chunks of one private object, segment by segment, with AES-256-GCM.
 *
 * The nonce of a segment is its number in the object and whether it is the last one, so a key is good for one object:
 * it must never encrypt a second one. A segment opens at its own place only, and the last one only as the last.
 */
import { CHUNK_BYTES, PRIVATE_FORMAT, SEGMENT_BYTES, SEGMENT_COUNT, SEGMENT_ROOM } from "#client/private-format.ts";

/** The part of WebCrypto that is needed. Browsers have it on pages from `https:` and from loopback. */
export type Subtle = Pick<SubtleCrypto, "generateKey" | "exportKey" | "importKey" | "encrypt" | "decrypt">;

interface GcmParams {
  readonly name: "AES-GCM";
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly additionalData: Uint8Array<ArrayBuffer>;
}

/** Every segment is bound to format and kind. */
const BOUND_TO: Uint8Array<ArrayBuffer> = new TextEncoder().encode(`${PRIVATE_FORMAT} object`);
const NONCE_LENGTH = 12;

/** A fresh key from the system's randomness. */
export async function newKey(subtle: Subtle): Promise<Uint8Array<ArrayBuffer>> {
  const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
  return new Uint8Array(await subtle.exportKey("raw", key));
}

export class ChunkCipher {
  readonly #subtle: Subtle;
  readonly #key: CryptoKey;

  private constructor(subtle: Subtle, key: CryptoKey) {
    this.#subtle = subtle;
    this.#key = key;
  }

  /** `key` has 32 bytes. */
  static async from(key: Uint8Array<ArrayBuffer>, subtle: Subtle): Promise<ChunkCipher> {
    return new ChunkCipher(subtle, await subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]));
  }

  /** `room` is all that the chunk holds. */
  async seal(room: Uint8Array<ArrayBuffer>, chunk: number, isLast: boolean): Promise<Uint8Array<ArrayBuffer>> {
    const sealed = new Uint8Array(CHUNK_BYTES);
    await Promise.all(
      Array.from({ length: SEGMENT_COUNT }, async (_, index) => {
        const segment = room.subarray(index * SEGMENT_ROOM, (index + 1) * SEGMENT_ROOM);
        const algorithm = algorithmFor(chunk, index, isLast);
        const bytes = await this.#subtle.encrypt(algorithm, this.#key, segment);
        sealed.set(new Uint8Array(bytes), index * SEGMENT_BYTES);
      }),
    );
    return sealed;
  }

  /** What the segments of a chunk hold, one behind the other; undefined when one of them does not open. */
  async open(
    sealed: Uint8Array<ArrayBuffer>,
    chunk: number,
    isLast: boolean,
  ): Promise<readonly Uint8Array[] | undefined> {
    const segments = await Promise.all(
      Array.from({ length: SEGMENT_COUNT }, (_, index) => {
        const bytes = sealed.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES);
        return this.#openSegment(bytes, algorithmFor(chunk, index, isLast));
      }),
    );
    return segments.every((segment) => segment !== undefined) ? segments : undefined;
  }

  async #openSegment(bytes: Uint8Array<ArrayBuffer>, algorithm: GcmParams): Promise<Uint8Array | undefined> {
    try {
      return new Uint8Array(await this.#subtle.decrypt(algorithm, this.#key, bytes));
    } catch (error) {
      // What WebCrypto says of a tag that does not fit; anything else is no matter of the bytes.
      if (error instanceof Error && error.name === "OperationError") return undefined;
      throw error;
    }
  }
}

/** The segment's number in the object as 11 bytes, big endian, and 1 for the last segment, else 0. */
function algorithmFor(chunk: number, index: number, isLast: boolean): GcmParams {
  const nonce = new Uint8Array(NONCE_LENGTH);
  const view = new DataView(nonce.buffer);
  view.setBigUint64(3, BigInt(chunk * SEGMENT_COUNT + index));
  view.setUint8(11, isLast && index === SEGMENT_COUNT - 1 ? 1 : 0);
  return { name: "AES-GCM", iv: nonce, additionalData: BOUND_TO };
}
