/** Both implementations of locks, and what only the kernel can show: that a killed holder lets go. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Locks } from "#runtime/lock/lock.ts";
import { realClock } from "#runtime/real/clock.ts";
import { fileLocks } from "#runtime/real/lock.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { memoryLocks } from "#runtime/simulated/lock.ts";
import { asNobody } from "#test/kit/nobody.ts";

const kinds: readonly (readonly [string, (clock: ManualClock) => Locks])[] = [
  ["simulated", memoryLocks],
  ["real", fileLocks],
];

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "cepa-lock-"));
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const [kind, makeLocks] of kinds) {
  describe(`locks (${kind}): acquire`, () => {
    it("refuses a second holder, and lets him in after the release", () =>
      inDirectory(async (directory) => {
        const locks = makeLocks(new ManualClock());
        const path = join(directory, "store.lock");
        const first = await locks.acquire(path, { waitMs: 0 });
        assert(first.ok);

        const refused = await locks.acquire(path, { waitMs: 0 });
        const other = await locks.acquire(join(directory, "other.lock"), { waitMs: 0 });

        assert.deepEqual(refused, { ok: false, failure: { code: "lock.taken", path, waitedMs: 0 } });
        assert(other.ok);
        first.value.release();
        first.value.release();
        const second = await locks.acquire(path, { waitMs: 0 });
        assert(second.ok);
        second.value.release();
        other.value.release();
      }));

    it("waits as long as it was told, and not longer", () =>
      inDirectory(async (directory) => {
        const clock = new ManualClock();
        const locks = makeLocks(clock);
        const path = join(directory, "store.lock");
        const first = await locks.acquire(path, { waitMs: 0 });
        assert(first.ok);
        const patient = locks.acquire(path, { waitMs: 15_000 });
        const hasty = locks.acquire(path, { waitMs: 999 });

        await clock.advance(1000);
        first.value.release();
        await clock.advance(50);

        assert.deepEqual(await hasty, { ok: false, failure: { code: "lock.taken", path, waitedMs: 999 } });
        const held = await patient;
        assert(held.ok);
        held.value.release();
      }));
  });
}

/** Another process that holds the lock for as long as it lives. */
async function holderOf(path: string): Promise<ChildProcess> {
  const script = `
    import { fileLocks } from "#runtime/real/lock.ts";
    import { realClock } from "#runtime/real/clock.ts";
    const held = await fileLocks(realClock).acquire(${JSON.stringify(path)}, { waitMs: 0 });
    console.log(held.ok);
    setInterval(() => undefined, 1000);
  `;
  const holder = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(holder.stdout, "data");
  assert.equal(String(line).trim(), "true");
  return holder;
}

const RACES = 100;

/** Another process, which takes one lock after the other, each at a certain time, and says which it has. */
async function race(context: TestContext, directory: string, beginsMs: number): Promise<readonly boolean[]> {
  const script = `
    import { join } from "node:path";
    import { fileLocks } from "#runtime/real/lock.ts";
    import { realClock } from "#runtime/real/clock.ts";
    const locks = fileLocks(realClock);
    const held = [];
    for (let race = 0; race < ${RACES}; race += 1) {
      while (Date.now() < ${beginsMs} + 5 * race);
      held.push(await locks.acquire(join(${JSON.stringify(directory)}, race + ".lock"), { waitMs: 0 }));
    }
    console.log(JSON.stringify(held.map(({ ok }) => ok)));
    setInterval(() => undefined, 1000);
  `;
  const racer = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(() => racer.kill("SIGKILL"));
  const [line] = await once(racer.stdout, "data");
  return JSON.parse(String(line));
}

describe("locks (real): two who ask at once", () => {
  it("one has it, and one has not", (context) =>
    inDirectory(async (directory) => {
      const beginsMs = Date.now() + 1000;
      const [left, right] = await Promise.all([1, 2].map(() => race(context, directory, beginsMs)));
      assert(left !== undefined && right !== undefined);

      const holders = left.map((isHeld, race) => Number(isHeld) + Number(right[race]));
      assert.deepEqual(holders, new Array(RACES).fill(1));
    }));
});

describe("locks (real): a killed holder", () => {
  it("holds against another process, leaves no side files, and lets go when it is killed", (context) =>
    inDirectory(async (directory) => {
      const path = join(directory, "store.lock");
      const holder = await holderOf(path);
      context.after(() => holder.kill("SIGKILL"));
      const locks = fileLocks(realClock);

      const refused = await locks.acquire(path, { waitMs: 0 });
      assert(!refused.ok && refused.failure.code === "lock.taken");
      assert.deepEqual(readdirSync(directory), ["store.lock"]);
      const exited = once(holder, "exit");
      holder.kill("SIGKILL");
      await exited;
      const held = await locks.acquire(path, { waitMs: 0 });

      assert(held.ok);
      held.value.release();
    }));

  it("holds although the lock file was removed under it, and made anew by somebody else", (context) =>
    inDirectory(async (directory) => {
      const path = join(directory, "store.lock");
      const holder = await holderOf(path);
      context.after(() => holder.kill("SIGKILL"));
      const locks = fileLocks(realClock);

      rmSync(path);
      const removed = await locks.acquire(path, { waitMs: 0 });
      const anew = await locks.acquire(path, { waitMs: 0 });
      const exited = once(holder, "exit");
      holder.kill("SIGKILL");
      await exited;
      const held = await locks.acquire(path, { waitMs: 0 });

      assert.deepEqual(
        [removed, anew].map((answer) => !answer.ok && answer.failure.code),
        ["lock.taken", "lock.taken"],
      );
      assert(held.ok);
      held.value.release();
    }));

  it("is taken anew by its own holder, when it was removed", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "node.lock");
      const locks = fileLocks(realClock);
      const first = await locks.acquire(path, { waitMs: 0 });
      rmSync(path);

      const second = await locks.acquire(path, { waitMs: 0 });

      assert(first.ok && second.ok);
      first.value.release();
      second.value.release();
    }));

  it("says broken, not taken, where the file cannot be made or is something else", () =>
    inDirectory(async (directory) => {
      const answer = await fileLocks(realClock).acquire(join(directory, "missing", "store.lock"), { waitMs: 0 });

      assert(!answer.ok && answer.failure.code === "lock.broken");
    }));

  it("says broken where the file may only be read: everybody would have it", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "store.lock");
      writeFileSync(path, "", { mode: 0o444 });
      chmodSync(directory, 0o755);

      const answer = await asNobody(() => fileLocks(realClock).acquire(path, { waitMs: 0 }));

      assert(!answer.ok && answer.failure.code === "lock.broken");
      assert.match(answer.failure.cause, /readonly/);
    }));

  it("writes nothing into it", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "store.lock");

      const held = await fileLocks(realClock).acquire(path, { waitMs: 0 });
      assert(held.ok);
      held.value.release();

      assert.deepEqual([readdirSync(directory), statSync(path).size], [["store.lock"], 0]);
    }));
});
