/** Directories through a real node: what is put comes back with names, modes and links, and what was interrupted goes on. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { MiB } from "#runtime/units.ts";
import { eventually, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, putObject, randomBytes } from "#test/kit/objects.ts";

const launcher = resolve(import.meta.dirname, "../../cepa");

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe("trees: put -r and get -r", () => {
  let node: TestNode;
  let folder: string;
  before(async () => {
    node = await startNode();
    folder = join(node.dataDirectory, "files");
    mkdirSync(folder);
  });
  after(() => node.dispose());

  function cepa(...args: readonly string[]): Promise<Outcome> {
    return new Promise((done) => {
      const options = { env: { ...process.env, CEPA_DATA: node.dataDirectory }, cwd: folder, maxBuffer: 64 * MiB };
      execFile(launcher, args, options, (error, out, err) => {
        done({ code: typeof error?.code === "number" ? error.code : 0, out, err });
      });
    });
  }

  async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
    const ran = await cepa(...args, "--json");
    assert.deepEqual([ran.code, ran.err], [0, ""]);
    return JSON.parse(ran.out) as Record<string, unknown>;
  }

  /** Path, mode and content of all that is there, links as they are. */
  function contents(path: string): readonly string[] {
    return readdirSync(path)
      .sort()
      .flatMap((name) => {
        const at = join(path, name);
        const facts = lstatSync(at);
        if (facts.isSymbolicLink()) return [`${name} -> ${readlinkSync(at)}`];
        const mode = (facts.mode & 0o7777).toString(8);
        if (facts.isDirectory()) return [`${name} ${mode}`, ...contents(at).map((line) => `${name}/${line}`)];
        return [`${name} ${mode} ${addressOf(readFileSync(at))}`];
      });
  }

  /** Of the pack in which these bytes lie as they are. */
  function flipByte(among: Uint8Array): void {
    const packs = join(node.dataDirectory, "packs");
    for (const name of readdirSync(packs).filter((one) => one.endsWith(".pack"))) {
      const at = readFileSync(join(packs, name)).indexOf(among);
      if (at < 0) continue;
      const pack = openSync(join(packs, name), "r+");
      writeSync(pack, Uint8Array.of((among[0] ?? 0) ^ 1), 0, 1, at);
      closeSync(pack);
      return;
    }
    assert.fail("no pack has them");
  }

  function sample(name: string): string {
    const top = join(folder, name);
    mkdirSync(join(top, "sub", "empty"), { recursive: true });
    writeFileSync(join(top, "empty file"), "");
    writeFileSync(join(top, "sub", "ünïcode 🧅"), "onion");
    writeFileSync(join(top, "sub", "script"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(top, "large"), randomBytes(12 * MiB, 9));
    writeFileSync(join(top, "-rf"), "a name like an option");
    chmodSync(join(top, "empty file"), 0o400);
    symlinkSync("sub/script", join(top, "link"));
    symlinkSync("/nowhere at all", join(top, "sub", "dangling"));
    chmodSync(join(top, "sub"), 0o555);
    return top;
  }

  it("bring back names, modes, links, and what is empty", async () => {
    const top = sample("one");

    const { address, ...put } = await json("put", "-r", "one");
    const { address: same, ...got } = await json("get", "-r", String(address), "-o", "one-back");

    const bytes = 12 * MiB + 36;
    assert.deepEqual(contents(join(folder, "one-back")), contents(top));
    const counts = { files: 5, directories: 3, symlinks: 2, bytes };
    assert.deepEqual(put, { directory: "one", manifest: put["manifest"], ...counts, known: 0, leftOut: 0 });
    assert.deepEqual(got, { directory: "one-back", ...counts, kept: 0 });
    assert.equal(same, address);
  });

  it("send and fetch only what is not there yet, and replace what has changed", async () => {
    sample("two");
    const first = await json("put", "-r", "two");
    await json("get", "-r", String(first["address"]), "-o", "two-back");
    writeFileSync(join(folder, "two", "-rf"), "changed");

    const second = await json("put", "-r", "two");
    const got = await json("get", "-r", String(second["address"]), "-o", "two-back");

    assert.deepEqual([second["files"], second["known"]], [5, 4]);
    assert.deepEqual([got["files"], got["kept"], got["bytes"]], [5, 4, 7]);
    assert.deepEqual(contents(join(folder, "two-back")), contents(join(folder, "two")));
  });

  it("go on where a get was interrupted, and from the beginning where that was damaged", async () => {
    sample("three");
    const { address } = await json("put", "-r", "three");
    const large = readFileSync(join(folder, "three", "large"));
    for (const [part, bytes] of [
      [large.subarray(0, 5 * MiB), 7 * MiB],
      [large, 0],
      [Buffer.alloc(5 * MiB), 19 * MiB],
      [Buffer.alloc(13 * MiB), 12 * MiB],
    ] as const) {
      const out = `three-back-${bytes}`;
      const parts = join(folder, out, `.cepa-part-${String(address).slice(3, 19)}`);
      mkdirSync(parts, { recursive: true });
      writeFileSync(join(parts, addressOf(Buffer.from("/large")).slice(3)), part);

      const got = await json("get", "-r", String(address), "-o", out);

      assert.equal(got["bytes"], bytes + 36, `with ${part.length} bytes there already`);
      assert.deepEqual(contents(join(folder, out)), contents(join(folder, "three")));
      assert(!existsSync(parts));
    }
  });

  it("heal what the node knows to be damaged, and send nothing else again", async () => {
    const top = sample("four");
    const { address } = await json("put", "-r", "four");
    const large = readFileSync(join(top, "large"));
    flipByte(large.subarray(8 * MiB, 8 * MiB + 64));
    const damaged = await cepa("get", "-r", String(address), "-o", "four-damaged");

    const again = await json("put", "-r", "four");
    await json("get", "-r", String(address), "-o", "four-back");

    assert.match(damaged.err, /^cepa: (storage\.corrupt|cli\.cut-short): /);
    assert.deepEqual([again["address"], again["files"], again["known"]], [address, 5, 4]);
    assert.deepEqual(contents(join(folder, "four-back")), contents(top));
  });

  it("go on after they were killed: what had been sent is known, what had come is kept", async () => {
    const top = join(folder, "killed");
    mkdirSync(top);
    const files = Array.from({ length: 30 }, (_, index) => randomBytes(4 * MiB, 500 + index));
    for (const [index, bytes] of files.entries()) writeFileSync(join(top, `f${index}`), bytes);
    const killed = async (args: readonly string[], hasBegun: () => Promise<boolean>): Promise<void> => {
      const env = { ...process.env, CEPA_DATA: node.dataDirectory };
      const main = resolve(import.meta.dirname, "../../cli/main.ts");
      const child = spawn(process.execPath, [main, ...args], { env, cwd: folder, stdio: "ignore" });
      const ended = new Promise((done) => child.once("close", done));
      await eventually(20_000, "it has begun", hasBegun);
      child.kill("SIGKILL");
      await ended;
    };

    const first = addressOf(files[0] ?? Buffer.of());
    await killed(["put", "-r", "killed"], async () => (await fetch(`${node.url}/stat/${first}`)).ok);
    const put = await json("put", "-r", "killed");
    const address = String(put["address"]);
    const back = join(folder, "killed-back");
    await killed(["get", "-r", address, "-o", back], async () => existsSync(join(back, "f0")));
    const got = await json("get", "-r", address, "-o", back);

    assert(Number(put["known"]) > 0, "what was stored before is not sent again");
    assert(Number(got["kept"]) > 0, "what had come is not fetched again");
    assert.deepEqual(contents(back), contents(top));
  });

  it("leave out what cannot be stored, say what, and store the rest", async () => {
    const top = join(folder, "odd");
    mkdirSync(top);
    writeFileSync(join(top, "fine"), "fine");
    execFileSync("mkfifo", [join(top, "pipe")]);
    writeFileSync(Buffer.concat([Buffer.from(`${top}/bad`), Buffer.of(0xff)]), "");
    symlinkSync(Buffer.of(0xfe), join(top, "leads to no text"));

    const ran = await cepa("put", "-r", "odd");
    const got = await cepa("get", "-r", ran.out.trim(), "-o", "odd-back");

    assert.equal(ran.code, 1);
    assert.deepEqual(ran.err.split("\n").sort(), [
      "",
      "cepa: cli.left-out: 3 entries were left out: see above",
      "cepa: left out: odd/bad\ufffd: has a name that is no plain UTF-8",
      "cepa: left out: odd/leads to no text: leads to what is no plain UTF-8",
      "cepa: left out: odd/pipe: is a pipe",
    ]);
    assert.deepEqual([got.code, readdirSync(join(folder, "odd-back"))], [0, ["fine"]]);
  });

  it("carry a directory with more in it than one tree holds", async () => {
    const top = join(folder, "many");
    mkdirSync(top);
    const names = Array.from({ length: 3000 }, (_, index) => `${String(index).padStart(4, "0")}${"n".repeat(246)}`);
    for (const name of names) writeFileSync(join(top, name), "");

    const put = await json("put", "-r", "many");
    await json("get", "-r", String(put["address"]), "-o", "many-back");

    const tree = Buffer.from(await (await fetch(`${node.url}/o/${put["address"]}`)).arrayBuffer());
    assert(tree.length < 1000 && tree.includes("parts"), "the directory is in parts");
    assert.deepEqual(readdirSync(join(folder, "many-back")).sort(), names);
  });

  it("are refused by the node where something that a tree names is missing", async () => {
    const headers = { "cepa-kind": "tree" };
    const { address } = await putObject(node.url, Buffer.from("not a tree"));

    const answer = await fetch(`${node.url}/put`, { method: "PUT", body: "not a tree", headers });
    const body = (await answer.json()) as { readonly code: string };
    const got = await cepa("get", "-r", address, "-o", "nothing");

    assert.deepEqual([answer.status, body.code], [422, "storage.tree-refused"]);
    assert.match(got.err, /^cepa: cli\.tree-refused: /);
  });

  it("end with one line when the directory, or the node, is not there", async () => {
    const missing = await cepa("put", "-r", "missing");
    const file = await cepa("put", "-r", "one/large");
    const nobody = await cepa("put", "-r", "one", "--url", "http://127.0.0.1:1");

    assert.deepEqual([missing.code, file.code, nobody.code], [1, 1, 1]);
    assert.equal(missing.err, "cepa: cli.file-unreadable: missing: ENOENT: no such file or directory\n");
    assert.match(file.err, /^cepa: cli\.file-unreadable: one\/large: is no directory: [^\n]+\n$/);
    assert.match(nobody.err, /^cepa: cli\.unreachable: [^\n]+\n$/);
  });
});
