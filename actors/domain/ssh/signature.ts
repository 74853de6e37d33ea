/**
 * The signature under a request: raw Ed25519 over the bytes of its message, in base64.
 *
 * A signature over a digest of the message, as an older form of the protocol had it, is over something else and refused.
 * Base64 is of the standard alphabet, with its padding or without, as the original takes it, and nothing else: neither the
 * URL-safe alphabet, nor breaks, nor another spelling of the same bytes.
 */
import { bytesFromBase64 } from "#actors/domain/ssh/base64.ts";
import { isSignedBy, type SshKey } from "#actors/domain/ssh/key.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** What somebody says to have signed. */
export interface Signed {
  readonly key: SshKey;
  readonly message: Uint8Array;
  readonly signatureBase64: string;
}

/** The owner of the key has not signed the message. Final. */
export interface SignatureRefused extends Failure<"ssh.signature-refused"> {
  readonly reason: "bad-form" | "not-signed";
}

/** Characters that 64 bytes take. */
const PADDED_LENGTH = 88;
const PADDING = "==";

export function verifySigned({ key, message, signatureBase64 }: Signed): Result<void, SignatureRefused> {
  const isPadded = signatureBase64.length === PADDED_LENGTH;
  const padded = isPadded ? signatureBase64 : `${signatureBase64}${PADDING}`;
  const signature = padded.length === PADDED_LENGTH ? bytesFromBase64(padded) : undefined;
  // Of 88 characters, those of 65 or 66 bytes have less padding.
  if (signature === undefined || !padded.endsWith(PADDING)) return refused("bad-form");
  return isSignedBy(key, message, signature) ? ok() : refused("not-signed");
}

function refused(reason: SignatureRefused["reason"]): Result<never, SignatureRefused> {
  return fail({ code: "ssh.signature-refused", reason });
}
