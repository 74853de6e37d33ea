/** Waiting for a root that never answers, on a clock that the test moves. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it, mock } from "node:test";
import { ADMIN_TIMEOUT_MS, type AdminCommand, askAdmin, DOWN_TIMEOUT_MS } from "#cli/admin.ts";

describe("cli: askAdmin", () => {
  const directory = mkdtempSync(join(tmpdir(), "cepa-silent-"));
  const node = {
    directory,
    pid: 42,
    url: "http://127.0.0.1:1",
    adminSocket: join(directory, "admin.sock"),
    isAmnesic: false,
  };
  let heard = Promise.withResolvers<void>();
  let silent: Server;

  before(async () => {
    silent = createServer((socket) => socket.on("data", () => heard.resolve()).on("error", () => undefined));
    await new Promise<void>((resolve) => silent.listen(node.adminSocket, resolve));
  });
  after(() => {
    silent.close();
    rmSync(directory, { recursive: true });
  });
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  for (const [command, timeoutMs] of [
    ["status", ADMIN_TIMEOUT_MS],
    ["kill", ADMIN_TIMEOUT_MS],
    ["resume", ADMIN_TIMEOUT_MS],
    ["down", DOWN_TIMEOUT_MS],
  ] as const satisfies readonly (readonly [AdminCommand, number])[]) {
    it(`gives up on a silent root after ${timeoutMs} ms, and not before (${command})`, async () => {
      heard = Promise.withResolvers();
      let settled = false;
      const answer = askAdmin(node, { command }).finally(() => {
        settled = true;
      });
      await heard.promise;

      mock.timers.tick(timeoutMs - 1);
      await new Promise((resolve) => setImmediate(resolve));
      const early = settled;
      mock.timers.tick(1);
      const said = await answer;

      assert.equal(early, false);
      assert.equal(said.ok, false);
      if (said.ok) return;
      assert.equal(said.failure.code, "cli.no-answer");
      assert.equal(said.failure.message.includes("may still do it"), command !== "status");
      assert.match(said.failure.message, new RegExp(`^process 42 has not answered for ${timeoutMs / 1000} s: `));
    });
  }
});
