/** The data directory goes away under a running node, its data cell ends, and the directory comes back. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PACKS_LOOK_INTERVAL_MS } from "#actors/storage/packs/pack-watch.ts";
import { RESERVE_FILE_NAME } from "#actors/storage/reserve-file.ts";
import { MiB } from "#runtime/units.ts";
import { KEEP_MS } from "#supervisor/root/keeper.ts";
import { eventually, type Profile, startNode, type TestNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

const isRoot = process.getuid?.() === 0;

async function readinessFor(node: TestNode, kind: "reads" | "writes"): Promise<string> {
  const answer = await fetch(`${node.url}/readyz${kind === "reads" ? "?for=reads" : ""}`);
  return `${answer.status} ${await answer.text()}`;
}

/** Kills the data cell, and waits until the next one says why it stores nothing. */
async function loseDataCell(node: TestNode): Promise<void> {
  process.kill(node.ready.cells["data"] ?? 0, "SIGKILL");
  for (const kind of ["reads", "writes"] as const) {
    await eventually(20_000, `not ready for ${kind}, with the reason`, async () => {
      return /^503 .*storage is down: [^"]*supervisor\.data-away: .*mount its disk again/.test(
        await readinessFor(node, kind),
      );
    });
  }
}

async function mustRefuse(node: TestNode, stored: Uint8Array): Promise<void> {
  const put = await fetch(`${node.url}/put`, { method: "PUT", body: "while it is away" });
  const got = await fetch(`${node.url}/o/${addressOf(stored)}`);
  assert.deepEqual([put.status, got.status], [503, 503], `${await put.text()} ${await got.text()}`);
}

describe("node: its data directory is away when the data cell starts (SUP-30)", () => {
  for (const profile of ["tree", "edge"] satisfies Profile[]) {
    it(`stores nothing and makes nothing there, and goes on when it is back (${profile})`, async (context) => {
      const node = await startNode({ profile });
      context.after(() => node.dispose());
      const { dataDirectory } = node;
      const moved = `${dataDirectory}.moved`;
      const [first, second] = [randomBytes(300_000, 1), randomBytes(300_000, 2)];
      await putObject(node.url, first);

      renameSync(dataDirectory, moved);
      await loseDataCell(node);
      await mustRefuse(node, first);
      assert.equal(existsSync(dataDirectory), false, "nothing is made at its path");
      // What a mount point shows when its disk is gone: a directory, and none of the node's files.
      mkdirSync(dataDirectory);
      // Past the sixth failure and the next look at what the node has claimed.
      await eventually(20_000, "it is given up", async () =>
        (await readinessFor(node, "writes")).includes("quarantined"),
      );
      await mustRefuse(node, first);
      assert.deepEqual(readdirSync(dataDirectory), []);
      rmSync(dataDirectory, { recursive: true });
      renameSync(moved, dataDirectory);

      await node.becomesReady();
      await mustHold(node.url, first);
      await putObject(node.url, second);
      await mustHold(node.url, second);
      const leftovers = readdirSync(dirname(dataDirectory)).filter((name) => name.startsWith(basename(moved)));
      assert.deepEqual(leftovers, []);
    });
  }

  it("takes nothing for lost while another one is in its place and the data cell lives", async (context) => {
    const objects = [5000, 300_000, 9 * MiB].map((sizeBytes, seed) => randomBytes(sizeBytes, seed));
    const first = await startNode();
    const { dataDirectory } = first;
    for (const bytes of objects) await putObject(first.url, bytes);
    await first.stop();
    // Of what it has read nothing is open, or in memory.
    const node = await startNode({ dataDirectory });
    context.after(() => node.dispose());
    await node.becomesReady();
    // One that cannot be finished is begun anew a minute later.
    await eventually(20_000, "the reserve file is made", () => existsSync(join(dataDirectory, RESERVE_FILE_NAME)));
    // What is open is still itself.
    const servesOrRefuses = async (): Promise<void> => {
      for (const bytes of objects) {
        const got = await fetch(`${node.url}/o/${addressOf(bytes)}`);
        if (got.status !== 503)
          assert.deepEqual([got.status, Buffer.from(await got.arrayBuffer()).equals(bytes)], [200, true]);
      }
    };
    const moved = `${dataDirectory}.moved`;
    renameSync(dataDirectory, moved);
    mkdirSync(join(dataDirectory, "packs"), { recursive: true });
    for (const name of readdirSync(join(moved, "packs"))) {
      writeFileSync(join(dataDirectory, "packs", name), randomBytes(statSync(join(moved, "packs", name)).size, 9));
    }

    await servesOrRefuses();
    await eventually(3 * PACKS_LOOK_INTERVAL_MS, "not ready for writes, with the reason", async () =>
      (await readinessFor(node, "writes")).includes("is the data directory there?"),
    );
    await servesOrRefuses();
    rmSync(dataDirectory, { recursive: true });
    renameSync(moved, dataDirectory);

    await node.becomesReady();
    for (const bytes of objects) await mustHold(node.url, bytes);
    const scrub = (await (await fetch(`${node.url}/scrub`)).json()) as Record<string, unknown>;
    assert.deepEqual([scrub["damagedRecords"], scrub["damaged"]], [0, []]);
    assert.equal((await node.actor("storage")).restarts, 0);
  });

  const skip = isRoot ? false : "only root can mount a file system";
  it("knows the disk again that was unmounted and mounted", { skip }, async (context) => {
    const parent = temporaryDataDirectory();
    const [disk, dataDirectory] = [join(parent, "disk"), join(parent, "data")];
    for (const directory of [disk, dataDirectory]) mkdirSync(directory);
    const mount = (): void => void execFileSync("mount", ["--bind", disk, dataDirectory]);
    const unmount = (): void => void execFileSync("umount", ["-l", dataDirectory]);
    mount();
    const node = await startNode({ dataDirectory });
    context.after(async () => {
      await node.stop();
      unmount();
      rmSync(parent, { recursive: true, force: true });
    });
    const bytes = randomBytes(300_000, 3);
    await putObject(node.url, bytes);

    unmount();
    await loseDataCell(node);
    await mustRefuse(node, bytes);
    assert.deepEqual(readdirSync(dataDirectory), []);
    mount();

    await node.becomesReady(30_000);
    await mustHold(node.url, bytes);
  });
});

