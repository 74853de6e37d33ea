/**
 * Who asks, and whether that is an administrator: by the certificate that the connection came with, by an OpenSSH certificate
 * of an authority that we trust, and by a signature of that key over this very request (seed 004).
 *
 * Each by itself is not enough: the first says who may knock, the second who may sign, the third what was signed. What is wrong is
 * for our log; whoever asks hears of all of it the same.
 */
import { canonicalText } from "#actors/domain/canonical-json.ts";
import type { JsonObject } from "#actors/domain/json-value.ts";
import { readAuthorities } from "#actors/domain/ssh/authority-files.ts";
import { type Certified, verifyCertificate } from "#actors/domain/ssh/certified.ts";
import { fingerprintOf } from "#actors/domain/ssh/key.ts";
import { parseKeyLine } from "#actors/domain/ssh/key-line.ts";
import { verifySigned } from "#actors/domain/ssh/signature.ts";
import type { GatewayConfig } from "#actors/gateway/config.ts";
import type { NotAdmin } from "#actors/gateway/failures.ts";
import type { ConfigView } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { EdgeRequest } from "#runtime/edge/edge.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** Characters of a nonce: fewer may come twice by chance. */
export const ADMIN_NONCE_LENGTH_MIN = 16;
/** It is a part of the name of a key in Redis. */
export const ADMIN_NONCE_LENGTH_MAX = 128;

/** Somebody who may sign as an administrator. Whether they have signed this is another question. */
export interface Credentials {
  readonly certified: Certified;
  readonly fingerprint: string;
  readonly nonce: string;
  readonly signature: string;
}

export interface CredentialSeams {
  readonly config: ConfigView<GatewayConfig>;
  readonly disk: Disk;
  readonly clock: Clock;
}

type Asked = Pick<EdgeRequest, "method" | "path" | "headers" | "client">;

const NONCE = new RegExp(`^[!-~]{${ADMIN_NONCE_LENGTH_MIN},${ADMIN_NONCE_LENGTH_MAX}}$`);

/** The authorities are read for every request: these are few, and one that was taken away counts no longer at once. */
export async function credentialsOf(
  { config, disk, clock }: CredentialSeams,
  { client, headers }: Asked,
): Promise<Result<Credentials, NotAdmin>> {
  const { adminClientNames, adminSshAuthority, adminPrincipals } = config.current;
  if (client === undefined) return refused("no-client-certificate");
  if (adminClientNames.length > 0 && !hasOneOf(client.names, adminClientNames)) return refused("other-client");
  const line = headers["x-admin-cert"];
  const nonce = headers["x-admin-nonce"];
  const signature = headers["x-admin-signature"];
  if (line === undefined || nonce === undefined || signature === undefined) return refused("not-signed");
  if (!NONCE.test(nonce)) return refused("bad-nonce");
  const parsed = parseKeyLine(line);
  if (!parsed.ok) return refused(parsed.failure.reason);
  if (parsed.value.kind !== "certificate") return refused("no-certificate");
  const authorities = await readAuthorities(disk, "gateway.adminSshAuthority", adminSshAuthority);
  if (typeof authorities === "string") return refused(authorities);

  const nowSeconds = Math.floor(clock.wallMs() / second);
  const trust = { authorities, principals: new Set(adminPrincipals), nowSeconds };
  const certified = verifyCertificate(parsed.value.certificate, trust);
  if (!certified.ok) return refused(certified.failure.reason);
  return ok({ certified: certified.value, fingerprint: fingerprintOf(certified.value.key), nonce, signature });
}

/** Whether this is what they have signed: neither another body, nor for another method, path or time. */
export function checkSignature(
  { certified, nonce, signature }: Credentials,
  { method, path }: Pick<Asked, "method" | "path">,
  body: JsonObject,
): Result<void, NotAdmin> {
  const message = Buffer.from(`${canonicalText(body)}\n${method}\n${path}\n${nonce}`);
  const signed = verifySigned({ key: certified.key, message, signatureBase64: signature });
  return signed.ok ? ok() : refused(signed.failure.reason);
}

function hasOneOf(names: readonly string[], allowed: readonly string[]): boolean {
  const known = new Set(allowed.map((name) => name.toLowerCase()));
  return names.some((name) => known.has(name.toLowerCase()));
}

function refused(problem: string): Result<never, NotAdmin> {
  return fail({ code: "gateway.not-admin", problem });
}
