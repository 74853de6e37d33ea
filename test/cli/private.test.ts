/** `cepa put --private`, and `get` and `stat` with a private link, as processes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readName } from "#cli/name.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, MAIN } from "#test/cli/run.ts";
import { keyOf } from "#test/client/private-vectors.ts";
import { startRecordingProxy, tellsOf } from "#test/kit/recording-proxy.ts";

const node = await startFakeNode();
const proxy = await startRecordingProxy(node.url);
after(async () => {
  await proxy[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

const bytes = Buffer.alloc(2 * 1_048_320 + 7, "cepa private ");
const LINK = /^cepa:[0-9a-f]{64}#[A-Za-z0-9_-]{43}$/;

/** A fresh folder with the sample file in it. */
function folder(name: string): string {
  const path = join(node.directory, name);
  mkdirSync(path);
  writeFileSync(join(path, "sample"), bytes);
  return path;
}

async function linkOf(cwd: string): Promise<string> {
  return (await cepa(["put", "--private", "sample", "--url", node.url], { cwd })).stdout.trim();
}

/** The same root with another key. */
function withOtherKey(link: string): string {
  return `${link.slice(0, -43)}${"A".repeat(43)}`;
}

describe("cli: put --private", () => {
  it("prints a link and nothing else, which gets the file back", async () => {
    const cwd = folder("private-one");

    const put = await cepa(["put", "--private", "sample", "--data", node.directory], { cwd });
    const got = await cepa(["get", put.stdout.trim(), "-o", "copy", "--data", node.directory], { cwd });

    assert.match(put.stdout.trim(), LINK);
    assert.deepEqual([put.code, put.stderr], [0, ""]);
    assert.deepEqual(got, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(readFileSync(join(cwd, "copy")), bytes);
    assert.deepEqual(readdirSync(cwd).sort(), ["copy", "sample"]);
  });

  it("announces the length of the ciphertext, and its format", async () => {
    await linkOf(folder("private-announce"));

    assert.equal(node.lastUpload["content-length"], String(3 * 1_048_576));
    assert.equal(node.lastUpload["cepa-enc"], "cepa-private/1");
    assert.equal(node.lastUpload.expect, "100-continue");
  });

  it("stores standard input of any length, without a name", async () => {
    const put = await cepa(["put", "--private", "-", "--url", node.url], { input: bytes });
    const stat = await cepa(["stat", put.stdout.trim(), "--json", "--url", node.url]);
    const got = await cepa(["get", put.stdout.trim(), "--url", node.url]);

    const root = put.stdout.slice(5, 69);
    assert.deepEqual(JSON.parse(stat.stdout), { root, size: bytes.length, chunks: 3 });
    assert.equal(got.stdout, bytes.toString());
    assert.equal(node.lastUpload["transfer-encoding"], "chunked");
  });

  it("names each of several files, stores what it can, and answers with JSON when asked to", async () => {
    const cwd = folder("private-several");
    writeFileSync(join(cwd, "empty"), "");

    const lines = await cepa(["put", "--private", "sample", "missing", "empty", "--url", node.url], { cwd });
    const json = await cepa(["put", "--private", "empty", "--json", "--url", node.url], { cwd });

    const [first = "", second = "", ...more] = lines.stdout.split("\n");
    assert.equal(lines.code, 1);
    assert.match(lines.stderr, /^cepa: cli\.file-unreadable: missing: ENOENT/);
    assert.deepEqual([first.slice(113), second.slice(113), more], ["  sample", "  empty", [""]]);
    assert.match(first.slice(0, 113), LINK);
    const { link, ...rest } = JSON.parse(json.stdout);
    assert.match(link, LINK);
    assert.deepEqual(rest, { file: "empty", size: 0 });
  });

  it("fails for a file that has other bytes than its size says, which the padding would hide", async () => {
    const ran = await cepa(["put", "--private", "/proc/self/status", "--url", node.url]);

    const stderr = "cepa: cli.file-unreadable: /proc/self/status: the file changed while it was read\n";
    assert.deepEqual(ran, { code: 1, stdout: "", stderr });
  });

  it("does not take a chunker with it", async () => {
    const ran = await cepa(["put", "--private", "--chunker", "gear-fine/1", "x", "--url", node.url]);

    assert.equal(ran.code, 2);
  });

  it("prints no link for a node that stored something else", async () => {
    const cwd = folder("private-lied-to");
    node.misbehave = "wrong-address";

    const ran = await cepa(["put", "--private", "sample", "--url", node.url], { cwd });
    node.misbehave = undefined;

    assert.deepEqual([ran.code, ran.stdout], [1, ""]);
    assert.match(ran.stderr, /^cepa: client\.bytes-differ: /);
  });

  it("fails with the node's own code when the node refuses", async () => {
    const cwd = folder("private-refused");
    node.misbehave = "refuse";

    const ran = await cepa(["put", "--private", "sample", "--url", node.url], { cwd });
    node.misbehave = undefined;

    assert.deepEqual(ran, { code: 1, stdout: "", stderr: "cepa: storage.full: The disk is full. (corr-1)\n" });
  });
});

describe("cli: get and stat with a private link", () => {
  it("shows size, name and what the node sees", async () => {
    const link = await linkOf(folder("private-stat"));

    const ran = await cepa(["stat", link, "--url", node.url]);

    assert.deepEqual(ran, {
      code: 0,
      stdout: `root    ${link.slice(5, 69)}\nsize    2096647 (2.0 MiB)\nname    sample\nchunks  3\n`,
      stderr: "",
    });
  });

  it("gives a range, and says what it wrote", async () => {
    const cwd = folder("private-range");
    const link = await linkOf(cwd);

    const part = await cepa(["get", link, "--range", "1048315-1048324", "--url", node.url]);
    const rest = await cepa(["get", link, "--range", "2096640-", "-o", "rest", "--json", "--url", node.url], { cwd });
    const outside = await cepa(["get", link, "--range", "2096647-", "-o", "none", "--url", node.url], { cwd });

    assert.equal(part.stdout, bytes.toString("latin1", 1_048_315, 1_048_325));
    assert.deepEqual(JSON.parse(rest.stdout), { root: link.slice(5, 69), size: 7, file: "rest" });
    assert.match(outside.stderr, /^cepa: client\.range-unsatisfiable: /);
    assert.deepEqual(readdirSync(cwd).sort(), ["rest", "sample"]);
  });

  it("takes a range for a private link only, and only one that has a beginning", async () => {
    const link = await linkOf(folder("private-usage"));
    const asked = [
      [`b3:${"0".repeat(64)}`, "--range", "0-1"],
      [link, "--range", "5-4"],
      [link, "--range", "-5"],
      [link, "--range", "0-1,3-4"],
    ];

    for (const args of asked) assert.equal((await cepa(["get", ...args, "--url", node.url])).code, 2, String(args));
  });

  it("reads a link, or an address, from standard input", async () => {
    const cwd = folder("private-stdin");
    const link = await linkOf(cwd);

    const got = await cepa(["get", "-", "-o", "copy", "--url", node.url], { cwd, input: `${link}\n` });
    const stat = await cepa(["stat", "-", "--json", "--url", node.url], { input: `  ${link}` });
    const none = await cepa(["get", "-", "--url", node.url], { input: link.slice(1) });

    assert.deepEqual(readFileSync(join(cwd, "copy")), bytes);
    assert.deepEqual([got.code, JSON.parse(stat.stdout).size], [0, bytes.length]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /^cepa: cli\.bad-name: /);
    assert(!tellsOf(Buffer.from(none.stderr), keyOf(link)));
  });

  it("reads no more of standard input than a name can be", async () => {
    let given = 0;
    const endless = async function* (): AsyncGenerator<Buffer> {
      for (; given < 1000; given += 1) yield Buffer.alloc(64, "x");
    };

    const read = await readName(endless());

    assert(!read.ok && given < 10);
  });

  it("keeps the file that was there, and fails with --no-clobber", async () => {
    const cwd = folder("private-kept");
    const link = await linkOf(cwd);

    const ran = await cepa(["get", link, "-o", "sample", "--no-clobber", "--url", node.url], { cwd });

    assert.match(ran.stderr, /^cepa: cli\.file-exists: /);
  });

  for (const [misbehave, code] of [
    ["wrong-bytes", "client.bytes-differ"],
    ["cut", "cli.cut-short"],
    ["page", "client.bytes-differ"],
    ["json-404", "cli.bad-answer"],
  ] as const) {
    it(`writes nothing, and keeps what was there, when the node lies (${misbehave})`, async () => {
      const cwd = folder(`private-${misbehave}`);
      const link = await linkOf(cwd);
      node.misbehave = misbehave;

      const named = await cepa(["get", link, "-o", "sample", "--url", node.url], { cwd });
      const piped = await cepa(["get", link, "--url", node.url]);
      const stat = await cepa(["stat", link, "--url", node.url]);
      node.misbehave = undefined;

      for (const { code: exit, stdout, stderr } of [named, piped, stat]) {
        assert.deepEqual([exit, stdout], [1, ""]);
        assert.match(stderr, new RegExp(`^cepa: ${code}: [^\\n]+\\n$`));
      }
      assert.deepEqual(readdirSync(cwd), ["sample"]);
      assert.deepEqual(readFileSync(join(cwd, "sample")), bytes);
    });
  }

  it("writes nothing of an object that is damaged in the middle: no half file, and not a byte into a pipe", async () => {
    const cwd = folder("private-damaged");
    const link = await linkOf(cwd);
    const ciphertext = node.ciphertext.bytes.get(link.slice(5, 69));
    assert(ciphertext !== undefined);
    ciphertext[1_048_576 + 5] = (ciphertext[1_048_576 + 5] ?? 0) ^ 1;

    const named = await cepa(["get", link, "-o", "copy", "--url", node.url], { cwd });
    const piped = await cepa(["get", link, "--url", node.url]);

    assert.deepEqual([named.code, piped.code], [1, 1]);
    assert.match(named.stderr, /^cepa: client\.bytes-differ: chunk 1 is not/);
    assert.deepEqual(readdirSync(cwd), ["sample"]);
    assert.equal(piped.stdout, "");
  });

  it("is asked once for what goes into a pipe, which waits where TMPDIR says, under no name, or nothing is written", async () => {
    const cwd = folder("private-spooled");
    const link = await linkOf(cwd);
    const temporary = join(cwd, "temporary");
    mkdirSync(temporary);
    proxy.sent();

    const got = await cepa(["get", link, "--url", proxy.url], { env: { TMPDIR: temporary } });
    const asked = proxy
      .sent()
      .toString("latin1")
      .match(/^GET .*\/data /gm);
    const without = await cepa(["get", link, "--url", node.url], { env: { TMPDIR: join(cwd, "none") } });
    const first = await cepa(["get", link, "--range", "0-9", "--url", node.url], {
      env: { TMPDIR: join(cwd, "none") },
    });

    assert.equal(got.stdout, bytes.toString());
    assert.equal(asked?.length, 2, "the last chunk, and what is before it");
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual([without.code, without.stdout], [1, ""]);
    assert.match(without.stderr, /^cepa: cli\.file-unwritable: .*none, .*ENOENT.*; with -o FILE/);
    assert.deepEqual([first.code, first.stdout], [0, bytes.toString("latin1", 0, 10)]);
  });

  it("refuses a wrong key before it touches the file", async () => {
    const cwd = folder("private-wrong-key");
    const link = await linkOf(cwd);

    const ran = await cepa(["get", withOtherKey(link), "-o", "sample", "--url", node.url], { cwd });

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^cepa: client\.wrong-key: /);
    assert.deepEqual(readFileSync(join(cwd, "sample")), bytes);
  });
});

