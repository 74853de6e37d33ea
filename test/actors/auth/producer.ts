/** A producer: a key, what an authority says of it, and the requests that it signs. */
import { randomBytes } from "node:crypto";
import { canonicalText } from "#actors/domain/canonical-json.ts";
import type { JsonValue } from "#actors/domain/json-value.ts";
import { fingerprintOf, keyFromPoint, textFingerprintOf } from "#actors/domain/ssh/key.ts";
import { FOREVER, type SshSigner, signCertificate } from "#client/ssh/certificate.ts";
import { formatCertificateLine, formatKeyLine } from "#client/ssh/key-line.ts";
import { newPrivateKey, signerOf } from "#client/ssh/private-key.ts";
import { assert } from "#runtime/errors.ts";

export const PRINCIPAL = "fdc-producer";

/** Fields of an entry. */
export type Fields = Readonly<Record<string, string>>;

export interface SignOptions {
  readonly nonce?: string;
  readonly pubkey?: string;
}

export class Authority {
  readonly line: string;
  readonly #signer: SshSigner;

  constructor(line: string, signer: SshSigner) {
    this.line = line;
    this.#signer = signer;
  }

  async certify(publicKey: Uint8Array, principals: readonly string[] = [PRINCIPAL]): Promise<string> {
    const certificate = await signCertificate(
      {
        publicKey,
        principals,
        keyId: "a producer",
        serial: 1n,
        validAfter: 0n,
        validBefore: FOREVER,
        nonce: randomBytes(32),
      },
      this.#signer,
    );
    assert(typeof certificate !== "string", "a certificate");
    return formatCertificateLine(certificate, "");
  }
}

export async function newAuthority(): Promise<Authority> {
  const { key, signer } = await newSigner();
  return new Authority(formatKeyLine(key), signer);
}

export class Producer {
  readonly keyLine: string;
  readonly certificate: string;
  readonly fingerprint: string;
  readonly textFingerprint: string;
  readonly #signer: SshSigner;

  constructor(keyLine: string, certificate: string, signer: SshSigner) {
    const key = keyFromPoint(signer.publicKey);
    assert(typeof key !== "string", "a key");
    this.keyLine = keyLine;
    this.certificate = certificate;
    this.fingerprint = fingerprintOf(key);
    this.textFingerprint = textFingerprintOf(keyLine);
    this.#signer = signer;
  }

  /** A request for a payload, with a nonce of its own and its certificate, where nothing else is said. */
  async sign(payload: JsonValue, { nonce = newNonce(), pubkey = this.certificate }: SignOptions = {}): Promise<Fields> {
    const text = canonicalText(payload);
    const sig = Buffer.from(await this.#signer.sign(Uint8Array.from(Buffer.from(`${text}.${nonce}`)))).toString(
      "base64",
    );
    return { pubkey, payload: text, nonce, sig };
  }
}

export async function newProducer(authority: Authority): Promise<Producer> {
  const { key, signer } = await newSigner();
  return new Producer(formatKeyLine(key), await authority.certify(signer.publicKey), signer);
}

export function newNonce(): string {
  return randomBytes(16).toString("base64url");
}

async function newSigner(): Promise<{
  readonly key: Awaited<ReturnType<typeof newPrivateKey>>;
  readonly signer: SshSigner;
}> {
  const key = await newPrivateKey("");
  const signer = await signerOf(key);
  assert(signer !== undefined, "the halves of a new key belong together");
  return { key, signer };
}
