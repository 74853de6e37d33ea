/** Randomness, as a seam. The real one is not predictable; the simulated one is a function of its seed. */
export interface Random {
  /** `count` random bytes, fit for keys in the real implementation. */
  bytes(count: number): Uint8Array;
  /** A uniform integer in `0 … exclusiveMax - 1`; `exclusiveMax` is 1 … 2^32. */
  below(exclusiveMax: number): number;
  /** 16 lower-case hex digits: an id for a request, an upload, an incarnation. */
  id(): string;
}
