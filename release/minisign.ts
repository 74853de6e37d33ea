/**
 * Signatures as minisign writes them, with BLAKE2b-512 of the file: `minisign -V` verifies ours, and ours are read here as
 * strictly.
 *
 * The second line is the signature of the file, the fourth one that of the first signature and the trusted comment. The
 * untrusted comment is signed by nobody and says nothing.
 */
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { malformed, type ReleaseMalformed } from "#release/malformed.ts";
import { minisignIdOf } from "#release/signing-key.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** *Final*: nothing that is signed so may be believed. */
export interface SignatureRefused extends Failure<"release.signature-refused"> {
  readonly cause: "another-key" | "other-bytes" | "other-comment";
}

/** Of a signature that is read. */
export const MINISIGN_BYTES_MAX = 2048;

const PREHASHED = Buffer.from("ED");

export function signMinisign(key: KeyObject, bytes: Uint8Array, comment: string): string {
  const signature = sign(null, blake2b(bytes), key);
  const line = Buffer.concat([PREHASHED, minisignIdOf(key), signature]).toString("base64");
  const ofComment = sign(null, Buffer.concat([signature, Buffer.from(comment)]), key).toString("base64");
  return `untrusted comment: signature of a Cepa release\n${line}\ntrusted comment: ${comment}\n${ofComment}\n`;
}

/** The trusted comment, where the signature is that of `bytes` by `key`. */
export function verifyMinisign(
  key: KeyObject,
  bytes: Uint8Array,
  text: string,
): Result<string, ReleaseMalformed | SignatureRefused> {
  const refuse = (cause: SignatureRefused["cause"]) => fail({ code: "release.signature-refused", cause });
  if (text.length > MINISIGN_BYTES_MAX) return malformed("signature", `it is larger than ${MINISIGN_BYTES_MAX} bytes`);
  const [untrusted = "", line = "", trusted = "", ofComment = "", end, ...more] = text.split("\n");
  if (!untrusted.startsWith("untrusted comment: ") || !trusted.startsWith("trusted comment: ")) {
    return malformed("signature", "its comments are missing");
  }
  if (end !== "" || more.length > 0) return malformed("signature", "it has not four lines");
  const [signed, commentSigned] = [decode(line, 74), decode(ofComment, 64)];
  if (signed === undefined || commentSigned === undefined) return malformed("signature", "it is cut, or no base64");
  if (!signed.subarray(0, 2).equals(PREHASHED)) return malformed("signature", "it is of another kind than ED");
  if (!signed.subarray(2, 10).equals(minisignIdOf(key))) return refuse("another-key");
  const signature = signed.subarray(10);
  if (!verify(null, blake2b(bytes), key, signature)) return refuse("other-bytes");
  const comment = trusted.slice("trusted comment: ".length);
  if (!verify(null, Buffer.concat([signature, Buffer.from(comment)]), key, commentSigned))
    return refuse("other-comment");
  return ok(comment);
}

function blake2b(bytes: Uint8Array): Buffer {
  return createHash("blake2b512").update(bytes).digest();
}

/** Only what would be written: the alphabet's other readings, and another length, are none. */
function decode(base64: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(base64, "base64");
  return bytes.length === length && bytes.toString("base64") === base64 ? bytes : undefined;
}
