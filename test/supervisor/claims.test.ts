/** What a node has claimed, and somebody removes under it: on a small tree of real processes. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { realClock } from "#runtime/real/clock.ts";
import { fileLocks } from "#runtime/real/lock.ts";
import { freshDirectory, TestNode } from "#test/supervisor/fixture/node.ts";

interface Started {
  readonly node: TestNode;
  readonly lock: string;
  readonly record: string;
  readonly run: string;
  readonly admin: string;
  /** Of the cells. */
  readonly pids: readonly number[];
  down(): Promise<void>;
}

async function started(): Promise<Started> {
  const node = new TestNode(freshDirectory());
  const ready = await node.said({ event: "ready" });
  const { run, admin } = node.record();
  return {
    node,
    lock: join(node.data, "node.lock"),
    record: join(node.data, "node.json"),
    run: String(run),
    admin: String(admin),
    pids: Object.values(ready["cells"] as Readonly<Record<string, number>>),
    down: async () => {
      node.process.kill("SIGTERM");
      assert.equal(await node.exited, 0);
      assert.deepEqual([existsSync(String(run)), existsSync(join(node.data, "node.json"))], [false, false]);
    },
  };
}

/** Nothing announces that a file is there. */
async function appears(path: string, withinMs = 15_000): Promise<void> {
  const untilMs = performance.now() + withinMs;
  while (!existsSync(path)) {
    assert(performance.now() < untilMs, `${path} appears`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("claims: a second node while the lock file is gone (SUP-11)", () => {
  for (const isStopped of [false, true]) {
    it(`is refused by name, and touches nothing (the first ${isStopped ? "is stopped" : "runs"})`, async () => {
      const { node, lock, record, run, down } = await started();
      const before = [readFileSync(record, "utf8"), statSync(record).ino, statSync(run).ino, readdirSync(run)];
      // A stopped one cannot take its lock again, and has its socket all the same.
      if (isStopped) node.process.kill("SIGSTOP");

      rmSync(lock);
      const second = new TestNode(node.data);

      assert.equal(await second.exited, 1);
      assert.match(second.stderr, new RegExp(`another node \\(process ${node.pid}\\) already runs on ${node.data}`));
      const after = [readFileSync(record, "utf8"), statSync(record).ino, statSync(run).ino, readdirSync(run)];
      assert.deepEqual(after, before);
      node.process.kill("SIGCONT");
      assert.equal((await node.ask({ id: 1, command: "status" }))["ok"], true);
      await down();
    });
  }

  it("is refused when the record is gone too", async () => {
    const { node, lock, record, run, down } = await started();
    node.process.kill("SIGSTOP");

    rmSync(lock);
    rmSync(record);
    const second = new TestNode(node.data);

    assert.equal(await second.exited, 1);
    assert.match(second.stderr, new RegExp(`another node already runs on ${node.data}`));
    assert.deepEqual([existsSync(record), existsSync(run)], [false, true]);
    node.process.kill("SIGCONT");
    await down();
  });
});

describe("claims: what was removed (SUP-23)", () => {
  it("is taken again: the lock, so that nobody else gets it, and the record", async () => {
    const { node, lock, record, down } = await started();
    const before = readFileSync(record, "utf8");

    rmSync(lock);
    rmSync(record);
    await node.said({ event: "restored", path: lock });
    await node.said({ event: "recorded", record });

    assert.equal(readFileSync(record, "utf8"), before);
    const other = await fileLocks(realClock).acquire(lock, { waitMs: 0 });
    assert.equal(other.ok, false);
    await down();
  });

  it("is made again: the run directory, with the sockets of the root and of every cell", async () => {
    const { node, run, admin, pids, down } = await started();

    rmSync(run, { recursive: true });
    await node.said({ event: "restored", path: run });

    assert.equal(statSync(run).mode & 0o777, 0o700);
    const { status } = await node.ask({ id: 1, command: "status" });
    assert.deepEqual(
      (status as { cells: { pid: number }[] }).cells.map(({ pid }) => pid),
      pids,
    );
    for (const cell of ["data", "ops"]) await appears(join(run, `${cell}.sock`));
    assert.equal(existsSync(admin), true);
    await down();
  });

  it("does not keep a cell that died with it from its restart", async () => {
    const { node, run, pids, down } = await started();
    const [data = 0] = pids;

    rmSync(run, { recursive: true });
    process.kill(data, "SIGKILL");
    await node.said({ event: "restarted", child: "data" });

    assert.deepEqual(
      node.lines.filter((line) => line["event"] === "crashed"),
      [{ event: "crashed", service: "data", reason: "killed" }],
    );
    for (const cell of ["data", "ops"]) await appears(join(run, `${cell}.sock`));
    await down();
  });

  it("is not followed through a link that lies in its place, and cells wait until it has gone", async () => {
    const { node, run, pids, down } = await started();
    const [data = 0] = pids;
    const elsewhere = join(node.data, "elsewhere");
    mkdirSync(elsewhere, { mode: 0o700 });

    rmSync(run, { recursive: true });
    symlinkSync(elsewhere, run);
    process.kill(data, "SIGKILL");
    await node.said({ event: "crashed", service: "data", reason: "start-failed" });
    assert.deepEqual(readdirSync(elsewhere), []);
    rmSync(run);
    await node.said({ event: "restored", path: run });
    await appears(join(run, "data.sock"));

    await node.becomes("everything runs", ({ actors }) => actors.every(({ state }) => state === "running"));
    assert.deepEqual(readdirSync(elsewhere), []);
    await down();
  });
});
