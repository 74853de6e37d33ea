/** `cepa get` of a node that is overloaded, and says when to come back. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { encodeTree } from "#client/tree.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const hello = Buffer.from("hello");
const address = addressOf(hello);
node.objects.set(address, hello);

describe("cli: get, of an overloaded node", () => {
  it("asks again when it is told to, and gets what it asked for", async () => {
    node.overloaded = ["1", "0"];

    const ran = await cepa(["get", address, "--url", node.url]);

    assert.deepEqual(ran, { code: 0, stdout: "hello", stderr: "" });
    assert.deepEqual(node.overloaded, []);
  });

  it("says on a terminal what it waits for, and removes that", async () => {
    node.overloaded = ["1", "1"];

    // The two streams are one terminal here.
    const ran = await cepa(["get", address, "--url", node.url], { shell: 'exec script -qec "$*" /dev/null' });

    assert.equal(ran.code, 0);
    const drawn = new Set(ran.stdout.split("\r\x1b[2K"));
    assert.deepEqual([...drawn], ["", "asking again: Too many requests. (corr-1)", "hello"]);
  });

  it("asks again for each part of a tree", async () => {
    const entry = { kind: "file", name: "a", mode: 0o644, address, manifest: "ab".repeat(32), size: 5 } as const;
    const tree = Buffer.from(encodeTree({ entries: [entry] }));
    node.objects.set(addressOf(tree), tree);
    node.overloaded = ["1", "1"];

    const ran = await cepa(["get", "-r", addressOf(tree), "-o", "out", "--url", node.url], { cwd: node.directory });

    assert.deepEqual(ran, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(readFileSync(join(node.directory, "out", "a")), hello);
  });

  it("does not wait longer than it may, and tells the refusal", async () => {
    node.overloaded = ["1", "15"];

    const ran = await cepa(["get", address, "--url", node.url]);

    const stderr = "cepa: gateway.overloaded: Too many requests. (corr-1)\n";
    assert.deepEqual(ran, { code: 1, stdout: "", stderr });
    assert.deepEqual(node.overloaded, []);
  });
});
