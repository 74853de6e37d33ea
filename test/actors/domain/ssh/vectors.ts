/**
 * The published keys, signatures and certificates, made without the code of the node and the client. Run by itself it writes
 * `specs/formats/ssh.json`.
 */
import { createHash, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import {
  CERTIFICATE,
  FOREVER,
  lineOf,
  type RawCertificate,
  rawCertificate,
  rawKey,
  strings,
} from "#test/actors/domain/ssh/raw.ts";

export const vectorsFile: URL = new URL("../../../../specs/formats/ssh.json", import.meta.url);

export interface SshVectors {
  readonly keys: readonly {
    readonly seed: string;
    readonly line: string;
    readonly fingerprint: string;
    /** Of the line as it is, and with a line feed. */
    readonly textFingerprint: string;
    readonly textFingerprintWithNewline: string;
  }[];
  readonly signatures: readonly {
    readonly what: string;
    /** Index of the key. */
    readonly key: number;
    readonly message: string;
    readonly signature: string;
    readonly is: "good" | "bad-form" | "not-signed";
  }[];
  /** Who trusts: the authorities by their lines, the principals, the time. */
  readonly trust: {
    readonly authorities: readonly string[];
    readonly principals: readonly string[];
    readonly nowSeconds: number;
  };
  /** `is` is `good for <principal>`, or why it is refused. */
  readonly certificates: readonly { readonly what: string; readonly line: string; readonly is: string }[];
}

/** Of test 1 in RFC 8032 §7.1. */
const SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const OTHER_SEED = "02".repeat(32);
const AUTHORITY_SEED = "03".repeat(32);
const REGISTRATION = '{"contact":"ops@example.com","meta":{"region":"eu"},"producer_hint":"binance"}.0123456789abcdef';
const REVIEW =
  '{"action":"approve","fingerprint":"FP","producer_id":"00000000-0000-4000-8000-000000000001"}\nPOST\n/auth/review\n' +
  "00112233445566778899aabbccddeeff";

const holder = rawKey(SEED, "vec@test");
const other = rawKey(OTHER_SEED);
const authority = rawKey(AUTHORITY_SEED, "an authority");

function sha3(value: Uint8Array | string): Buffer {
  return createHash("sha3-512").update(value).digest();
}

function keyVector(seed: string, { line, blob }: typeof holder): SshVectors["keys"][number] {
  return {
    seed,
    line,
    fingerprint: sha3(blob).toString("base64"),
    textFingerprint: sha3(line).toString("base64"),
    textFingerprintWithNewline: sha3(`${line}\n`).toString("base64"),
  };
}

function certificateVector(
  what: string,
  is: string,
  wanted: Partial<RawCertificate>,
): SshVectors["certificates"][number] {
  return { what, line: lineOf(CERTIFICATE, rawCertificate(holder, authority, wanted)), is };
}

export function makeVectors(): SshVectors {
  const signature = sign(null, Buffer.from(REGISTRATION), holder.key);
  const padded = signature.toString("base64");
  const signed = { key: 0, message: REGISTRATION };
  const producer = "good for producer";
  return {
    keys: [keyVector(SEED, holder), keyVector(OTHER_SEED, other), keyVector(AUTHORITY_SEED, authority)],
    signatures: [
      { what: "of a registration", ...signed, signature: padded, is: "good" },
      { what: "without its padding", ...signed, signature: padded.replace("==", ""), is: "good" },
      {
        what: "of an administrator",
        key: 0,
        message: REVIEW,
        signature: sign(null, Buffer.from(REVIEW), holder.key).toString("base64"),
        is: "good",
      },
      {
        what: "over the SHA3-512 of the message",
        ...signed,
        signature: sign(null, sha3(REGISTRATION), holder.key).toString("base64"),
        is: "not-signed",
      },
      { what: "by another key", ...signed, key: 1, signature: padded, is: "not-signed" },
      { what: "of another message", ...signed, message: `${REGISTRATION}0`, signature: padded, is: "not-signed" },
      { what: "in the URL-safe alphabet", ...signed, signature: signature.toString("base64url"), is: "bad-form" },
      { what: "with half of its padding", ...signed, signature: padded.slice(0, -1), is: "bad-form" },
      { what: "with bits that mean nothing", ...signed, signature: padded.replace("g==", "h=="), is: "bad-form" },
      { what: "with a line feed", ...signed, signature: `${padded}\n`, is: "bad-form" },
      { what: "one byte too short", ...signed, signature: signature.subarray(1).toString("base64"), is: "bad-form" },
      {
        what: "one byte too long",
        ...signed,
        signature: Buffer.concat([signature, Buffer.alloc(1)]).toString("base64"),
        is: "bad-form",
      },
      { what: "none", ...signed, signature: "", is: "bad-form" },
    ],
    trust: { authorities: [authority.line], principals: ["producer"], nowSeconds: 1500 },
    certificates: [
      certificateVector("good", producer, {}),
      certificateVector("for ever", producer, { validAfter: 0n, validBefore: FOREVER }),
      certificateVector("from this second on", producer, { validAfter: 1500n }),
      certificateVector("for several", producer, { principals: strings("somebody", "producer") }),
      certificateVector("from the next second on", "not-yet-valid", { validAfter: 1501n }),
      certificateVector("over since this second", "expired", { validBefore: 1500n }),
      certificateVector("of a host", "not-for-users", { type: 2 }),
      certificateVector("for nobody in particular", "no-principals", { principals: strings() }),
      certificateVector("for somebody else", "other-principals", { principals: strings("somebody", "Producer") }),
      certificateVector("with an unknown critical option", "unknown-critical-option", {
        criticalOptions: strings("new@example.com", ""),
      }),
      certificateVector("for some addresses", "source-address", {
        criticalOptions: strings("source-address", strings("10.0.0.0/8")),
      }),
      certificateVector("by another authority", "unknown-authority", { authority: other.blob }),
      certificateVector("with a signature of zeros", "bad-signature", {
        signature: () => strings("ssh-ed25519", Buffer.alloc(64)),
      }),
      certificateVector("with a byte behind it", "trailing-bytes", { more: Buffer.alloc(1) }),
    ],
  };
}

if (import.meta.main) writeFileSync(vectorsFile, `${JSON.stringify(makeVectors(), undefined, 2)}\n`);
