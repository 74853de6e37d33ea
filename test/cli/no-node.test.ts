/** Commands against what answers, and is no Cepa node: they say so, and take nothing of it for done. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, describe, it } from "node:test";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const address = `b3:${"0".repeat(64)}`;
const OF_OBJECTS = ["get", "stat", "rm", "restore", "pin", "unpin"];
const COMMANDS = ["put", "get", "stat", "status", "ps"];
/** Those that take what they are told for what a node says, if it has the status and the form. */
const ASKING = [...COMMANDS, "rm", "restore", "pin", "unpin", "trash", "gc", "du", "scrub", "volumes", "repair"];

describe("cli: what is no Cepa node", () => {
  for (const misbehave of ["page", "page-404", "json", "json-404"] as const) {
    for (const command of misbehave === "json" ? ASKING : COMMANDS) {
      it(`is called that by ${command} (${misbehave})`, async () => {
        const argument = command === "put" ? ["-"] : OF_OBJECTS.includes(command) ? [address] : [];
        node.misbehave = misbehave;

        const ran = await cepa([command, ...argument, "--url", node.url], { input: "few" });
        node.misbehave = undefined;

        assert.equal(ran.code, 1);
        assert.equal(ran.stdout, "");
        assert.match(ran.stderr, /^cepa: cli\.bad-answer: [^\n]+\n$/);
      });
    }
  }

  for (const args of [
    ["gc", "--no-wait"],
    ["scrub", "--now"],
    ["repair", "--now"],
  ]) {
    it(`is called that where it takes an order (${args.join(" ")})`, async () => {
      node.misbehave = "json-202";

      const ran = await cepa([...args, "--url", node.url]);
      node.misbehave = undefined;

      assert.deepEqual([ran.code, ran.stdout], [1, ""]);
      assert.match(ran.stderr, /^cepa: cli\.bad-answer: the answer says nothing of [^\n]+\n$/);
    });
  }

  it("is called that when it does not even speak HTTP", async () => {
    const server = createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const at = server.address();
    const url = `http://127.0.0.1:${typeof at === "object" && at !== null ? at.port : 0}`;

    const ran = await Promise.all(["get", "stat"].map((command) => cepa([command, address, "--url", url])));
    ran.push(await cepa(["status", "--url", url]), await cepa(["put", "-", "--url", url], { input: "few" }));
    server.close();

    for (const { code, stderr } of ran) {
      assert.equal(code, 1);
      assert.match(stderr, /^cepa: cli\.bad-answer: [^\n]+\n$/);
    }
  });
});
