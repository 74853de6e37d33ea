/** `cepa put`, `get` and `stat` as processes, against a node that can be told to lie. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const bytes = Buffer.alloc(3 * 1024 * 1024 + 7, "cepa ");
const address = addressOf(bytes);

/** A fresh folder with the sample file in it. */
function folder(name: string): string {
  const path = join(node.directory, name);
  mkdirSync(path);
  writeFileSync(join(path, "sample"), bytes);
  return path;
}

describe("cli: put", () => {
  it("prints the address of the file and nothing else", async () => {
    const cwd = folder("put-one");

    const ran = await cepa(["put", "sample", "--data", node.directory], { cwd });

    assert.deepEqual(ran, { code: 0, stdout: `${address}\n`, stderr: "" });
    assert.deepEqual(node.objects.get(address), bytes);
  });

  it("announces the length of a file, and asks before it sends a long one", async () => {
    const cwd = folder("put-announce");

    await cepa(["put", "sample", "--url", node.url], { cwd });

    assert.equal(node.lastUpload["content-length"], String(bytes.length));
    assert.equal(node.lastUpload.expect, "100-continue");
  });

  it("stores standard input and an empty file", async () => {
    const cwd = folder("put-stdin");
    writeFileSync(join(cwd, "empty"), "");

    const stdin = await cepa(["put", "-", "--url", node.url], { input: "hello" });
    const empty = await cepa(["put", "empty", "--url", node.url], { cwd });

    assert.equal(stdin.stdout, `${addressOf(Buffer.from("hello"))}\n`);
    assert.equal(empty.stdout, "b3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262\n");
  });

  it("names each of several files, stores what it can, and fails for the one it cannot", async () => {
    const cwd = folder("put-several");

    const ran = await cepa(["put", "sample", "missing", "sample", "--url", node.url], { cwd });

    assert.equal(ran.code, 1);
    assert.equal(ran.stdout, `${address}  sample\n${address}  sample\n`);
    assert.match(ran.stderr, /^cepa: missing: cli\.file-unreadable: ENOENT/);
  });

  it("answers with JSON when asked to", async () => {
    const cwd = folder("put-json");

    const ran = await cepa(["put", "sample", "--json", "--url", node.url], { cwd });

    const expected = { file: "sample", address, size: bytes.length, chunks: 1, manifest: "ab".repeat(32), known: true };
    assert.deepEqual(JSON.parse(ran.stdout), expected);
  });

  it("fails with the node's own code when the node refuses before the body is sent", async () => {
    const cwd = folder("put-refused");
    node.misbehave = "refuse";

    const ran = await cepa(["put", "sample", "--url", node.url], { cwd });
    node.misbehave = undefined;

    assert.deepEqual(ran, { code: 1, stdout: "", stderr: "cepa: storage.full: The disk is full. (corr-1)\n" });
  });

  it("does not believe a node that answers with another address", async () => {
    const cwd = folder("put-lied-to");
    node.misbehave = "wrong-address";

    const ran = await cepa(["put", "sample", "--url", node.url], { cwd });
    node.misbehave = undefined;

    assert.equal(ran.code, 1);
    assert.equal(ran.stdout, "");
    assert.match(ran.stderr, /^cepa: cli\.bytes-differ: the node says b3:/);
  });

  it("refuses a folder", async () => {
    const ran = await cepa(["put", node.directory, "--url", node.url]);

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^cepa: cli\.file-unreadable: .* is a directory\n$/);
  });
});

describe("cli: get", () => {
  it("writes the bytes to a file, leaving nothing beside it", async () => {
    const cwd = folder("get-file");
    node.objects.set(address, bytes);

    const ran = await cepa(["get", address, "-o", "copy", "--data", node.directory], { cwd });

    assert.deepEqual(ran, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(readFileSync(join(cwd, "copy")), bytes);
    assert.deepEqual(readdirSync(cwd).sort(), ["copy", "sample"]);
  });

  it("writes to standard output without -o", async () => {
    const text = Buffer.from("hello, world\n");
    node.objects.set(addressOf(text), text);

    const ran = await cepa(["get", addressOf(text), "--url", node.url]);

    assert.deepEqual(ran, { code: 0, stdout: "hello, world\n", stderr: "" });
  });

  it("replaces an existing file, through a link too, but keeps it with --no-clobber", async () => {
    const cwd = folder("get-replace");
    node.objects.set(address, bytes);
    writeFileSync(join(cwd, "old"), "old");
    symlinkSync("old", join(cwd, "link"));

    const kept = await cepa(["get", address, "-o", "old", "--no-clobber", "--url", node.url], { cwd });
    assert.equal(readFileSync(join(cwd, "old"), "utf8"), "old");
    const replaced = await cepa(["get", address, "-o", "link", "--url", node.url], { cwd });

    assert.equal(kept.code, 1);
    assert.match(kept.stderr, /^cepa: cli\.file-exists: /);
    assert.equal(replaced.code, 0);
    assert.deepEqual(readFileSync(join(cwd, "old")), bytes);
  });

  it("writes into a device instead of replacing it", async () => {
    node.objects.set(address, bytes);

    const ran = await cepa(["get", address, "-o", "/dev/null", "--url", node.url]);

    assert.deepEqual(ran, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(
      readdirSync("/dev").filter((name) => name.includes(".part-")),
      [],
    );
  });

  for (const [misbehave, code] of [
    ["wrong-bytes", "cli.bytes-differ"],
    ["cut", "cli.cut-short"],
  ] as const) {
    it(`keeps nothing, and keeps what was there, when the bytes are not those asked for (${misbehave})`, async () => {
      const cwd = folder(`get-${misbehave}`);
      node.objects.set(address, bytes);
      node.misbehave = misbehave;

      const ran = await cepa(["get", address, "-o", "sample", "--url", node.url], { cwd });
      node.misbehave = undefined;

      assert.equal(ran.code, 1);
      assert.match(ran.stderr, new RegExp(`^cepa: ${code}: `));
      assert.deepEqual(readdirSync(cwd), ["sample"]);
      assert.deepEqual(readFileSync(join(cwd, "sample")), bytes);
    });
  }

  it("fails with the node's own code for an unknown address", async () => {
    const ran = await cepa(["get", `b3:${"0".repeat(64)}`, "--url", node.url]);

    assert.deepEqual(ran, { code: 1, stdout: "", stderr: "cepa: overlay.unknown: No such object. (corr-1)\n" });
  });

  it("fails when the file cannot be written", async () => {
    node.objects.set(address, bytes);

    const ran = await cepa(["get", address, "-o", "/nonexistent/copy", "--url", node.url]);

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^cepa: cli\.file-unwritable: ENOENT/);
  });
});

describe("cli: stat", () => {
  it("shows the facts as lines and as JSON", async () => {
    node.objects.set(address, bytes);

    const lines = await cepa(["stat", address, "--url", node.url]);
    const json = await cepa(["stat", address, "--json", "--url", node.url]);

    assert.match(lines.stdout, /^address +b3:[0-9a-f]{64}\nsize +3145735 \(3\.0 MiB\)\nchunks +1\nmanifest +abab/);
    assert.deepEqual(JSON.parse(json.stdout), { address, size: bytes.length, chunks: 1, manifest: "ab".repeat(32) });
  });
});
