/** Node's server for an `EdgeTls`, and whom it has let in. */
import { constants, X509Certificate } from "node:crypto";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { EdgeClient, EdgeTls, EdgeTlsUnusable } from "#runtime/edge/tls.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { resetSocket } from "#runtime/real/reset-socket.ts";

export function createTlsServer(tls: EdgeTls, options: ServerOptions): Result<Server, EdgeTlsUnusable> {
  const { certificate, key, clientAuthority, handshakeTimeoutMs } = tls;
  try {
    // What is no certificate Node passes over here, and then lets nobody in.
    if (!new X509Certificate(clientAuthority).ca) return unusable("the clients' authority is none");
    return ok(
      createServer({
        ...options,
        cert: certificate,
        key,
        ca: clientAuthority,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: "TLSv1.3",
        handshakeTimeout: handshakeTimeoutMs,
        // A session that is taken up again is not asked for a certificate, which may be over by then.
        secureOptions: constants.SSL_OP_NO_TICKET,
      }),
    );
  } catch (error) {
    // OpenSSL throws on what it cannot read, with words of its own that have nothing of the text in them.
    return unusable(error instanceof Error ? error.message : String(error));
  }
}

function unusable(cause: string): Result<never, EdgeTlsUnusable> {
  return fail({ code: "edge.tls-unusable", cause });
}

/** Undefined without TLS. */
export function clientOf(socket: Socket): EdgeClient | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return { names: certificate === undefined ? [] : namesIn(certificate) };
}

/** Ends it so that what was sent is no whole answer: without the end of TLS, and as a reset where it can be one. */
export function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else resetSocket(socket);
}

const DNS = /^DNS:([A-Za-z0-9._*-]+)$/;

function namesIn(certificate: X509Certificate): readonly string[] {
  const { CN } = certificate.toLegacyObject().subject;
  // A subject may have several: then it is a list, whatever its type says.
  const common: readonly unknown[] = [CN].flat();
  const places = certificate.subjectAltName ?? "";
  // Node quotes a name that has a comma in it, which would be several names here. Of who has one, none is taken.
  const dns = places.includes('"') ? [] : places.split(", ").flatMap((place) => DNS.exec(place)?.[1] ?? []);
  return [...common.filter((name) => typeof name === "string"), ...dns];
}