describe("cli: the key of a private link", () => {
  it("never leaves: not to the node, not in an error, wherever the link was put", async () => {
    const cwd = folder("private-secret");
    proxy.sent();
    const put = await cepa(["put", "--private", "sample", "--url", proxy.url], { cwd });
    const link = put.stdout.trim();
    const key = keyOf(link);

    const said: string[] = [];
    for (const args of [
      ["get", link, "-o", "copy"],
      ["get", link, "--range", "5-9", "-o", "part"],
      ["get", link, "--range", "9999999-"],
      ["get", link, "-o", "/nonexistent/copy"],
      ["get", link.slice(0, -1)],
      ["get", `${link}x`],
      ["get", link.replace("cepa:", "CEPA:")],
      ["get", link.slice(69)],
      ["get", link, link],
      ["get", `--${link}`],
      ["stat", `${link}=`],
      ["put", link],
      ["put", "--private", link, link],
      ["kill", link],
      [link],
    ]) {
      const { stdout, stderr } = await cepa([...args, ...(args.length > 1 ? ["--url", proxy.url] : [])], { cwd });
      said.push(stdout, stderr);
    }
    await cepa(["stat", link, "--url", proxy.url]);

    const sent = proxy.sent();
    assert(sent.length > 3 * 1_048_576 && sent.includes(link.slice(5, 69)), "the line was listened to");
    assert(!tellsOf(sent, key));
    assert(!sent.includes("sample"));
    assert(said.join("").length > 1000);
    for (const text of said) assert(!tellsOf(Buffer.from(text), key), text);
  });

  it("is not in the arguments that others see of a running command", async () => {
    const cwd = folder("private-title");
    const link = await linkOf(cwd);

    // Its output is not read, so it stays.
    const child = spawn(process.execPath, [MAIN, "get", link, "--url", node.url], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("readable", resolve));
    const seen = readFileSync(`/proc/${child.pid}/cmdline`, "latin1");
    child.kill("SIGKILL");

    assert(seen.startsWith(`cepa get ${link.slice(0, 70)}`), seen);
    assert(!tellsOf(Buffer.from(seen, "latin1"), keyOf(link)));
  });
});
