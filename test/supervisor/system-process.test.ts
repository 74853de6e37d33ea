/** A system on this machine's clock, in a process of its own: the process lasts as long as the system, and no longer. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";

const FIXTURE = join(import.meta.dirname, "fixture", "system.ts");

/** A process that lasts longer does not end by itself. */
const TIMEOUT_MS = 30_000;

function start(mode: string) {
  return spawn(process.execPath, [FIXTURE, mode], { stdio: ["pipe", "pipe", "pipe"], timeout: TIMEOUT_MS });
}

describe("system: its process", () => {
  it("lives while only timers of the system are pending, and ends by itself after it (LIB-5)", async () => {
    const child = start("restart");
    const [said, logged, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);

    assert.deepEqual([said.trimEnd().split("\n"), code], [["started", "again", "stopped"], 0]);
    const events = logged
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).event);
    assert.deepEqual(events, ["supervisor.child-exited", "supervisor.child-restarted"]);
  });

  it("ends by itself when the system has given up (LIB-5)", async () => {
    const child = start("escalate");
    child.stderr.resume();
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);

    assert.deepEqual([said.trimEnd().split("\n"), code], [["started", "runtime.actor-stopped", "escalated"], 0]);
  });

  it("survives that nobody reads its log any more (LIB-10)", async () => {
    const child = start("quiet");
    child.stderr.destroy();
    child.stdin.end();
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);

    assert.deepEqual([said.trimEnd().split("\n"), code], [["started", "again", "stopped"], 0]);
  });
});
