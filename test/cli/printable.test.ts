/** What comes from elsewhere, and is said to people: names in trees, of files, answers. It moves no terminal. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { printable } from "#cli/console.ts";
import { startLine } from "#cli/progress.ts";
import { encodeTree } from "#client/tree.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const hostile = "\x1b]0;pwn\x07\x1b[2J\x9b2J\x7f\u202e\ngpj";
const escaped = "\\u001b]0;pwn\\u0007\\u001b[2J\\u009b2J\\u007f\\u202e\\u000agpj";

function keep(bytes: Uint8Array): { readonly address: string; readonly manifest: string; readonly size: number } {
  const address = addressOf(bytes);
  node.objects.set(address, Buffer.from(bytes));
  return { address, manifest: "ab".repeat(32), size: bytes.length };
}

function folder(name: string): string {
  const path = join(node.directory, name);
  mkdirSync(path);
  return path;
}

describe("cli: what is printed", () => {
  it("has controls and changes of direction escaped, and all other text as it is", () => {
    assert.equal(printable(hostile), escaped);
    assert.equal(printable("\0\x1f \x7e\x7f\x80\x9f\xa0"), "\\u0000\\u001f ~\\u007f\\u0080\\u009f\xa0");
    assert.equal(printable("\u200e\u200f\u061c\u2066\u2069\u202a"), "\\u200e\\u200f\\u061c\\u2066\\u2069\\u202a");
    assert.equal(printable("ünïcode 🧅 עברית b3:… └─ a\\b"), "ünïcode 🧅 עברית b3:… └─ a\\b");
  });

  it("has no control of a name in a tree that is fetched", async () => {
    const entry = { kind: "file", name: hostile, mode: 0o644, ...keep(Buffer.from("hello")), size: 4 } as const;
    const below = { kind: "dir", name: hostile, mode: 0o755, ...keep(encodeTree({ entries: [entry] })) } as const;
    const { address } = keep(encodeTree({ entries: [below] }));

    const ran = await cepa(["get", "-r", address, "-o", "out", "--url", node.url], { cwd: folder("get") });

    const where = `${node.directory}/get/out/${escaped}/${escaped}`;
    assert.deepEqual([ran.code, ran.stdout], [1, ""]);
    assert(ran.stderr.startsWith(`cepa: cli.bytes-differ: ${where}: `), ran.stderr);
    assert.equal(printable(ran.stderr.trimEnd()), ran.stderr.trimEnd());
  });

  it("has no control of a file that is stored or left out", async () => {
    const cwd = folder("put");
    mkdirSync(join(cwd, hostile));
    symlinkSync("\xff", join(cwd, hostile, "fine"));
    mkdirSync(join(cwd, hostile, `\ufeff${hostile}`));
    writeFileSync(join(cwd, "a"), "a");

    const left = await cepa(["put", "-r", hostile, "a", "--url", node.url], { cwd });
    const put = await cepa(["put", "a", hostile, "--url", node.url], { cwd });

    assert(left.stderr.startsWith(`cepa: left out: ${escaped}/\ufeff${escaped}: has a name`), left.stderr);
    assert(left.stdout.endsWith(`  ${escaped}\n`), left.stdout);
    assert(put.stderr.startsWith(`cepa: cli.file-unreadable: ${escaped}: is a directory`), put.stderr);
  });

  it("has no control of an answer, in colour neither", async () => {
    const volume = { directory: hostile, id: "1", state: hostile, problem: hostile, packBytes: 0 };
    node.volumes = [{ volumes: [volume], profile: hostile, repair: {} }];

    const plain = await cepa(["volumes", "--url", node.url]);
    const coloured = await cepa(["volumes", "--url", node.url], { env: { FORCE_COLOR: "1" } });

    const table = `${escaped}  1  ${escaped}  0 B used\n  ${escaped}\nprofile ${escaped}\n`;
    assert.equal(plain.stdout, table);
    assert.equal(coloured.stdout, table.replace(`1  ${escaped}`, `1  \x1b[31m${escaped}\x1b[39m`));
    assert.equal(plain.stderr, `cepa: cli.volume-not-present: 1 of 1 volumes: ${escaped} is ${escaped}\n`);
  });

  it("is the same JSON", async () => {
    const said = { volumes: [{ directory: `${hostile}\\\x9b\\u0041`, state: "present" }], profile: "", repair: {} };
    node.volumes = [said];

    const ran = await cepa(["volumes", "--json", "--url", node.url]);

    assert.deepEqual(JSON.parse(ran.stdout), said);
    assert.equal(printable(ran.stdout.trimEnd()), ran.stdout.trimEnd());
  });

  it("has no control of a mistaken argument", async () => {
    const ran = await cepa(["get", hostile]);

    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /^error: .*\\u001b\]0;pwn/);
    assert.doesNotMatch(ran.stderr, /[^\P{Cc}\n]/u);
  });

  it("has no control of a label that progress is shown with", () => {
    const written: string[] = [];
    let nowMs = 0;
    const screen = { isTTY: true, columns: 200, write: (text: string) => written.push(text) };
    const line = startLine(screen, () => nowMs);
    nowMs = 10_000;

    line.show(() => hostile);

    assert.deepEqual(written, [`\r\x1b[2K${escaped}`]);
  });

  it("does not touch the bytes of an object", async () => {
    const { address } = keep(Buffer.from(hostile));

    const ran = await cepa(["get", address, "--url", node.url]);

    assert.deepEqual([ran.code, ran.stdout], [0, hostile]);
  });
});
