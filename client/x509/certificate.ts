/**
 * X.509 certificates over Ed25519 keys (RFC 5280, RFC 8410): an authority of one's own, and what it signs for a server and for
 * its clients. As much as mutual TLS between an administrator and a node takes, and no more.
 *
 * Runs in a browser.
 */

import type { SshSigner } from "#client/ssh/certificate.ts";
import { isPlainText } from "#client/ssh/key-line.ts";
import type { PrivateKey } from "#client/ssh/private-key.ts";
import { type Bytes, joined } from "#client/ssh/wire.ts";
import { bits, integer, octets, oid, pem, sequence, setOf, TRUE, tagged, time, utf8 } from "#client/x509/der.ts";

/** Characters of a common name (RFC 5280, `ub-common-name`). */
export const COMMON_NAME_LENGTH_MAX = 64;

/** What a certificate is for. Who has one of a client is nobody's server. */
export type Purpose = "authority" | "server" | "client";

export interface X509Spec {
  readonly purpose: Purpose;
  /** Whose key: 32 bytes of Ed25519. */
  readonly publicKey: Uint8Array;
  /** Who that is: plain text of 1 to `COMMON_NAME_LENGTH_MAX` characters. */
  readonly commonName: string;
  /** Where a server is: DNS names, and addresses in bytes (4 or 16). */
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly Uint8Array[];
  /** 16 bytes that no other certificate of the authority has. */
  readonly serial: Uint8Array;
  /** Seconds since 1970. */
  readonly validAfter: number;
  /** Seconds since 1970: the last one. */
  readonly validUntil: number;
}

/** Who signs, under which name. For an authority's own certificate: itself. */
export interface X509Authority {
  readonly commonName: string;
  readonly signer: SshSigner;
}

/** Why there can be no such certificate. */
export type X509Problem = "bad-name" | "bad-key" | "bad-serial" | "bad-validity";

const ED25519 = sequence(oid("1.3.101.112"));
const COMMON_NAME = oid("2.5.4.3");
const PURPOSES = { server: oid("1.3.6.1.5.5.7.3.1"), client: oid("1.3.6.1.5.5.7.3.2") };

/** In DER. */
export async function signX509(spec: X509Spec, authority: X509Authority): Promise<Bytes | X509Problem> {
  const problem = problemOf(spec, authority);
  if (problem !== undefined) return problem;
  const said = sequence(
    tagged(0, integer(Uint8Array.of(2))),
    integer(spec.serial),
    ED25519,
    nameOf(authority.commonName),
    sequence(time(spec.validAfter), time(spec.validUntil)),
    nameOf(spec.commonName),
    sequence(ED25519, bits(spec.publicKey)),
    tagged(3, sequence(...(await extensionsOf(spec, authority.signer.publicKey)))),
  );
  return sequence(said, ED25519, bits(await authority.signer.sign(said)));
}

export function formatX509(der: Uint8Array): string {
  return pem("CERTIFICATE", der);
}

/** PKCS #8 (RFC 8410 §7), for its owner's eyes. */
export function formatX509Key({ seed }: Pick<PrivateKey, "seed">): string {
  return pem("PRIVATE KEY", sequence(integer(Uint8Array.of(0)), ED25519, octets(octets(seed))));
}

function problemOf(spec: X509Spec, authority: X509Authority): X509Problem | undefined {
  const names = [spec.commonName, authority.commonName, ...(spec.dnsNames ?? [])];
  if (names.some((name) => name === "" || !isPlainText(name))) return "bad-name";
  if (Math.max(spec.commonName.length, authority.commonName.length) > COMMON_NAME_LENGTH_MAX) return "bad-name";
  if (spec.addresses?.some(({ length }) => length !== 4 && length !== 16)) return "bad-name";
  if (spec.publicKey.length !== 32) return "bad-key";
  if (spec.serial.length !== 16 || spec.serial.every((byte) => byte === 0)) return "bad-serial";
  const isOrdered = spec.validAfter >= 0 && spec.validAfter < spec.validUntil && spec.validUntil <= LAST_SECOND;
  return isOrdered && Number.isSafeInteger(spec.validUntil - spec.validAfter) ? undefined : "bad-validity";
}

/** Of the year 9999. */
const LAST_SECOND = 253_402_300_799;

function nameOf(commonName: string): Bytes {
  return sequence(setOf(sequence(COMMON_NAME, utf8(commonName))));
}

async function extensionsOf(
  { purpose, publicKey, dnsNames = [], addresses = [] }: X509Spec,
  authorityKey: Uint8Array,
): Promise<readonly Bytes[]> {
  const isAuthority = purpose === "authority";
  const places = [
    ...dnsNames.map((name) => tagged(2, new TextEncoder().encode(name), true)),
    ...addresses.map((address) => tagged(7, address, true)),
  ];
  return [
    // It signs for nobody who signs.
    critical("2.5.29.19", sequence(...(isAuthority ? [TRUE, integer(Uint8Array.of(0))] : []))),
    // keyCertSign, or digitalSignature: bits from the highest on.
    critical("2.5.29.15", isAuthority ? bits(Uint8Array.of(0b100), 2) : bits(Uint8Array.of(0x80), 7)),
    ...(isAuthority ? [] : [extension("2.5.29.37", sequence(PURPOSES[purpose]))]),
    ...(places.length === 0 ? [] : [extension("2.5.29.17", sequence(...places))]),
    extension("2.5.29.14", octets(await keyIdOf(publicKey))),
    extension("2.5.29.35", sequence(tagged(0, await keyIdOf(authorityKey), true))),
  ];
}

function extension(id: string, contents: Uint8Array): Bytes {
  return sequence(oid(id), octets(contents));
}

function critical(id: string, contents: Uint8Array): Bytes {
  return sequence(oid(id), TRUE, octets(contents));
}

/** RFC 7093 §2, method 1. */
async function keyIdOf(publicKey: Uint8Array): Promise<Bytes> {
  const digest = await globalThis.crypto.subtle.digest("SHA-256", joined(publicKey));
  return new Uint8Array(digest, 0, 20).slice();
}
