/** The clock and the disk of explored programs: that they do all that the real ones may do, and nothing else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { explore } from "#runtime/simulated/explore.ts";
import { ExploredClock } from "#runtime/simulated/explored-clock.ts";
import { ExploredDisk } from "#runtime/simulated/explored-disk.ts";

describe("explore: clock", () => {
  it("runs timers in any order, none before its time, and time never goes back", async () => {
    const seen = new Set<string>();
    await explore(async (play) => {
      const clock = new ExploredClock(play);
      const ran: string[] = [];
      let beforeMs = 0;
      for (const delayMs of [10, 20, 20]) {
        clock.after(delayMs, () => {
          assert(clock.nowMs() >= Math.max(delayMs, beforeMs));
          beforeMs = clock.nowMs();
          ran.push(`${delayMs} at ${beforeMs}`);
        });
      }
      assert.equal(clock.armedCount, 3);
      await play.interleave();
      assert.equal(clock.armedCount, 0);
      seen.add(ran.join(", "));
    });

    assert.deepEqual([...seen].sort(), [
      "10 at 10, 20 at 20, 20 at 20",
      "20 at 20, 10 at 20, 20 at 20",
      "20 at 20, 20 at 20, 10 at 20",
    ]);
  });

  it("does not run what was cancelled, and cancelling again does nothing", async () => {
    await explore(async (play) => {
      const clock = new ExploredClock(play);
      const timer = clock.after(1, () => assert.fail("it ran"));
      play.script("a", () => {
        timer.cancel();
        timer.cancel();
      });
      clock.after(1, () => undefined);
      timer.cancel();
      assert.equal(clock.armedCount, 1);
      await play.interleave();
      assert.equal(clock.armedCount, 0);
    });
  });
});

describe("explore: disk", () => {
  it("does and answers operations that are under way at once in any order", async () => {
    const orders = new Set<string>();
    const { runs } = await explore(async (play) => {
      const { disk } = new ExploredDisk(play, new MemoryDisk());
      const descriptor = must(await disk.open("/a", "create"), "it opens");
      const answered: string[] = [];
      play.script("both", () => {
        void disk.write(descriptor, [Buffer.from("x")], 0).then(() => answered.push("write"));
        void disk.sizeBytes(descriptor).then((size) => answered.push(`size ${must(size, "it has a size")}`));
      });
      await play.interleave();
      orders.add(answered.join(", "));
    });

    assert.equal(runs, 6, "4! / (2! 2!)");
    assert.deepEqual([...orders].sort(), ["size 0, write", "size 1, write", "write, size 0", "write, size 1"]);
  });

  it("leaves every state that a loss of power may leave, and does nothing for a process that is gone", async () => {
    const states = new Set<string>();
    await explore(async (play) => {
      const files = new MemoryDisk();
      const process = new ExploredDisk(play, files);
      const descriptor = must(await process.disk.open("/a", "create"), "it opens");
      must(await process.disk.syncDirectory("/"), "its name is durable");
      let isDone = false;
      play.script("a", () => {
        void process.disk.write(descriptor, [Buffer.from("x")], 0).then(() => {
          isDone = true;
        });
      });
      play.script("power", () => {
        process.crash({ power: true });
        isDone = false;
      });
      await play.interleave();

      assert.equal(isDone, false, "nothing is answered after the end");
      states.add(Buffer.from(must(await files.readFile("/a"), "it is there")).toString("latin1"));
    });

    assert.deepEqual([...states].sort(), ["", "\0", "x"], "nothing, the size alone, all of it");
  });

  it("keeps what was written where only the process ends", async () => {
    await explore(async (play) => {
      const files = new MemoryDisk();
      const process = new ExploredDisk(play, files);
      must(await process.disk.replaceFile("/a", Buffer.from("x")), "it is written");
      play.script("end", () => process.crash({ power: false }));
      play.event("other", () => undefined);
      await play.interleave();

      assert.equal(Buffer.from(must(await files.readFile("/a"), "it is there")).toString(), "x");
    });
  });

  it("tells a watcher once of changes that come before it hears, again of later ones, and nothing after the undo", async () => {
    const counts = new Set<number>();
    await explore(async (play) => {
      const files = new MemoryDisk();
      const { disk } = new ExploredDisk(play, files);
      let told = 0;
      let isOver = false;
      const unwatch = disk.watch("/a", () => {
        assert(!isOver, "nothing is told after the undo");
        told += 1;
      });
      const change = async (): Promise<void> => must(await files.replaceFile("/a", Buffer.from("x")), "it is written");
      play.script("writer", change, change);
      play.script("end", () => {
        unwatch();
        isOver = true;
      });
      await play.interleave();
      counts.add(told);
    });

    assert.deepEqual([...counts].sort(), [0, 1, 2]);
  });
});
