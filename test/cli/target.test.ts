/** Where `cepa get -o` writes, and where not: what is in the way, links, and files that come meanwhile. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { after, afterEach, describe, it, mock } from "node:test";
import { keep } from "#cli/get.ts";
import { openTarget } from "#cli/target.ts";
import { must } from "#runtime/errors.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const bytes = Buffer.from("what was asked for");
const address = addressOf(bytes);
node.objects.set(address, bytes);

function folder(name: string): string {
  const path = join(node.directory, name);
  mkdirSync(path);
  return path;
}

describe("cli: get into what cannot be written", () => {
  /** Where no node is: who asks it is told so. */
  const nowhere = "http://127.0.0.1:1";

  it("says why, before it asks the node, whatever it gets and whether it may replace a file", async () => {
    const cwd = folder("unwritable");
    writeFileSync(join(cwd, "plain"), "");
    symlinkSync("loop", join(cwd, "loop"));
    const { stdout } = await cepa(["put", "--private", "-", "--url", node.url], { input: bytes });
    const said = { "plain/x": "ENOTDIR: not a directory", loop: "ELOOP: too many symbolic links encountered" };

    for (const [output, why] of Object.entries(said)) {
      for (const asked of [[address], [stdout.trim()], ["-r", address], [address, "--no-clobber"]]) {
        const ran = await cepa(["get", ...asked, "-o", output, "--url", nowhere], { cwd });

        const stderr = `cepa: cli.file-unwritable: ${output}: ${why}\n`;
        assert.deepEqual(ran, { code: 1, stdout: "", stderr });
      }
    }
  });
});

describe("cli: get through a link that leads to nothing", () => {
  for (const args of [[], ["--no-clobber"]]) {
    it(`makes what it points to, and leaves the link (${args[0] ?? "clobber"})`, async () => {
      const cwd = folder(`dangling-${args.length}`);
      mkdirSync(join(cwd, "there", "below"), { recursive: true });
      symlinkSync("there/below", join(cwd, "way"));
      symlinkSync("way/../second", join(cwd, "first"));
      symlinkSync(join(cwd, "there", "made"), join(cwd, "there", "second"));

      const ran = await cepa(["get", address, "-o", "first", ...args, "--url", node.url], { cwd });

      assert.deepEqual(ran, { code: 0, stdout: "", stderr: "" });
      assert.equal(readlinkSync(join(cwd, "first")), "way/../second");
      assert.deepEqual([readdirSync(cwd), readdirSync(join(cwd, "there"))].flat(), [
        ...["first", "there", "way"],
        ...["below", "made", "second"],
      ]);
      assert(lstatSync(join(cwd, "there", "made")).isFile());
      assert.deepEqual(readFileSync(join(cwd, "there", "made")), bytes);
    });
  }

  it("fails where there is no directory for it, and leaves the link", async () => {
    const cwd = folder("dangling-nowhere");
    symlinkSync("none/made", join(cwd, "link"));

    const ran = await cepa(["get", address, "-o", "link", "--url", node.url], { cwd });

    const stderr = "cepa: cli.file-unwritable: link: ENOENT: no such file or directory\n";
    assert.deepEqual(ran, { code: 1, stdout: "", stderr });
    assert.equal(readlinkSync(join(cwd, "link")), "none/made");
  });
});

describe("cli: what a killed get has left", () => {
  it("is removed by the next one to the same file, and nothing else is", async () => {
    const cwd = folder("left");
    const { pid } = spawnSync("true");
    const dead = [`copy.part-${pid}`, "copy.part-4194305"];
    const others = [
      `copy.part-${process.pid}`,
      "copy.part-",
      "copy.part-x1",
      `other.part-${pid}`,
      `a copy.part-${pid}`,
    ];
    for (const name of [...dead, ...others]) writeFileSync(join(cwd, name), "left");

    const ran = await cepa(["get", address, "-o", "copy", "--url", node.url], { cwd });

    assert.equal(ran.code, 0);
    assert.deepEqual(readdirSync(cwd).sort(), ["copy", ...others].sort());
  });
});

describe("cli: get --no-clobber", () => {
  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  for (const kind of ["an object", "a private one"]) {
    it(`keeps a file that comes while it fetches ${kind}`, async () => {
      const cwd = folder(`meanwhile ${kind}`);
      const put = await cepa(["put", "--private", "-", "--url", node.url], { input: Buffer.from("private") });
      const name = kind === "an object" ? address : put.stdout.trim();
      node.onGet = async () => writeFileSync(join(cwd, "copy"), "mine");

      const ran = await cepa(["get", name, "-o", "copy", "--no-clobber", "--url", node.url], { cwd });
      node.onGet = undefined;

      const stderr = "cepa: cli.file-exists: copy exists, and --no-clobber was given\n";
      assert.deepEqual(ran, { code: 1, stdout: "", stderr });
      assert.deepEqual(readdirSync(cwd), ["copy"]);
      assert.equal(readFileSync(join(cwd, "copy"), "utf8"), "mine");
    });
  }

  for (const errno of [undefined, "EPERM", "ENOTSUP"]) {
    it(`keeps a file that comes before the end, and writes where none does (${errno ?? "with hard links"})`, async () => {
      const cwd = folder(`end-${errno}`);
      if (errno !== undefined) {
        mock.method(promises, "link", async () => {
          throw Object.assign(new Error(errno), { code: errno });
        });
        syncBuiltinESMExports();
      }
      const [free, taken] = ["free", "taken"].map((name) => join(cwd, name)) as [string, string];
      const targets = [free, taken].map((path) => openTarget(path, { clobber: false }));

      const outcomes = [];
      for (const opened of targets) {
        const target = must(await opened, "nothing is there");
        target.stream.write(bytes);
        if (target.name === taken) writeFileSync(taken, "mine");
        outcomes.push(await keep(target, bytes.length));
        await target.discard();
      }

      const failure = { code: "cli.file-exists", message: `${taken} exists, and --no-clobber was given` };
      assert.deepEqual(outcomes, [
        { ok: true, value: bytes.length },
        { ok: false, failure },
      ]);
      assert.deepEqual(readdirSync(cwd), ["free", "taken"]);
      assert.deepEqual([readFileSync(free), readFileSync(taken, "utf8")], [bytes, "mine"]);
    });
  }
});
