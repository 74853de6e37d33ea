/** What the node makes of a line, in a word: the principal that is certified, or why nobody is. */
import { type Trust, verifyCertificate } from "#actors/domain/ssh/certified.ts";
import type { SshKey } from "#actors/domain/ssh/key.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { must } from "#runtime/errors.ts";
import { CERTIFICATE, lineOf } from "#test/actors/domain/ssh/raw.ts";

/** The key that a line without a certificate is. */
export function keyIn(line: string): SshKey {
  const read = must(parseKeyLine(line), "a key line");
  if (read.kind !== "key") throw new Error(`${line} is a ${read.kind}`);
  return read.key;
}

/** The bytes in a line. */
export function bytesIn(line: string): Buffer {
  return Buffer.from(line.split(" ")[1] ?? "", "base64");
}

/** For somebody who wants a `producer`, in the middle of the time in which `rawCertificate` is good. */
export function trustIn(...authorities: readonly string[]): Trust {
  return { authorities: authorities.map(keyIn), principals: new Set(["producer"]), nowSeconds: 1500 };
}

export function verdictOn(line: string, trust: Trust): string {
  const read = parseKeyLine(line);
  if (!read.ok) return read.failure.reason;
  if (read.value.kind === "key") return "a key";
  const certified = verifyCertificate(read.value.certificate, trust);
  return certified.ok ? `good for ${certified.value.principal}` : certified.failure.reason;
}

/** The same for the bytes of a certificate. */
export function verdictOnBytes(bytes: Uint8Array, trust: Trust): string {
  return verdictOn(lineOf(CERTIFICATE, bytes), trust);
}
