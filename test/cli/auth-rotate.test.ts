/** `cepa auth rotate-ca`: authorities side by side, and a configuration that names them. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { writeNew } from "#cli/auth-init.ts";
import { rotateAuthority } from "#cli/auth-rotate.ts";
import { makeTrust } from "#cli/trust-files.ts";
import { parseToml } from "#runtime/config/toml.ts";
import { must } from "#runtime/errors.ts";
import { cepa } from "#test/cli/run.ts";
import { SshKeygen } from "#test/kit/ssh-keygen.ts";

const root = mkdtempSync(join(tmpdir(), "cepa-rotate-"));
after(() => rmSync(root, { recursive: true }));

async function newTrust(name: string): Promise<string> {
  const directory = join(root, name);
  must(writeNew(directory, await makeTrust({ directory, hosts: [], nowMs: Date.now() })), "written");
  return directory;
}

function authorities(directory: string): unknown {
  const config = must(parseToml("cepa.toml", readFileSync(join(directory, "cepa.toml"))), "a configuration");
  return (config["auth"] as { producerAuthority: unknown }).producerAuthority;
}

describe("cli: auth rotate-ca", () => {
  it("makes another authority beside the one before, and the configuration trusts both", async () => {
    const directory = await newTrust("two");

    const { code, stdout, stderr } = await cepa(["auth", "rotate-ca", "--admin", directory, "--json"]);
    const again = await cepa(["auth", "rotate-ca"], { env: { CEPA_ADMIN: directory } });

    assert.deepEqual([code, stderr, again.code], [0, "", 0]);
    assert.deepEqual(JSON.parse(stdout), { directory, files: ["producer_ca.2", "producer_ca.2.pub"] });
    const names = ["producer_ca.pub", "producer_ca.2.pub", "producer_ca.3.pub"];
    assert.deepEqual(
      authorities(directory),
      names.map((name) => join(directory, name)),
    );
    assert.equal(statSync(join(directory, "producer_ca.2")).mode & 0o777, 0o600);
    const keygen = new SshKeygen(directory);
    const keys = ["producer_ca", "producer_ca.2", "producer_ca.3"].map((name) => keygen.must("-y", "-f", name));
    assert.equal(new Set(keys).size, 3);
  });

  it("changes nothing else in a configuration that was gone on with", async () => {
    const directory = await newTrust("more");
    const path = join(directory, "cepa.toml");
    const more = '\n[storage]\ncache = "1GiB" # ours\n';
    const before = readFileSync(path, "utf8");
    writeFileSync(path, `${before}${more}`);

    must(await rotateAuthority({ admin: directory, json: true }), "rotated");

    const line = JSON.stringify(join(directory, "producer_ca.pub"));
    const next = JSON.stringify(join(directory, "producer_ca.2.pub"));
    assert.equal(readFileSync(path, "utf8"), `${before.replace(`[${line}]`, `[${line}, ${next}]`)}${more}`);
  });

  for (const [what, line] of [
    ["over several lines", 'producerAuthority = [\n  "/a.pub",\n]'],
    ["in a comment only", '# producerAuthority = ["/a.pub"]'],
    ["not at all", ""],
  ] as const) {
    it(`leaves all as it is where the authorities are named ${what}`, async () => {
      const directory = await newTrust(what);
      const path = join(directory, "cepa.toml");
      writeFileSync(path, `[auth]\n${line}\n`);
      const names = readdirSync(directory);

      const rotated = await rotateAuthority({ admin: directory });

      assert(!rotated.ok);
      assert.equal(rotated.failure.code, "cli.file-unreadable");
      assert.deepEqual(readdirSync(directory), names);
    });
  }
});
