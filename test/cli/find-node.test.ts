/** Finding a node that is in memory, by the directory that it stands in for. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { findNode, lostByKill } from "#cli/find-node.ts";
import { memoryHome } from "#runtime/config/memory-home.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const userId = process.getuid?.() ?? 0;
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** As a node that runs (this process) leaves it; answers with the directory. */
function record(directory: string, fields: object = {}): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const node = { pid: process.pid, http: "http://127.0.0.1:1", admin: join(directory, "admin.sock"), ...fields };
  writeFileSync(join(directory, "node.json"), JSON.stringify(node));
  return directory;
}

/** A directory, and what stands in for it in a runtime directory. */
async function places(context: TestContext): Promise<readonly [named: string, runtime: string, home: string]> {
  const [named, runtimeDirectory] = [await tempDirectory(context), await tempDirectory(context)];
  const facts = { dataDirectory: named, runtimeDirectory, userId, digest };
  return [named, runtimeDirectory, memoryHome(runtimeDirectory, facts)];
}

describe("cli: findNode, of a node in amnesia mode (AMN-5)", () => {
  it("finds what stands in for the directory, and knows that it forgets", async (context) => {
    const [data, runtime, home] = await places(context);
    record(home, { amnesia: true });

    const found = findNode({ data }, { XDG_RUNTIME_DIR: runtime });

    assert(found.ok);
    assert.deepEqual([found.value.directory, found.value.isAmnesic], [home, true]);
    assert.equal(lostByKill(found.value), "loses all that it holds");
  });

  it("prefers the node of the directory itself, and that loses nothing", async (context) => {
    const [data, runtime, home] = await places(context);
    record(home, { amnesia: true });
    record(data);

    const found = findNode({ data }, { XDG_RUNTIME_DIR: runtime });

    assert(found.ok);
    assert.deepEqual([found.value.directory, found.value.isAmnesic], [data, false]);
    assert.equal(lostByKill(found.value), "loses nothing that was acknowledged");
  });

  it("passes over one that has ended, and where there is none says what it says without", async (context) => {
    const [data, runtime, home] = await places(context);
    // No process has a number so high.
    record(home, { amnesia: true, pid: 2 ** 30 });

    const found = findNode({ data }, { XDG_RUNTIME_DIR: runtime });

    assert(!found.ok);
    assert.match(found.failure.message, /^no node runs on /);
  });

  const skip = userId === 0 ? false : "only root can give a file to somebody else";
  it("does not believe what another user has laid there", { skip }, async (context) => {
    const [data, runtime, home] = await places(context);
    chownSync(record(home, { amnesia: true }), 65_534, 65_534);

    assert.equal(findNode({ data }, { XDG_RUNTIME_DIR: runtime }).ok, false);
  });
});
