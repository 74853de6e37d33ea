/** `cepa get -o` that is ended from outside while bytes come, and who may read what it writes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openTarget } from "#cli/target.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, MAIN } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const bytes = Buffer.alloc(3_000_000, "cepa ");
const address = addressOf(bytes);
node.objects.set(address, bytes);

/** Ends a get of the object into `copy` by `signal` once something of it is written. */
async function interrupt(cwd: string, signal: NodeJS.Signals) {
  node.misbehave = "stall";
  const events = watch(cwd);
  const child = spawn(process.execPath, [MAIN, "get", address, "-o", "copy", "--url", node.url], { cwd });
  let written: string | undefined;
  for await (const { filename } of events) {
    if (filename === null || statSync(join(cwd, filename)).size === 0) continue;
    written = filename;
    break;
  }
  child.kill(signal);
  const [, ended] = await once(child, "close");
  node.misbehave = undefined;
  return { written, ended };
}

function folder(name: string): string {
  const path = join(node.directory, name);
  mkdirSync(path);
  return path;
}

describe("cli: get, interrupted", () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`leaves nothing behind, and ends by the signal (${signal})`, async () => {
      const cwd = folder(signal);

      const { written, ended } = await interrupt(cwd, signal);

      assert.match(written ?? "", /^copy\.part-\d+$/);
      assert.equal(ended, signal);
      assert.deepEqual(readdirSync(cwd), []);
    });
  }
});

describe("cli: get, of a private object", () => {
  const modeOf = (path: string): number => statSync(path).mode & 0o777;

  it("writes what only its owner can read, but where it replaces a file, which keeps its mode", async () => {
    const cwd = folder("private");
    writeFileSync(join(cwd, "open"), "", { mode: 0o644 });
    const { stdout } = await cepa(["put", "--private", "-", "--url", node.url], { input: bytes });
    const files = ["new", "open"];

    const codes = [];
    for (const file of files) {
      codes.push((await cepa(["get", stdout.trim(), "-o", file, "--url", node.url], { cwd })).code);
    }

    assert.deepEqual([...codes, ...files.map((file) => modeOf(join(cwd, file)))], [0, 0, 0o600, 0o644]);
  });

  it("lets nobody else read what has come of it", async () => {
    const cwd = folder("private-part");
    const files = ["new", "open"].map((file) => join(cwd, file));
    writeFileSync(join(cwd, "open"), "", { mode: 0o644 });

    const modes = [];
    for (const file of files) {
      const target = await openTarget(file, { secret: true });
      modes.push(modeOf(`${file}.part-${process.pid}`));
      if (target.ok) await target.value.discard();
    }

    assert.deepEqual(modes, [0o600, 0o600]);
  });
});
