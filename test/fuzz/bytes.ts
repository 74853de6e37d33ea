/** Inputs as what they mean, and sums that are made to hold: else nothing behind them would ever be reached. */
import { crc32 } from "node:zlib";
import { withCrc } from "#actors/storage/volumes/volume-mark.ts";

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** A character for each byte. */
export function latin1Of(input: Uint8Array): string {
  return Buffer.from(input).toString("latin1");
}

/** In which U+FFFD stands for what is no UTF-8. */
export function utf8Of(input: Uint8Array): string {
  return Buffer.from(input).toString();
}

export function filled(byte: number, length = 32): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** With the CRC-32 of all before `at` in the four bytes there. */
export function resealed(input: Uint8Array, at: number, order: "LE" | "BE" = "LE"): Uint8Array {
  if (at < 0 || at + 4 > input.length) return input;
  const bytes = Buffer.from(input);
  const crc = crc32(bytes.subarray(0, at));
  if (order === "LE") bytes.writeUInt32LE(crc, at);
  else bytes.writeUInt32BE(crc, at);
  return bytes;
}

/** The last line made the CRC of those before. */
export function withLine(input: Uint8Array): Uint8Array {
  const text = latin1Of(input);
  return withCrc(text.slice(0, Math.max(0, text.lastIndexOf("crc "))));
}
