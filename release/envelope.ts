/**
 * A signed statement in an envelope of DSSE: the statement, of which type it is, and the signature over both.
 *
 * The signature is over length and bytes of each part, so none can be read as another; the statement is read only after it. One
 * signature is written and wanted.
 */
import { type KeyObject, sign, verify } from "node:crypto";
import { isRecord, malformed, type ReleaseMalformed, readObject } from "#release/malformed.ts";
import type { SignatureRefused } from "#release/minisign.ts";
import { fingerprintOf } from "#release/signing-key.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Of an envelope that is read. Ours has 50 KiB. */
export const ENVELOPE_BYTES_MAX: number = 16 * MiB;
export const IN_TOTO_TYPE = "application/vnd.in-toto+json";

/** The whole file. */
export function sealEnvelope(key: KeyObject, payload: string): string {
  const bytes = Buffer.from(payload);
  const sig = sign(null, preAuthentication(IN_TOTO_TYPE, bytes), key).toString("base64");
  const signatures = [{ keyid: fingerprintOf(key), sig }];
  return `${JSON.stringify({ payloadType: IN_TOTO_TYPE, payload: bytes.toString("base64"), signatures })}\n`;
}

/** What `key` has signed. */
export function openEnvelope(key: KeyObject, text: string): Result<string, ReleaseMalformed | SignatureRefused> {
  if (text.length > ENVELOPE_BYTES_MAX) return malformed("envelope", `it is larger than ${ENVELOPE_BYTES_MAX} bytes`);
  const value = readObject(text);
  if (value === undefined) return malformed("envelope", "it is cut, or no JSON object");
  const { payloadType, payload, signatures } = value;
  if (payloadType !== IN_TOTO_TYPE) return malformed("envelope", `it holds no ${IN_TOTO_TYPE}`);
  if (typeof payload !== "string" || !Array.isArray(signatures))
    return malformed("envelope", "it has no payload or no signature");
  const [signature, ...more] = signatures;
  if (!isRecord(signature) || more.length > 0) return malformed("envelope", "it has not one signature");
  const { keyid, sig } = signature;
  const bytes = Buffer.from(payload, "base64");
  if (typeof sig !== "string" || bytes.toString("base64") !== payload) return malformed("envelope", "it is no base64");
  // A hint, as DSSE says: it explains a failure, and decides nothing.
  const cause = keyid === fingerprintOf(key) ? "other-bytes" : "another-key";
  const isSigned = verify(null, preAuthentication(payloadType, bytes), key, Buffer.from(sig, "base64"));
  return isSigned ? ok(bytes.toString()) : fail({ code: "release.signature-refused", cause });
}

/** What is signed: PAE of DSSE, version 1. */
function preAuthentication(type: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}
