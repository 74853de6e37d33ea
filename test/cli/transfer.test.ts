/** `cepa put`, `get` and `stat` as processes, against a node that can be told to lie. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
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
    assert.match(ran.stderr, /^cepa: cli\.file-unreadable: missing: ENOENT/);
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

  it("names a file that is not there", async () => {
    const ran = await cepa(["put", "nosuch", "--url", node.url]);

    assert.deepEqual(ran, {
      code: 1,
      stdout: "",
      stderr: "cepa: cli.file-unreadable: nosuch: ENOENT: no such file or directory\n",
    });
  });

  it("refuses a folder", async () => {
    const ran = await cepa(["put", node.directory, "--url", node.url]);

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^cepa: cli\.file-unreadable: .*: is a directory, which only cepa put -r takes\n$/);
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

  it("fails with the node's own code for an unknown address, and says how a removed object comes back", async () => {
    const ran = await cepa(["get", `b3:${"0".repeat(64)}`, "--url", node.url]);

    const advice = "If it was removed, cepa trash lists it and cepa restore brings it back.";
    const stderr = `cepa: overlay.unknown: No such object. ${advice} (corr-1)\n`;
    assert.deepEqual(ran, { code: 1, stdout: "", stderr });
  });

  it("fails when the file cannot be written", async () => {
    node.objects.set(address, bytes);

    const ran = await cepa(["get", address, "-o", "/nonexistent/copy", "--url", node.url]);

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^cepa: cli\.file-unwritable: \/nonexistent\/copy: ENOENT/);
  });
});

/** A limit on the size of files is a disk that is full: the last write that fits is cut short, the next one fails. */
describe("cli: get, on a full disk", () => {
  for (const [fileBlocksMax, sizeBytes] of [
    [0, 6],
    [0, 200_000],
    [128, 65_537],
    [128, 200_000],
    [128, 3_000_000],
  ] as const) {
    const object = Buffer.alloc(sizeBytes, "full ");
    const name = addressOf(object);

    it(`keeps the file that was there and fails (${sizeBytes} bytes, room for ${fileBlocksMax * 512})`, async () => {
      const cwd = folder(`full-${fileBlocksMax}-${sizeBytes}`);
      writeFileSync(join(cwd, "sample"), "precious");
      node.objects.set(name, object);

      const ran = await cepa(["get", name, "-o", "sample", "--url", node.url], { cwd, fileBlocksMax });

      assert.deepEqual(ran, {
        code: 1,
        stdout: "",
        stderr: "cepa: cli.file-unwritable: sample: EFBIG: file too large\n",
      });
      assert.equal(readFileSync(join(cwd, "sample"), "utf8"), "precious");
      assert.deepEqual(readdirSync(cwd), ["sample"]);
    });

    it(`fails when standard output is that file (${sizeBytes} bytes, room for ${fileBlocksMax * 512})`, async () => {
      const cwd = folder(`full-stdout-${fileBlocksMax}-${sizeBytes}`);
      node.objects.set(name, object);

      const ran = await cepa(["get", name, "--url", node.url], { cwd, fileBlocksMax, shell: 'exec "$@" > out' });

      assert.equal(ran.code, 1);
      assert.equal(ran.stderr, "cepa: cli.file-unwritable: standard output: EFBIG: file too large\n");
    });
  }

  it("writes what just fits", async () => {
    const cwd = folder("full-fits");
    const object = Buffer.alloc(65_536, "fits ");
    node.objects.set(addressOf(object), object);

    const ran = await cepa(["get", addressOf(object), "-o", "sample", "--url", node.url], { cwd, fileBlocksMax: 128 });

    assert.equal(ran.code, 0);
    assert.deepEqual(readFileSync(join(cwd, "sample")), object);
  });

  it("fails when only a part of a printed line fits", async () => {
    const cwd = folder("full-line");

    // An address and its line end are 68 bytes; 12 are left.
    const shell = 'head -c 500 /dev/zero > out; exec "$@" >> out';
    const ran = await cepa(["put", "sample", "--url", node.url], { cwd, fileBlocksMax: 1, shell });

    assert.equal(ran.code, 1);
    assert.equal(ran.stderr, "cepa: cli.file-unwritable: standard output: EFBIG: file too large\n");
  });

  it("fails for a few bytes into a full device", async () => {
    const few = Buffer.from("few");
    node.objects.set(addressOf(few), few);

    const named = await cepa(["get", addressOf(few), "-o", "/dev/full", "--url", node.url]);
    const redirected = await cepa(["get", addressOf(few), "--url", node.url], { shell: 'exec "$@" > /dev/full' });

    const reason = "ENOSPC: no space left on device";
    assert.deepEqual(named, { code: 1, stdout: "", stderr: `cepa: cli.file-unwritable: /dev/full: ${reason}\n` });
    assert.equal(redirected.code, 1);
    assert.equal(redirected.stderr, `cepa: cli.file-unwritable: standard output: ${reason}\n`);
  });
});

describe("cli: get, over a file", () => {
  const few = Buffer.from("few");

  it("keeps the mode of a file that was there, and gives a new one what the mask allows", async () => {
    const cwd = folder("get-mode");
    node.objects.set(addressOf(few), few);
    const modes: Record<string, number> = {};
    for (const [file, mode] of [
      ["private", 0o600],
      ["open", 0o666],
      ["script", 0o755],
    ] as const) {
      writeFileSync(join(cwd, file), "");
      chmodSync(join(cwd, file), mode);
    }

    for (const file of ["private", "open", "script", "new"]) {
      const shell = 'umask 027; exec "$@"';
      await cepa(["get", addressOf(few), "-o", file, "--url", node.url], { cwd, shell });
      modes[file] = statSync(join(cwd, file)).mode & 0o777;
      assert.equal(readFileSync(join(cwd, file), "utf8"), "few");
    }

    assert.deepEqual(modes, { private: 0o600, open: 0o666, script: 0o755, new: 0o640 });
  });

  for (const name of ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/fd/3"]) {
    it(`writes into what ${name} is, and does not replace it`, async () => {
      const cwd = folder(`get-${name.replaceAll("/", "-")}`);
      node.objects.set(addressOf(few), few);
      const fd = name.endsWith("3") ? 3 : 1;

      const shell = `exec ${fd}>> log; echo before >&${fd}; "$@" || exit; echo after >&${fd}`;
      const ran = await cepa(["get", addressOf(few), "-o", name, "--url", node.url], { cwd, shell });

      assert.deepEqual([ran.code, ran.stderr], [0, ""]);
      assert.equal(readFileSync(join(cwd, "log"), "utf8"), "before\nfewafter\n");
    });
  }
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

describe("cli: car export", () => {
  it("writes nothing where what answers is the object itself, or a page", async () => {
    const cwd = folder("car-export");
    node.objects.set(address, bytes);

    for (const misbehave of [undefined, "page"] as const) {
      node.misbehave = misbehave;
      const ran = await cepa(["car", "export", address, "-o", "sample.car", "--url", node.url], { cwd });
      node.misbehave = undefined;

      assert.equal(ran.code, 1);
      assert.match(ran.stderr, /^cepa: cli\.bad-answer: what answers at .* sends no CAR\n$/);
      assert.deepEqual(readdirSync(cwd), ["sample"]);
    }
  });

  it("names a file that cannot be imported", async () => {
    const ran = await cepa(["car", "import", "missing.car", "--url", node.url]);

    assert.deepEqual([ran.code, ran.stdout], [1, ""]);
    assert.equal(ran.stderr, "cepa: cli.file-unreadable: missing.car: ENOENT: no such file or directory\n");
  });
});
