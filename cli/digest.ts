/** BLAKE3-256, so that the command line trusts neither the node nor the way to it. The only user of the library here. */
import { Blake3Hasher, blake3 } from "@napi-rs/blake-hash";

export interface RunningDigest {
  update(bytes: Uint8Array): void;
  /** `b3:<64 hex>` of everything so far. */
  address(): string;
}

/** Of bytes in memory, as 64 hex digits. */
export function digestOf(bytes: Uint8Array): string {
  return blake3(viewOf(bytes)).toString("hex");
}

/** 6–9 GB/s on one core: it costs less than the copy through the socket. */
export function startDigest(): RunningDigest {
  const hasher = new Blake3Hasher();
  return {
    update: (bytes) => {
      hasher.update(viewOf(bytes));
    },
    address: () => `b3:${hasher.digest("hex")}`,
  };
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
