/**
 * What a first try of auth takes, as files: three authorities, an administrator's certificates, those of the listener that
 * administrators reach a node by, and a configuration that trusts them.
 *
 * Every key is one of its own: an authority whose key is anybody's is none (`actors/domain/ssh/certified.ts`).
 */
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { addressBytes } from "#cli/address-bytes.ts";
import { type CertificateSpec, type SshSigner, signCertificate } from "#client/ssh/certificate.ts";
import { formatCertificateLine, formatKeyLine } from "#client/ssh/key-line.ts";
import { formatPrivateKey, newPrivateKey, type PrivateKey, signerOf } from "#client/ssh/private-key.ts";
import { formatX509, formatX509Key, signX509, type X509Authority, type X509Spec } from "#client/x509/certificate.ts";
import { Defect } from "#runtime/errors.ts";
import { hour, minute, second } from "#runtime/units.ts";

/** Names that the files have, wherever they are looked for. */
export const TRUST_FILES = {
  producerAuthority: "producer_ca",
  adminSshAuthority: "admin_ssh_ca",
  adminX509Authority: "admin_x509_ca",
  client: "admin",
  admin: "admin_ssh",
  server: "admin_server",
  config: "cepa.toml",
} as const;

/** How long an authority that makes its own certificate is good for: ten years. */
export const AUTHORITY_VALID_MS: number = 87_600 * hour;
/** How long what an authority has signed is good for: a year, as browsers and `ssh-keygen -V +52w` have it. */
export const CERTIFICATE_VALID_MS: number = 8760 * hour;
/** What is signed now counts for clocks that are so late. */
export const CERTIFICATE_BACKDATED_MS: number = 5 * minute;
/** Who an administrator is in both certificates, and in the configuration that lets them in. */
export const ADMIN_COMMON_NAME = "cepa-admin";
export const ADMIN_PRINCIPAL = "fdc-admin";

export interface TrustFile {
  readonly name: string;
  readonly text: string;
  /** Only its owner may read it. */
  readonly isSecret: boolean;
}

export interface TrustPlan {
  /** Absolute. */
  readonly directory: string;
  /** Names and addresses of the listener beside those of this machine. */
  readonly hosts: readonly string[];
  readonly nowMs: number;
}

interface Owner {
  readonly key: PrivateKey;
  readonly signer: SshSigner;
}

/** In the order in which they are told. */
export async function makeTrust({ directory, hosts, nowMs }: TrustPlan): Promise<readonly TrustFile[]> {
  const names = TRUST_FILES;
  const producers = await newOwner("producer_ca");
  const administrators = await newOwner("admin_ssh_ca");
  const root = await newOwner("admin_x509_ca");
  const [client, admin, server] = [
    await newOwner("admin"),
    await newOwner("admin_ssh"),
    await newOwner("admin_server"),
  ];
  const authority: X509Authority = { commonName: "Cepa admin CA", signer: root.signer };
  const { dnsNames, addresses } = placesOf(["localhost", "127.0.0.1", "::1", ...hosts]);
  const authorityPem = await x509(nowMs, authority, {
    purpose: "authority",
    owner: root,
    commonName: authority.commonName,
  });
  const clientPem = await x509(nowMs, authority, { purpose: "client", owner: client, commonName: ADMIN_COMMON_NAME });
  const serverSpec = {
    purpose: "server",
    owner: server,
    commonName: "Cepa admin listener",
    dnsNames,
    addresses,
  } as const;
  const serverPem = await x509(nowMs, authority, serverSpec);
  const certificate = await certify(nowMs, administrators.signer, admin);
  return [
    secret(names.producerAuthority, formatPrivateKey(producers.key)),
    open(`${names.producerAuthority}.pub`, `${formatKeyLine(producers.key)}\n`),
    secret(names.adminSshAuthority, formatPrivateKey(administrators.key)),
    open(`${names.adminSshAuthority}.pub`, `${formatKeyLine(administrators.key)}\n`),
    secret(`${names.adminX509Authority}.key`, formatX509Key(root.key)),
    open(`${names.adminX509Authority}.pem`, authorityPem),
    secret(`${names.client}.key`, formatX509Key(client.key)),
    open(`${names.client}.pem`, clientPem),
    secret(names.admin, formatPrivateKey(admin.key)),
    open(`${names.admin}-cert.pub`, `${formatCertificateLine(certificate, "admin_ssh")}\n`),
    secret(`${names.server}.key`, formatX509Key(server.key)),
    open(`${names.server}.pem`, serverPem),
    open(names.config, configFor(directory)),
  ];
}

