/** How commands tell failures where JSON was asked for: a line of JSON on standard error, for each thing that failed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const hello = Buffer.from("hello");
const good = addressOf(hello);
const missing = `b3:${"0".repeat(64)}`;
node.objects.set(good, hello);

async function run(...args: readonly string[]) {
  const { code, stdout, stderr } = await cepa([...args, "--json", "--data", node.directory], { cwd: node.directory });
  const told = stderr.split("\n").filter((line) => line !== "");
  return { code, stdout, told: told.map((line) => JSON.parse(line)) };
}

describe("cli: a failure, with --json", () => {
  it("is a line of JSON with its code and its sentence", async () => {
    const ran = [await run("stat", missing), await run("put", "nosuch"), await run("letters", "actor/nobody")];

    const codes = ["overlay.unknown", "cli.file-unreadable", "supervisor.unknown-target"];
    assert.deepEqual(
      ran.map(({ code, stdout, told: [{ error }, ...more] }) => [code, stdout, Object.keys(error), error.code, more]),
      codes.map((code) => [1, "", ["code", "message"], code, []]),
    );
  });

  it("is one where the command line is wrong, too", async () => {
    const ran = [await run("stat", "x"), await run("nosuch"), await run("gc", "--bogus"), await run("put")];

    assert.deepEqual(
      ran.map(({ code, stdout, told: [{ error }, ...more] }) => [code, stdout, error.code, more]),
      ran.map(() => [2, "", "cli.usage", []]),
    );
    assert.match(ran[1]?.told[0].error.message, /^unknown command 'nosuch'$/);
  });

  it("names what failed of several, and is told beside what was done", async () => {
    writeFileSync(join(node.directory, "sample"), hello);

    const put = await run("put", "nosuch", "sample");
    const removed = await run("rm", missing, good);

    assert.equal(JSON.parse(put.stdout).address, good);
    assert.deepEqual([put.told[0].file, put.told[0].error.code], ["nosuch", "cli.file-unreadable"]);
    assert.equal(JSON.parse(removed.stdout).address, good);
    assert.deepEqual([removed.told[0].object, removed.told[0].error.code], [missing, "overlay.unknown"]);
    assert.deepEqual([put.code, put.told.length, removed.code, removed.told.length], [1, 2, 1, 2]);
  });

  it("does not repeat the key of a link, and is JSON whatever is in the name of a file", async () => {
    const link = `cepa:${"0".repeat(64)}#${"A".repeat(43)}`;

    const [one, several] = [await run("put", `${link}"\n`), await run("put", `"\\${link}"`, "-")];

    assert.match(one.told[0].error.message, /^cepa:0{64}#…"\n: ENOENT/);
    assert.equal(several.told[0].file, `"\\cepa:${"0".repeat(64)}#…"`);
  });
});

describe("cli: name get", () => {
  it("says in a line that the connection broke within the answer", async () => {
    node.misbehave = "cut-all";

    const ran = await cepa(["name", "get", `${"ab".repeat(32)}/site`, "--url", node.url]);
    node.misbehave = undefined;

    assert.deepEqual([ran.code, ran.stdout], [1, ""]);
    assert.match(ran.stderr, /^cepa: cli\.unreachable: the answer from http:[^\n]* broke off: [^\n]*\n$/);
  });
});
