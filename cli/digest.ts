/** BLAKE3-256, so that the command line trusts neither the node nor the way to it. The only user of the library here. */
import { Blake3Hasher } from "@napi-rs/blake-hash";

export interface RunningDigest {
  update(bytes: Uint8Array): void;
  /** `b3:<64 hex>` of everything so far. */
  address(): string;
}

/** 6–9 GB/s on one core: it costs less than the copy through the socket. */
export function startDigest(): RunningDigest {
  const hasher = new Blake3Hasher();
  return {
    update: (bytes) => {
      hasher.update(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    },
    address: () => `b3:${hasher.digest("hex")}`,
  };
}
