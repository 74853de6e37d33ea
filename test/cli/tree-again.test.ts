/** `cepa get -r` into a directory that is there, with what is in it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { encodeTree, type TreeEntry } from "#client/tree.ts";
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
