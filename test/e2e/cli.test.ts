/** The commands of the README, through the launcher, beside a running node. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { MiB } from "#runtime/units.ts";
import { eventually, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, randomBytes } from "#test/kit/objects.ts";

const launcher = resolve(import.meta.dirname, "../../cepa");

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function cepa(node: TestNode, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((done) => {
    const options = { env: { ...process.env, CEPA_DATA: node.dataDirectory }, maxBuffer: 64 * MiB };
    execFile(launcher, args, options, (error, out, err) => {
      done({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

describe("cli: beside a running node", () => {
  let node: TestNode;
  let folder: string;
  before(async () => {
    node = await startNode();
    folder = join(node.dataDirectory, "files");
    mkdirSync(folder);
  });
  after(() => node.dispose());

  it("puts a file, gets the same bytes back, and tells about it", async () => {
    const bytes = randomBytes(20 * MiB, 1);
    const file = join(folder, "in.bin");
    const copy = join(folder, "out.bin");
    writeFileSync(file, bytes);

    const put = await cepa(node, "put", file);
    const get = await cepa(node, "get", put.out.trim(), "-o", copy);
    const stat = await cepa(node, "stat", put.out.trim(), "--json");

    assert.deepEqual(put, { code: 0, out: `${addressOf(bytes)}\n`, err: put.err });
    assert.equal(get.code, 0, get.err);
    assert(readFileSync(copy).equals(bytes));
    assert.deepEqual(readdirSync(folder).sort(), ["in.bin", "out.bin"], "no partial file is left");
    assert.equal((JSON.parse(stat.out) as { size: number }).size, bytes.byteLength);
  });

  it("exits 1 with the code on one line when the node says no, and 2 for a wrong command line", async () => {
    const unknown = await cepa(node, "get", addressOf(Buffer.from("nobody put this")));
    const usage = await cepa(node, "get");
    const bad = await cepa(node, "stat", "b3:nonsense");

    assert.deepEqual([unknown.code, usage.code], [1, 2]);
    assert.match(unknown.err.trim(), /^[^\n]*overlay\.unknown[^\n]*$/);
    assert.equal(unknown.out, "");
    assert(bad.code === 1 || bad.code === 2);
  });

  it("shows the tree, in the documented shape", async () => {
    const { out, code } = await cepa(node, "ps", "--json");

    const tree = JSON.parse(out) as { cells: Record<string, unknown>[]; actors: Record<string, unknown>[] };
    assert.equal(code, 0);
    assert.deepEqual(tree.cells.map(({ name, state }) => [name, state]).sort(), [
      ["data", "running"],
      ["ops", "running"],
    ]);
    for (const cell of tree.cells) assert.equal(typeof cell["pid"], "number");
    for (const actor of tree.actors) {
      const { depth, capacity } = actor["mailbox"] as { depth: unknown; capacity: unknown };
      const shape = [actor["name"], actor["cell"], actor["state"], actor["incarnation"], actor["restarts"], depth];
      assert.deepEqual(
        [...shape, capacity].map((value) => typeof value),
        ["string", "string", "string", "number", "number", "number", "number"],
      );
    }
  });

  it("kills an actor and a cell, which come back", async () => {
    const pid = await node.cellPid("data");
    const { restarts } = await node.actor("storage");

    const actor = await cepa(node, "kill", "actor/storage");
    const crashed = await node.actor("storage");
    await node.becomesReady();
    await eventually(1000, "the restart is counted", async () => {
      return (await node.actor("storage")).restarts === restarts + 1;
    });
    const cell = await cepa(node, "kill", "cell/data");
    await node.becomesReady();

    assert.deepEqual([actor.code, cell.code], [0, 0]);
    assert(crashed.state !== "running" || crashed.restarts > restarts, "who has killed it sees that");
    assert.notEqual(await node.cellPid("data"), pid);
  });

  it("never shows a counter that goes backwards, whatever is killed", async () => {
    const counted = async (): Promise<number> => {
      const text = await (await fetch(`${node.url}/metrics`)).text();
      const samples = [...text.matchAll(/^bytes_in_total\{[^}]*\} (\d+)/gm)];
      return samples.reduce((sum, [, value]) => sum + Number(value), 0);
    };
    const put = (seed: number): Promise<Response> =>
      fetch(`${node.url}/put`, { method: "PUT", body: randomBytes(100_000, seed) as Uint8Array<ArrayBuffer> });
    await put(11);
    const readings: number[] = [];
    for (let reading = 0; reading < 60; reading += 1) {
      if (reading === 20) await node.killCell("data");
      if (reading === 40) await put(12);
      readings.push(await counted());
      await new Promise((later) => setTimeout(later, 50));
    }

    assert.deepEqual(
      readings,
      readings.toSorted((a, b) => a - b),
    );
    assert((readings.at(-1) ?? 0) >= 200_000, `both puts are counted: ${readings.at(-1)}`);
  });

  it("ends the node with `down`, however many say it, and each answers when it is over", async () => {
    const other = await startNode();

    const downs = await Promise.all([cepa(other, "down"), cepa(other, "down"), cepa(other, "down")]);

    assert(downs.some(({ code }) => code === 0));
    // Who comes when all is over is told that nothing runs.
    for (const { code, err } of downs) assert(code === 0 || /^cepa: cli\.not-running: /.test(err), err);
    assert.deepEqual(other.livingPids(), []);
    assert.equal((await cepa(other, "down")).code, 1);
    await other.dispose();
  });
});