it("data directory: while it is away from a living data cell, nothing is damaged, and nothing made (STO-104, SUP-30)", async (context) => {
  const node = await startNode();
  context.after(() => node.dispose());
  const { dataDirectory } = node;
  const moved = `${dataDirectory}.moved`;
  const objects = [5, 6, 7].map((seed) => randomBytes(300_000, seed));
  for (const bytes of objects) await putObject(node.url, bytes);
  // One that could not be made is tried again after a minute only.
  await eventually(20_000, "the reserve file is made", () => existsSync(join(dataDirectory, "reserve.bin")));

  renameSync(dataDirectory, moved);
  mkdirSync(dataDirectory);
  for (const bytes of objects) {
    const got = await fetch(`${node.url}/o/${addressOf(bytes)}`);
    assert.equal(got.status, 503, await got.text());
  }
  const upload = { method: "POST", headers: { "tus-resumable": "1.0.0", "upload-length": "3000000" } };
  const begun = await fetch(`${node.url}/uploads/`, upload);
  // Past two looks at what the node has claimed, and one at its packs.
  await sleep(KEEP_MS + PACKS_LOOK_INTERVAL_MS);
  assert.deepEqual([begun.status, readdirSync(dataDirectory)], [503, []]);
  rmSync(dataDirectory, { recursive: true });
  renameSync(moved, dataDirectory);

  for (const bytes of objects) await mustHold(node.url, bytes);
  await node.becomesReady();
  await putObject(node.url, randomBytes(300_000, 8));
  assert.equal(await node.cellPid("data"), node.ready.cells["data"]);
});

it("data directory: one that was moved between two runs is the node's (SUP-30)", async (context) => {
  const first = await startNode();
  const bytes = randomBytes(100_000, 4);
  await putObject(first.url, bytes);
  await first.stop();
  const moved = `${first.dataDirectory}.moved`;
  renameSync(first.dataDirectory, moved);

  const second = await startNode({ dataDirectory: moved });
  context.after(() => second.dispose());
  await second.killCell("data");

  await mustHold(second.url, bytes);
});
