/** Bytes 0, 1, … 250, 0, 1, …: the input of the official BLAKE3 vectors. */
export function patternOf(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => index % 251);
}
