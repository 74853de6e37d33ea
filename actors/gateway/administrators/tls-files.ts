/** What the listener of administrators shows and whom it trusts, from its three files: read, and looked at before it listens. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { GatewayConfig } from "#actors/gateway/config.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { EdgeTls } from "#runtime/edge/tls.ts";

type TlsConfig = Pick<GatewayConfig, "adminCertificate" | "adminKey" | "adminClientAuthority" | "adminHandshakeMs">;

/** Or a sentence about the file that cannot be used, without anything that is in it. */
export async function readTls(disk: Disk, config: TlsConfig): Promise<EdgeTls | string> {
  const { adminCertificate, adminKey, adminClientAuthority, adminHandshakeMs } = config;
  const texts: string[] = [];
  for (const path of [adminCertificate, adminKey, adminClientAuthority]) {
    const read = await disk.readFile(path);
    if (!read.ok) return `the listener of administrators needs ${path}, which cannot be read (${read.failure.code})`;
    texts.push(Buffer.from(read.value).toString("latin1"));
  }
  const [certificate = "", key = "", clientAuthority = ""] = texts;
  const tls: EdgeTls = { certificate, key, clientAuthority, handshakeTimeoutMs: adminHandshakeMs };
  return problemOf(tls, config) ?? tls;
}

function problemOf({ certificate, key, clientAuthority }: EdgeTls, config: TlsConfig): string | undefined {
  const { adminCertificate, adminKey, adminClientAuthority } = config;
  const shown = certificateIn(certificate);
  if (shown === undefined) return `gateway.adminCertificate: ${adminCertificate} has no certificate in PEM`;
  const own = privateKeyIn(key);
  if (own === undefined) return `gateway.adminKey: ${adminKey} has no private key in PEM, or one with a passphrase`;
  if (!shown.checkPrivateKey(own)) return `gateway.adminKey: ${adminKey} is not the key of ${adminCertificate}`;
  if (certificateIn(clientAuthority)?.ca === true) return undefined;
  return `gateway.adminClientAuthority: ${adminClientAuthority} has no certificate of an authority in PEM`;
}

function certificateIn(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

function privateKeyIn(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}
