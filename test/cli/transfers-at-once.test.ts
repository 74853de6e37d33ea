/** The files of a tree are transferred side by side: as many as there are slots, and no more. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { TRANSFERS_MAX } from "#cli/slots.ts";
import { encodeTree, type TreeEntry } from "#client/tree.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const FILE_COUNT = 3 * TRANSFERS_MAX;
/** What comes beside those that are held has come by then. */
const BESIDE_MS = 300;
/** Whoever sends one after another is not held for ever. */
const HELD_MS_MAX = 20_000;

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const names = Array.from({ length: FILE_COUNT }, (_, number) => `file-${String(number).padStart(2, "0")}`);

/** Holds requests until all slots are taken, then lets everybody through; `most` were there at once. */
function startGate() {
  const open = new AbortController();
  const gate = { most: 0, hold };
  let heldCount = 0;
  async function hold(): Promise<void> {
    heldCount += 1;
    gate.most = Math.max(gate.most, heldCount);
    if (heldCount === TRANSFERS_MAX) void pause(BESIDE_MS).then(() => open.abort());
    await pause(HELD_MS_MAX, undefined, { signal: open.signal, ref: false }).catch(() => undefined);
    open.abort();
    heldCount -= 1;
  }
  return gate;
}

describe("cli: the files of a tree, side by side", () => {
  it("are put as many at once as there are slots, and no more", async () => {
    const cwd = join(node.directory, "put");
    mkdirSync(join(cwd, "tree"), { recursive: true });
    for (const name of names) writeFileSync(join(cwd, "tree", name), name);
    const gate = startGate();
    node.onPut = gate.hold;

    const ran = await cepa(["put", "-r", "tree", "--url", node.url], { cwd });
    node.onPut = undefined;

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    assert(gate.most > 1);
    assert.equal(gate.most, TRANSFERS_MAX);
  });

  it("are fetched as many at once as there are slots, and no more", async () => {
    const cwd = join(node.directory, "get");
    mkdirSync(cwd);
    const keep = (bytes: Uint8Array): { address: string; manifest: string; size: number } => {
      const address = addressOf(bytes);
      node.objects.set(address, Buffer.from(bytes));
      return { address, manifest: "ab".repeat(32), size: bytes.length };
    };
    const entries = names.map(
      (name): TreeEntry => ({ kind: "file", name, mode: 0o644, ...keep(Buffer.from(`to get ${name}`)) }),
    );
    const tree = keep(encodeTree({ entries })).address;
    const gate = startGate();
    node.onGet = async (address) => {
      if (address !== tree) await gate.hold();
    };

    const ran = await cepa(["get", "-r", tree, "-o", "out", "--url", node.url], { cwd });
    node.onGet = undefined;

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    assert.deepEqual(readdirSync(join(cwd, "out")).sort(), names);
    assert(gate.most > 1);
    assert.equal(gate.most, TRANSFERS_MAX);
  });
});
