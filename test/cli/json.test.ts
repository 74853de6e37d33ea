/** What commands say where JSON was asked for: all of it is, results on standard output and notes on standard error. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, type RunOptions } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

async function run(args: readonly string[], options: RunOptions = {}) {
  const ran = await cepa([...args, "--json", "--data", node.directory], { cwd: node.directory, ...options });
  return { code: ran.code, said: parse(ran.stdout), told: parse(ran.stderr) };
}

function parse(text: string) {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}

describe("cli: what was done, with --json", () => {
  for (const [args, said] of [
    [["kill", "actor/storage"], { command: "kill", target: "actor/storage" }],
    [["resume", "cell/data"], { command: "resume", target: "cell/data" }],
    [["letters", "actor/storage", "--replay", "7"], { command: "replay", target: "actor/storage", letter: 7 }],
  ] as const) {
    it(`is one object (${args.join(" ")})`, async () => {
      assert.deepEqual(await run(args), { code: 0, said: [said], told: [] });
    });
  }
});

describe("cli: a note, with --json", () => {
  it("is a line of JSON beside the lines of a log", async () => {
    const plain = await cepa(["logs", "--data", node.directory]);
    const ran = await run(["logs"]);

    assert.deepEqual(parse(plain.stdout), ran.said);
    assert.equal(plain.stderr, "cepa: 3 older lines are gone\n");
    assert.deepEqual(ran, {
      code: 0,
      said: [{ event: "a" }, { event: "b" }],
      told: [{ note: "3 older lines are gone" }],
    });
  });

  it("is one where a key is made", async () => {
    const config = join(node.directory, "config");

    const ran = await run(["name", "set", "site", `b3:${"0".repeat(64)}`], { env: { XDG_CONFIG_HOME: config } });

    const [made, kept, ...more] = ran.told;
    assert.deepEqual(made, { note: `made a key for your names: ${config}/cepa/name.key` });
    assert.deepEqual(Object.keys(kept), ["note"]);
    assert.deepEqual(more.map(Object.keys), [["error"]]);
  });

  it("is one, which names the file, where something is left out of a tree", async () => {
    mkdirSync(join(node.directory, "odd"));
    execFileSync("mkfifo", [join(node.directory, "odd", "pipe")]);
    writeFileSync(join(node.directory, "odd", "a"), "a");

    const { code, said, told } = await run(["put", "-r", "odd"]);

    assert.deepEqual([code, said[0].leftOut, said.length], [1, 1, 1]);
    assert.deepEqual(told, [
      { file: "odd/pipe", error: { code: "cli.left-out", message: "is a pipe" } },
      { error: { code: "cli.left-out", message: "1 entries were left out: see above" } },
    ]);
  });

  it("is one where the result cannot be written", async () => {
    const { code, told } = await run(["ps"], { shell: 'exec "$@" > /dev/full' });

    const message = "standard output: ENOSPC: no space left on device";
    assert.deepEqual([code, told], [1, [{ error: { code: "cli.file-unwritable", message } }]]);
  });
});
