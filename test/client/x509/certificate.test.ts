/** Certificates that the client makes, judged by those who will have to take them: OpenSSL, and TLS on both sides. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import { newPrivateKey, type PrivateKey, signerOf } from "#client/ssh/private-key.ts";
import {
  formatX509,
  formatX509Key,
  type Purpose,
  signX509,
  type X509Authority,
  type X509Spec,
} from "#client/x509/certificate.ts";
import { provide } from "#test/kit/provide.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const NOW = Math.floor(Date.now() / 1000);
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

interface Made {
  readonly pem: string;
  readonly key: string;
  readonly privateKey: PrivateKey;
}

let serial = 0;

async function make(
  purpose: Purpose,
  by?: { readonly commonName: string; readonly privateKey: PrivateKey },
  given: Partial<X509Spec> = {},
): Promise<Made & { readonly commonName: string }> {
  const privateKey = await newPrivateKey("test");
  serial += 1;
  const commonName = given.commonName ?? purpose;
  const spec: X509Spec = {
    purpose,
    publicKey: privateKey.publicKey,
    commonName,
    serial: new Uint8Array(16).fill(serial),
    validAfter: NOW - 60,
    validUntil: NOW + 3600,
    ...(purpose === "server" ? { dnsNames: ["localhost"], addresses: [LOOPBACK] } : {}),
    ...given,
  };
  const signer = await signerOf(by?.privateKey ?? privateKey);
  assert(signer !== undefined);
  const authority: X509Authority = { commonName: by?.commonName ?? commonName, signer };
  const der = await signX509(spec, authority);
  assert(typeof der !== "string", String(der));
  return { pem: formatX509(der), key: formatX509Key(privateKey), privateKey, commonName };
}

/** What both ends say of a handshake with these. */
async function shake(context: TestContext, authority: Made, server: Made, client: Made | undefined): Promise<string> {
  const listener = createServer({
    cert: server.pem,
    key: server.key,
    ca: authority.pem,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.3",
  });
  context.after(() => listener.close());
  const outcome = new Promise<string>((resolve) => {
    listener.on("secureConnection", (socket: TLSSocket) => {
      resolve(`welcome ${socket.getPeerCertificate().subject.CN}`);
      socket.end();
    });
    listener.on("tlsClientError", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const own = client === undefined ? {} : { cert: client.pem, key: client.key };
  const socket = connect({ port, host: "127.0.0.1", ca: authority.pem, ...own });
  const refused = new Promise<string>((resolve) =>
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(`server: ${error.code}`)),
  );
  socket.on("secureConnect", () => undefined);
  socket.resume();
  const said = await Promise.race([
    outcome,
    refused.then(async (why) => (why.includes("SSL") || why.includes("RESET") ? await outcome : why)),
  ]);
  socket.destroy();
  return said;
}

describe("x509: certificates of one's own", () => {
  it("let a client and a server meet over TLS 1.3, and nobody else", async (context) => {
    const authority = await make("authority", undefined, { commonName: "our authority" });
    const server = await make("server", authority);
    const client = await make("client", authority, { commonName: "alice" });
    const other = await make("authority", undefined, { commonName: "our authority" });
    const stranger = await make("client", other, { commonName: "alice" });
    const late = await make("client", authority, { validAfter: NOW - 120, validUntil: NOW - 60 });
    const early = await make("client", authority, { validAfter: NOW + 600 });
    const wrong = await make("server", authority, { commonName: "a server as a client" });

    assert.equal(await shake(context, authority, server, client), "welcome alice");
    for (const [who, one] of Object.entries({ stranger, late, early, wrong, nobody: undefined })) {
      const said = await shake(context, authority, server, one);
      assert.match(said, /^(?!welcome)/, `${who}: ${said}`);
    }
    // A client is no server either.
    assert.match(await shake(context, authority, client, client), /^server: /);
  });

  it("say what they are for, to whoever reads them", async () => {
    const authority = await make("authority", undefined, { commonName: "our authority" });
    const server = await make("server", authority);
    const [root, leaf] = [new X509Certificate(authority.pem), new X509Certificate(server.pem)];

    assert.deepEqual(
      [root.ca, leaf.ca, root.subject, leaf.issuer],
      [true, false, "CN=our authority", "CN=our authority"],
    );
    assert.equal(leaf.subjectAltName, "DNS:localhost, IP Address:127.0.0.1");
    assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    assert.deepEqual(
      [leaf.checkIssued(root), leaf.verify(root.publicKey), root.verify(leaf.publicKey)],
      [true, true, false],
    );
    assert.equal(leaf.validFromDate.getTime() / 1000, NOW - 60);
  });

  it("write times and serials as RFC 5280 wants them, whenever and whatever they are", async () => {
    for (const [validAfter, validUntil] of [
      [0, 2_524_607_999],
      [2_524_607_999, 2_524_608_000],
      [2_524_608_000, 253_402_300_799],
    ] as const) {
      const { pem } = await make("authority", undefined, {
        validAfter,
        validUntil,
        serial: Uint8Array.of(...Array(15).fill(0), 200),
      });
      const read = new X509Certificate(pem);
      assert.deepEqual(
        [read.validFromDate.getTime() / 1000, read.validToDate.getTime() / 1000],
        [validAfter, validUntil],
      );
      assert.equal(BigInt(`0x${read.serialNumber}`), 200n);
    }
  });

  it("are not made of what they could not say", async () => {
    const { privateKey } = await make("authority");
    const signer = await signerOf(privateKey);
    assert(signer !== undefined);
    const spec: X509Spec = {
      purpose: "client",
      publicKey: signer.publicKey,
      commonName: "a",
      serial: new Uint8Array(16).fill(1),
      validAfter: 0,
      validUntil: 1,
    };
    const wrong: readonly (readonly [Partial<X509Spec>, string])[] = [
      [{ commonName: "" }, "bad-name"],
      [{ commonName: "a\nb" }, "bad-name"],
      [{ commonName: "a".repeat(65) }, "bad-name"],
      [{ dnsNames: ["a\0b"] }, "bad-name"],
      [{ addresses: [new Uint8Array(5)] }, "bad-name"],
      [{ publicKey: new Uint8Array(31) }, "bad-key"],
      [{ serial: new Uint8Array(16) }, "bad-serial"],
      [{ serial: new Uint8Array(15).fill(1) }, "bad-serial"],
      [{ validUntil: 0 }, "bad-validity"],
      [{ validAfter: 0.5 }, "bad-validity"],
      [{ validUntil: 253_402_300_800 }, "bad-validity"],
    ];
    for (const [given, problem] of wrong) {
      assert.equal(await signX509({ ...spec, ...given }, { commonName: "a", signer }), problem, JSON.stringify(given));
    }
    assert.notEqual(
      typeof (await signX509({ ...spec, commonName: "a".repeat(64) }, { commonName: "a", signer })),
      "string",
    );
  });
});

describe("x509: and OpenSSL", async () => {
  const skip = (await provide({ openssl: "openssl" })) ?? false;

  it("takes them by its strict rules, and the key that belongs to them", { skip }, async (context) => {
    const directory = await tempDirectory(context);
    const authority = await make("authority", undefined, { commonName: "our authority" });
    const client = await make("client", authority);
    const path = (name: string): string => join(directory, name);
    writeFileSync(path("ca.pem"), authority.pem);
    writeFileSync(path("client.pem"), client.pem);
    writeFileSync(path("client.key"), client.key);
    const openssl = (...args: readonly string[]): string =>
      execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });

    const verified = openssl(
      "verify",
      "-x509_strict",
      "-check_ss_sig",
      "-purpose",
      "sslclient",
      "-CAfile",
      path("ca.pem"),
      path("client.pem"),
    );

    assert.match(verified, /client\.pem: OK/);
    assert.equal(
      openssl("pkey", "-in", path("client.key"), "-pubout"),
      openssl("x509", "-in", path("client.pem"), "-pubkey", "-noout"),
    );
  });
});
