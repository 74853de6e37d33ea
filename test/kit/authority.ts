/** An authority of X.509 and what it signs, made when a test asks: certificates and keys in PEM. */
import { randomBytes } from "node:crypto";
import type { SshSigner } from "#client/ssh/certificate.ts";
import { newPrivateKey, type PrivateKey, signerOf } from "#client/ssh/private-key.ts";
import { formatX509, formatX509Key, signX509, type X509Spec } from "#client/x509/certificate.ts";
import { Defect } from "#runtime/errors.ts";

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

export class TestAuthority {
  readonly cert: string;
  readonly #signer: SshSigner;

  constructor(cert: string, signer: SshSigner) {
    this.cert = cert;
    this.#signer = signer;
  }

  /** Good for an hour, for 127.0.0.1, unless it is said otherwise. */
  async issue(purpose: X509Spec["purpose"], commonName: string, changes: Partial<X509Spec> = {}): Promise<Pem> {
    const key = await newPrivateKey("test");
    return { cert: await certify(key, this.#signer, { purpose, commonName, ...changes }), key: formatX509Key(key) };
  }
}

export async function newTestAuthority(): Promise<TestAuthority> {
  const key = await newPrivateKey("test");
  const signer = await signerOf(key);
  if (signer === undefined) throw new Defect("a new key is whole");
  return new TestAuthority(await certify(key, signer, { purpose: "authority", commonName: NAME }), signer);
}

const NAME = "Test CA";

async function certify(
  { publicKey }: PrivateKey,
  signer: SshSigner,
  changes: Partial<X509Spec> & Pick<X509Spec, "purpose" | "commonName">,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const addresses = changes.purpose === "server" ? [Uint8Array.of(127, 0, 0, 1)] : [];
  const times = { validAfter: now - 3600, validUntil: now + 3600 };
  const spec: X509Spec = { publicKey, serial: randomBytes(16).fill(1, 0, 1), ...times, addresses, ...changes };
  const made = await signX509(spec, { commonName: NAME, signer });
  if (typeof made === "string") throw new Defect(made);
  return formatX509(made);
}