/** A new authority of producers: its private half, and the public one that nodes have to be told of. */
export async function makeProducerAuthority(name: string): Promise<readonly TrustFile[]> {
  const { key } = await newOwner(name);
  return [secret(name, formatPrivateKey(key)), open(`${name}.pub`, `${formatKeyLine(key)}\n`)];
}

/** A basic string of TOML. JSON escapes all that TOML wants escaped but DEL, which no path that is taken here has. */
export function tomlText(text: string): string {
  return JSON.stringify(text);
}

function configFor(directory: string): string {
  const names = TRUST_FILES;
  const path = (name: string): string => tomlText(join(directory, name));
  return `# Written by "cepa auth init". A node that trusts what is in this directory: cepa up --config ${directory}/${names.config}

[ingest]
enabled = true

[auth]
# Keys that certify producers: ssh-keygen -s ${names.producerAuthority} -I NAME -n fdc-producer -V +52w producer.pub
producerAuthority = [${path(`${names.producerAuthority}.pub`)}]

[gateway]
# Where administrators reach the node: TLS with a certificate of their own, and a signature under every request.
adminCertificate = ${path(`${names.server}.pem`)}
adminKey = ${path(`${names.server}.key`)}
adminClientAuthority = ${path(`${names.adminX509Authority}.pem`)}
adminClientNames = [${tomlText(ADMIN_COMMON_NAME)}]
adminSshAuthority = [${path(`${names.adminSshAuthority}.pub`)}]
adminPrincipals = [${tomlText(ADMIN_PRINCIPAL)}]
`;
}

interface X509Wish extends Pick<X509Spec, "purpose" | "commonName" | "dnsNames" | "addresses"> {
  readonly owner: Owner;
}

async function x509(nowMs: number, authority: X509Authority, { owner, ...spec }: X509Wish): Promise<string> {
  const lifeMs = spec.purpose === "authority" ? AUTHORITY_VALID_MS : CERTIFICATE_VALID_MS;
  const times = { validAfter: secondsOf(nowMs - CERTIFICATE_BACKDATED_MS), validUntil: secondsOf(nowMs + lifeMs) };
  const made = await signX509({ ...spec, ...times, publicKey: owner.key.publicKey, serial: serial() }, authority);
  if (typeof made === "string") throw new Defect(`an X.509 certificate could not be made: ${made}`);
  return formatX509(made);
}

async function certify(nowMs: number, authority: SshSigner, { key }: Owner): Promise<Uint8Array> {
  const spec: CertificateSpec = {
    publicKey: key.publicKey,
    principals: [ADMIN_PRINCIPAL],
    keyId: ADMIN_COMMON_NAME,
    serial: 1n,
    validAfter: BigInt(secondsOf(nowMs - CERTIFICATE_BACKDATED_MS)),
    validBefore: BigInt(secondsOf(nowMs + CERTIFICATE_VALID_MS)),
    nonce: randomBytes(32),
  };
  const made = await signCertificate(spec, authority);
  if (typeof made === "string") throw new Defect(`an OpenSSH certificate could not be made: ${made}`);
  return made;
}

async function newOwner(comment: string): Promise<Owner> {
  const key = await newPrivateKey(comment);
  const signer = await signerOf(key);
  if (signer === undefined) throw new Defect("a new key has two halves of one");
  return { key, signer };
}

function placesOf(hosts: readonly string[]): Required<Pick<X509Spec, "dnsNames" | "addresses">> {
  const all = [...new Set(hosts)];
  return {
    dnsNames: all.filter((host) => isIP(host) === 0),
    addresses: all.filter((host) => isIP(host) !== 0).map(addressBytes),
  };
}

/** Below 128, so that it is positive as it stands; never zero. */
function serial(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function secondsOf(ms: number): number {
  return Math.floor(ms / second);
}

function secret(name: string, text: string): TrustFile {
  return { name, text, isSecret: true };
}

function open(name: string, text: string): TrustFile {
  return { name, text, isSecret: false };
}
