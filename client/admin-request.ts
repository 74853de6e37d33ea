/**
 * What an administrator signs of a request, and the fields that say so (seed 004): the canonical text of the body, the method,
 * the path and a nonce, a line each. So a signature is good for one request, and for one time.
 *
 * Runs in a browser.
 */
import { canonicalText } from "#client/canonical-json.ts";
import type { SshSigner } from "#client/ssh/certificate.ts";
import { base64Of } from "#client/ssh/wire.ts";

export interface AdminRequest {
  /** In upper case. */
  readonly method: string;
  /** As it is sent, without a query: there is none. */
  readonly path: string;
  /** `{}` where nothing is sent. */
  readonly body: Readonly<Record<string, unknown>>;
  /** 16 to 128 printable characters without spaces, others for each request. */
  readonly nonce: string;
}

export interface AdminSigner extends Pick<SshSigner, "sign"> {
  /** The line of the certificate over the signer's key. */
  readonly certificate: string;
}

/** The body as it may be sent, and the fields beside it. Throws `client.not-signable` for a body that is no JSON. */
export async function signAdminRequest(
  { method, path, body, nonce }: AdminRequest,
  { certificate, sign }: AdminSigner,
): Promise<{ readonly body: string; readonly headers: Readonly<Record<string, string>> }> {
  const text = canonicalText(body);
  const message = new TextEncoder().encode(`${text}\n${method}\n${path}\n${nonce}`);
  const headers = {
    "x-admin-cert": certificate.trim(),
    "x-admin-nonce": nonce,
    "x-admin-signature": base64Of(await sign(message)),
  };
  return { body: text, headers };
}
