/** `cepa get -r` into a directory that is there, with what is in it, and what an earlier one has left for `put -r`. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { takePartFolder } from "#cli/part-folder.ts";
import { decodeTree, encodeTree, type TreeEntry } from "#client/tree.ts";
import { must } from "#runtime/errors.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, MAIN } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

function keep(bytes: Uint8Array): { address: string; manifest: string; size: number } {
  const address = addressOf(bytes);
  node.objects.set(address, Buffer.from(bytes));
  return { address, manifest: "ab".repeat(32), size: bytes.length };
}

const file = (name: string) => ({ kind: "file", name, mode: 0o644, ...keep(Buffer.from(name)) }) as const;
const directory = (name: string, mode: number, ...entries: readonly TreeEntry[]) => {
  return { kind: "dir", name, mode, ...keep(encodeTree({ entries })) } as const;
};
const tree = (...entries: readonly TreeEntry[]): string => keep(encodeTree({ entries })).address;

function folder(name: string): string {
  const path = join(node.directory, name);
  mkdirSync(path);
  return path;
}

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

describe("cli: get -r over directories", () => {
  it("leaves them their mode while it fills them, and adds what the owner needs; a new one is the owner's alone", async () => {
    const cwd = folder("modes");
    const modes = { open: 0o755, group: 0o2775, closed: 0o055, new: 0o755 };
    const there = Object.entries(modes).filter(([name]) => name !== "new");
    for (const [name, mode] of there) {
      mkdirSync(join(cwd, name));
      chmodSync(join(cwd, name), mode);
    }
    const last = file("z");
    const names = Object.keys(modes);
    const address = tree(...names.sort().map((name) => directory(name, 0o711, file(name))), last);
    let meanwhile: readonly string[] = [];
    node.onGet = async (wanted) => {
      if (wanted === last.address) meanwhile = names.map((name) => modeOf(join(cwd, name)));
    };

    const ran = await cepa(["get", "-r", address, "-o", ".", "--url", node.url], { cwd });
    node.onGet = undefined;

    assert.deepEqual([ran.code, ran.stderr, names], [0, "", ["closed", "group", "new", "open"]]);
    assert.deepEqual(meanwhile, ["755", "2775", "700", "755"]);
    assert.deepEqual(
      names.map((name) => modeOf(join(cwd, name))),
      ["711", "711", "711", "711"],
    );
  });

  it("leaves them their mode where it is ended from outside", async () => {
    const cwd = folder("ended");
    mkdirSync(join(cwd, "open"));
    chmodSync(join(cwd, "open"), 0o755);
    const a = file("a");
    const address = tree(directory("open", 0o700, a));
    const child = spawn(process.execPath, [MAIN, "get", "-r", address, "-o", ".", "--url", node.url], { cwd });
    node.onGet = async (wanted) => {
      if (wanted === a.address) child.kill("SIGKILL");
    };

    const [, ended] = await once(child, "close");
    node.onGet = undefined;

    assert.deepEqual([ended, modeOf(join(cwd, "open"))], ["SIGKILL", "755"]);
  });
});

/** What a get that was ended from outside leaves of the tree `digit`. */
async function leaveParts(out: string, digit: string): Promise<string> {
  const folder = must(await takePartFolder(out, `b3:${digit.repeat(64)}`), "nobody else is there");
  writeFileSync(folder.partOf("/a"), "half of it");
  folder.release();
  return `.cepa-part-${digit.repeat(16)}`;
}

describe("cli: what an interrupted get -r has left", () => {
  it("is not stored by put -r of the directory, which says so; what is not exactly that is", async () => {
    const cwd = folder("left");
    const left = await leaveParts(join(cwd, "out"), "a");
    const others = {
      noLock: `.cepa-part-${"b".repeat(16)}`,
      otherLock: `.cepa-part-${"c".repeat(16)}`,
      link: `.cepa-part-${"d".repeat(16)}`,
      name: `.cepa-part-${"a".repeat(17)}`,
    };
    for (const name of [others.noLock, others.otherLock, others.name]) mkdirSync(join(cwd, "out", name));
    writeFileSync(join(cwd, "out", others.otherLock, "lock"), "text");
    writeFileSync(join(cwd, "out", others.name, "lock"), "");
    symlinkSync(left, join(cwd, "out", others.link));
    await leaveParts(join(cwd, "out", "below"), "a");

    const ran = await cepa(["put", "-r", "out", "--url", node.url], { cwd });
    const told = await cepa(["put", "-r", "out", "--json", "--url", node.url], { cwd });

    const line = `not stored: out/${left}: parts of what a cepa get -r has not finished`;
    assert.deepEqual([ran.code, ran.stderr], [0, `cepa: ${line}\n`]);
    assert.deepEqual([told.code, JSON.parse(told.stderr)], [0, { note: line }]);
    assert.deepEqual(namesIn(ran.stdout.trim()), [...Object.values(others), "below"].sort());
    assert.deepEqual(namesIn(addressBelow(ran.stdout.trim(), "below")), [left]);
  });

  it("goes when another tree is there, but for what somebody is at, and what the tree names", async () => {
    const cwd = folder("others");
    const out = join(cwd, "out");
    const named = await leaveParts(out, "b");
    await leaveParts(out, "c");
    const held = must(await takePartFolder(out, `b3:${"d".repeat(64)}`), "nobody else is there");
    mkdirSync(join(out, `.cepa-part-${"e".repeat(16)}`));
    const address = tree(directory(named, 0o755, file("a")), file("b"));

    const ran = await cepa(["get", "-r", address, "-o", "out", "--url", node.url], { cwd });
    held.release();

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    const kept = ["b", "d", "e"].map((digit) => `.cepa-part-${digit.repeat(16)}`);
    assert.deepEqual(readdirSync(out).sort(), [...kept, "b"]);
    assert.deepEqual(readdirSync(join(out, named)).length, 3);
  });

  it("stays where the get does not come to its end", async () => {
    const cwd = folder("unfinished");
    const out = join(cwd, "out");
    const left = await leaveParts(out, "c");
    mkdirSync(join(out, "b"));

    const ran = await cepa(["get", "-r", tree(file("b")), "-o", "out", "--url", node.url], { cwd });

    assert.equal(ran.code, 1);
    assert.equal(readdirSync(out).includes(left), true);
    assert.equal(readdirSync(join(out, left)).length, 2);
  });
});

function entriesIn(address: string): readonly TreeEntry[] {
  const stored = decodeTree(node.objects.get(address) ?? Buffer.of());
  assert(typeof stored !== "string" && "entries" in stored);
  return stored.entries;
}

function namesIn(address: string): readonly string[] {
  return entriesIn(address).map(({ name }) => name);
}

function addressBelow(address: string, name: string): string {
  const entry = entriesIn(address).find((each) => each.name === name);
  assert(entry?.kind === "dir");
  return entry.address;
}
