/**
 * Public keys and certificates as one line of text, as `ssh-keygen` writes and reads it: `<type> <base64> [comment]`.
 *
 * Runs in a browser.
 */
import { type Bytes, base64Of, bytesOf, isBase64, joined, string } from "#client/ssh/wire.ts";

export const KEY_TYPE = "ssh-ed25519";
export const CERTIFICATE_TYPE = "ssh-ed25519-cert-v01@openssh.com";

/** Of the point that a key is. */
const POINT_LENGTH = 32;
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** An Ed25519 public key of somebody. */
export interface NamedKey {
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** Empty for none. */
  readonly comment: string;
}

/** Whether `text` can stand in a line or a certificate: no line breaks, and nothing that is not seen, but obeyed. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !CONTROLS.test(text);
}

/** What certificates, signatures and fingerprints are about: the type and the key, as the wire has them. */
export function encodePublicKey(publicKey: Uint8Array): Bytes {
  return joined(string(KEY_TYPE), string(publicKey));
}

/** With no line break at its end. The comment is plain text. */
export function formatKeyLine({ publicKey, comment }: NamedKey): string {
  return formatLine(KEY_TYPE, encodePublicKey(publicKey), comment);
}

/** The same for a certificate. */
export function formatCertificateLine(certificate: Uint8Array, comment: string): string {
  return formatLine(CERTIFICATE_TYPE, certificate, comment);
}

/** The key of a line that `formatKeyLine` or `ssh-keygen` wrote; undefined for any other text, and for other types. */
export function parsePublicKeyLine(text: string): NamedKey | undefined {
  const line = text.endsWith("\n") ? text.slice(0, -1) : text;
  const [type, base64 = "", ...words] = line.split(" ");
  if (!isPlainText(line) || type !== KEY_TYPE || !isBase64(base64)) return undefined;
  const key = { publicKey: bytesOf(base64).slice(-POINT_LENGTH), comment: words.join(" ") };
  // A key has one spelling, and no other is read.
  return base64Of(encodePublicKey(key.publicKey)) === base64 ? key : undefined;
}

function formatLine(type: string, blob: Uint8Array, comment: string): string {
  return [type, base64Of(blob), ...(comment === "" ? [] : [comment])].join(" ");
}
