/**
 * A key or a certificate as one line of text, as `ssh-keygen` writes it: `<type> <base64> [comment]`.
 *
 * It is read strictly: one spelling of the bytes, one space between the parts, the type in the blob that of the line, no
 * options in front, no control characters, at most one line feed at the end. A line that somebody had to guess about is
 * refused.
 */
import { bytesFromBase64 } from "#actors/domain/ssh/base64.ts";
import {
  CERTIFICATE_TYPE,
  type Certificate,
  type CertificateRefused,
  parseCertificate,
} from "#actors/domain/ssh/certificate.ts";
import { KEY_TYPE, keyFromBlob, type SshKey, type SshKeyProblem } from "#actors/domain/ssh/key.ts";
import { isPlainText } from "#actors/domain/ssh/wire.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** Characters of a line: the longest certificate and a comment. */
export const KEY_LINE_LENGTH_MAX = 12_288;

export type KeyLine =
  | { readonly kind: "key"; readonly key: SshKey; readonly comment: string }
  /** Nobody has vouched for it before `verifyCertificate` has. */
  | { readonly kind: "certificate"; readonly certificate: Certificate; readonly comment: string };

/** The line is no key that is taken here. Final. */
export interface KeyRefused extends Failure<"ssh.key-refused"> {
  readonly reason: KeyProblem;
}

export type KeyProblem = "too-long" | "bad-text" | "unknown-type" | "bad-base64" | SshKeyProblem;

/** The key or the certificate of `text`. */
export function parseKeyLine(text: string): Result<KeyLine, KeyRefused | CertificateRefused> {
  if (text.length > KEY_LINE_LENGTH_MAX) return refused("too-long");
  const line = text.endsWith("\n") ? text.slice(0, -1) : text;
  if (!isPlainText(line)) return refused("bad-text");
  // A comment may have spaces. An empty one leaves the space before it.
  const [type = "", base64 = "", ...words] = line.split(" ");
  if (type !== KEY_TYPE && type !== CERTIFICATE_TYPE) return refused("unknown-type");
  const blob = bytesFromBase64(base64);
  if (blob === undefined) return refused("bad-base64");

  const comment = words.join(" ");
  if (type === CERTIFICATE_TYPE) {
    const certificate = parseCertificate(blob);
    return certificate.ok ? ok({ kind: "certificate", certificate: certificate.value, comment }) : certificate;
  }
  const key = keyFromBlob(blob);
  return typeof key === "string" ? refused(key) : ok({ kind: "key", key, comment });
}

function refused(reason: KeyProblem): Result<never, KeyRefused> {
  return fail({ code: "ssh.key-refused", reason });
}
