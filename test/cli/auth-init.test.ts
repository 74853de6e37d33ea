/** `cepa auth init`, judged by the tools that others read such files with: `ssh-keygen`, OpenSSL, `node:tls`. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import { addressBytes } from "#cli/address-bytes.ts";
import { writeNew } from "#cli/auth-init.ts";
import { parseToml } from "#runtime/config/toml.ts";
import { cepa } from "#test/cli/run.ts";
import { SshKeygen } from "#test/kit/ssh-keygen.ts";

const root = mkdtempSync(join(tmpdir(), "cepa-auth-init-"));
after(() => rmSync(root, { recursive: true }));

/** Made once: each test only looks. */
const directory = join(root, "trust");
const made = cepa(["auth", "init", "--out", directory, "--json", "--host", "admin.example.org", "2001:db8::7"]);

const SECRETS = ["admin.key", "admin_server.key", "admin_ssh", "admin_ssh_ca", "admin_x509_ca.key", "producer_ca"];
const OPEN = [
  "admin.pem",
  "admin_server.pem",
  "admin_ssh-cert.pub",
  "admin_ssh_ca.pub",
  "admin_x509_ca.pem",
  "cepa.toml",
  "producer_ca.pub",
];

const read = (name: string): string => readFileSync(join(directory, name), "utf8");
const modeOf = (name: string): number => statSync(join(directory, name)).mode & 0o777;

describe("cli: auth init", () => {
  it("writes every file, secret ones for their owner alone, and says which in JSON", async () => {
    const { code, stdout, stderr } = await made;

    assert.deepEqual([code, stderr], [0, ""]);
    const said = JSON.parse(stdout) as { directory: string; files: string[] };
    assert.equal(said.directory, directory);
    assert.deepEqual([...said.files].sort(), [...SECRETS, ...OPEN].sort());
    assert.deepEqual(readdirSync(directory).sort(), [...SECRETS, ...OPEN].sort());
    assert.deepEqual(
      SECRETS.map(modeOf),
      SECRETS.map(() => 0o600),
    );
    assert.deepEqual(
      OPEN.map(modeOf),
      OPEN.map(() => 0o644),
    );
  });

  it("makes an administrator's certificate that ssh-keygen reads, signed by its authority", async () => {
    await made;
    const keygen = new SshKeygen(directory);

    const said = keygen.must("-L", "-f", "admin_ssh-cert.pub");
    const authority = keygen.must("-l", "-f", "admin_ssh_ca.pub").split(" ")[1] ?? "none";

    assert.match(said, /ssh-ed25519-cert-v01@openssh\.com user certificate/);
    assert.match(said, new RegExp(`Signing CA: ED25519 ${authority.replaceAll(/[+/]/g, "\\$&")} `));
    assert.match(said, /Principals: \n\s+fdc-admin\n/);
    assert.match(said, /Critical Options: \(none\)/);
    for (const name of ["producer_ca", "admin_ssh_ca"]) {
      assert.equal(keygen.must("-y", "-f", name).trim(), read(`${name}.pub`).trim());
    }
    assert.equal(keygen.must("-y", "-f", "admin_ssh").split(" ").length, 3);
  });

  it("makes an authority of producers that ssh-keygen signs with", async () => {
    await made;
    const keygen = new SshKeygen(root);
    keygen.makeKey("producer");

    const line = keygen.certify(join(directory, "producer_ca"), "producer", "-n", "fdc-producer");

    assert.match(line, /^ssh-ed25519-cert-v01@openssh\.com /);
  });

  it("makes certificates that TLS 1.3 takes on both sides, under the names that were asked for", async () => {
    await made;
    const ca = read("admin_x509_ca.pem");
    const server = createServer({
      cert: read("admin_server.pem"),
      key: read("admin_server.key"),
      ca,
      requestCert: true,
      minVersion: "TLSv1.3",
    });
    const met = new Promise<TLSSocket>((resolve) => server.once("secureConnection", resolve));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };

    const client = connect({ port, host: "127.0.0.1", ca, cert: read("admin.pem"), key: read("admin.key") });
    const seen = await met;

    assert.equal(seen.getPeerCertificate().subject.CN, "cepa-admin");
    assert.equal(seen.authorized, true);
    client.destroy();
    server.close();
    const certificate = new X509Certificate(read("admin_server.pem"));
    assert.deepEqual(
      ["localhost", "admin.example.org"].map((name) => certificate.checkHost(name)),
      ["localhost", "admin.example.org"],
    );
    assert.deepEqual(
      ["127.0.0.1", "::1", "2001:db8::7"].map((address) => certificate.checkIP(address)),
      ["127.0.0.1", "::1", "2001:db8::7"],
    );
  });

  it("makes a configuration that names the files, whatever the directory is called", async () => {
    const odd = join(root, 'a "trust" \\ of ü');

    const { code } = await cepa(["auth", "init", "--out", odd]);

    assert.equal(code, 0);
    const config = parseToml("cepa.toml", readFileSync(join(odd, "cepa.toml")));
    assert(config.ok);
    assert.deepEqual(config.value, {
      ingest: { enabled: true },
      auth: { producerAuthority: [join(odd, "producer_ca.pub")] },
      gateway: {
        adminCertificate: join(odd, "admin_server.pem"),
        adminKey: join(odd, "admin_server.key"),
        adminClientAuthority: join(odd, "admin_x509_ca.pem"),
        adminClientNames: ["cepa-admin"],
        adminSshAuthority: [join(odd, "admin_ssh_ca.pub")],
        adminPrincipals: ["fdc-admin"],
      },
    });
  });

  it("writes nothing where one of the files is there", async () => {
    const taken = join(root, "taken");
    mkdirSync(taken);
    writeFileSync(join(taken, "admin.pem"), "somebody's");
    const before = statSync(taken, { bigint: true }).mtimeNs;

    const { code, stdout, stderr } = await cepa(["auth", "init", "--out", taken]);

    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^cepa: cli\.file-exists: .*admin\.pem exists, and nothing was written/);
    assert.deepEqual(readdirSync(taken), ["admin.pem"]);
    assert.equal(statSync(taken, { bigint: true }).mtimeNs, before, "not even for a moment");
    assert.equal(readFileSync(join(taken, "admin.pem"), "utf8"), "somebody's");
  });

  it("takes away what it has written where it cannot go on", () => {
    const half = join(root, "half");
    const files = ["first", "a folder/that is not there"].map((name) => ({ name, text: name, isSecret: true }));

    const written = writeNew(half, files);

    assert(!written.ok);
    assert.equal(written.failure.code, "cli.file-unwritable");
    assert.deepEqual(readdirSync(half), []);
  });

  it("refuses a directory that no configuration could name, and hosts that are none", async () => {
    const lines = await cepa(["auth", "init", "--out", join(root, "two\nlines")]);
    const host = await cepa(["auth", "init", "--out", join(root, "hosts"), "--host", "a b"]);

    assert.match(lines.stderr, /cli\.file-unwritable: the path of the directory has control characters/);
    assert.equal(host.code, 2);
    assert.equal(existsSync(join(root, "hosts")), false);
  });
});

describe("cli: bytes of an address", () => {
  for (const [text, bytes] of [
    ["127.0.0.1", "7f000001"],
    ["::", "00".repeat(16)],
    ["::1", `${"00".repeat(15)}01`],
    ["2001:db8::7", "20010db8000000000000000000000007"],
    ["::ffff:1.2.3.4", "00000000000000000000ffff01020304"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
  ] as const) {
    it(`of ${text}`, () => {
      assert.equal(Buffer.from(addressBytes(text)).toString("hex"), bytes);
    });
  }
});
