/** An administrator's files, as `cepa auth init` makes them: what is shown to a node, whom it is known by, and who signs. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Outcome, reasonOf } from "#cli/failure.ts";
import { TRUST_FILES } from "#cli/trust-files.ts";
import type { AdminSigner } from "#client/admin-request.ts";
import { parsePrivateKey, signerOf } from "#client/ssh/private-key.ts";
import { fail, ok } from "#runtime/errors.ts";

/** Characters of a file: one of OpenSSL or `ssh-keygen` with a chain of certificates has far fewer. */
export const ADMIN_FILE_LENGTH_MAX = 65_536;

export interface AdminFiles {
  readonly directory: string;
  /** For TLS, in PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly signer: AdminSigner;
}

export async function readAdminFiles(given: string): Promise<Outcome<AdminFiles>> {
  const directory = resolve(given);
  const texts: string[] = [];
  const { adminX509Authority, client, admin } = TRUST_FILES;
  const names = [`${adminX509Authority}.pem`, `${client}.pem`, `${client}.key`, admin, `${admin}-cert.pub`];
  for (const name of names) {
    const read = readText(join(directory, name));
    if (!read.ok) return read;
    texts.push(read.value);
  }
  const [ca = "", cert = "", key = "", ssh = "", certificate = ""] = texts;
  const parsed = parsePrivateKey(ssh);
  if (typeof parsed === "string") return badKey(join(directory, admin), parsed);
  const signer = await signerOf(parsed);
  if (signer === undefined) return badKey(join(directory, admin), "its halves are those of two keys");
  return ok({ directory, tls: { ca, cert, key }, signer: { certificate, sign: signer.sign } });
}

function readText(path: string): Outcome<string> {
  try {
    const text = readFileSync(path, "utf8");
    if (text.length <= ADMIN_FILE_LENGTH_MAX) return ok(text);
    return fail({
      code: "cli.file-unreadable",
      message: `${path}: it has more than ${ADMIN_FILE_LENGTH_MAX} characters`,
    });
  } catch (error) {
    return fail({ code: "cli.file-unreadable", message: `${path}: ${reasonOf(error)}` });
  }
}

function badKey(path: string, why: string): Outcome<never> {
  return fail({ code: "cli.bad-key", message: `the key in ${path} cannot be used: ${why}` });
}
