/**
 * The frozen random table of all gear chunkers: 256 words of 32 bits, word `i` the first four bytes, little
 * endian, of the BLAKE3-256 of the ASCII text `cepa gear-nc2/1 <i>`.
 *
 * It is part of the format: another table cuts elsewhere, so dedup against what is stored would end. A frozen vector
 * guards it.
 */
import type { Cpu } from "#runtime/pool/cpu.ts";

/** The table, by the label above. */
export function makeGearTable(digest: Cpu["digest"]): Int32Array {
  const encoder = new TextEncoder();
  const table = new Int32Array(256);
  for (let index = 0; index < table.length; index += 1) {
    const bytes = digest(encoder.encode(`cepa gear-nc2/1 ${index}`));
    table[index] = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  }
  return table;
}
