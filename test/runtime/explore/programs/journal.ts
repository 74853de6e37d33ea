/** The journal under every order of those who append, of the halves of each operation of its disk, and of its end. */
import assert from "node:assert/strict";
import type { DiskOperation } from "#runtime/simulated/disk.ts";
import type { Check } from "#test/kit/aside.ts";
import { Holder, Owner, recover } from "#test/runtime/explore/journal-owner.ts";
import { checkOf, exploreTo, type Programs } from "#test/runtime/explore/programs.ts";

/** What the disk may refuse while a file is rewritten. */
const FAULTS: readonly Fault[] = [
  ...(["open", "write", "sync", "truncate", "rename", "syncDirectory", "close", "remove"] as const).map(
    (operation) => ({
      operation,
      errno: "EIO",
    }),
  ),
  { operation: "write", errno: "ENOSPC" },
];

interface Fault {
  readonly operation: DiskOperation;
  readonly errno: string;
}

function textOf({ operation, errno }: Fault): string {
  return `${operation} ${errno}`;
}

export const PROGRAMS: Programs = {
  "what was acknowledged survives a crash at every point, in order, whatever the power leaves": async () => {
    const counts = new Set<number>();
    const explored = await exploreTo({ usual: 2, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      play.script("a", owner.append("a1"), owner.append("a2"));
      play.script("b", owner.append("b1"));
      play.script("power", () => owner.process.crash({ power: true }));
      await play.interleave();

      counts.add((await owner.reopen()).length);
    });

    assert.deepEqual([...counts].sort(), [0, 1, 2, 3], "it crashes with none, some and all of it there");
    return explored;
  },

  "a sync that fails fails all that waited for it, and all that come after": async () => {
    const shapes = new Set<string>();
    const explored = await exploreTo({ usual: 1, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      play.script("a", owner.append("a1"), owner.append("a2"));
      play.script("b", owner.append("b1"));
      play.script("fault", () => owner.files.failNext("sync", "EIO"));
      await play.interleave();

      const answers = [...owner.answers.values()];
      assert.equal(answers.length, 3, "nobody waits for ever");
      const shape = answers.map((answer) => (answer === "ok" ? "o" : "x")).join("");
      assert.match(shape, /^o*x*$/, "nothing is acknowledged after a sync has failed");
      const hasFailed = owner.files.faultCount === 0;
      assert.equal(owner.journal.closed?.cause !== undefined, hasFailed, "a journal whose sync failed says so");
      assert.equal(shape.endsWith("x"), hasFailed, "those who waited are told, and nobody else");
      shapes.add(shape);
      owner.process.crash({ power: true });
      await owner.reopen();
    });

    assert.deepEqual([...shapes].sort(), ["ooo", "oox", "oxx", "xxx"]);
    return explored;
  },

  "a file that is rewritten while others append loses nothing, wherever it crashes": () =>
    exploreTo({ usual: 1, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      await owner.appended("a1");
      play.script("a", owner.append("a2"));
      play.script("compact", () => void owner.journal.compact());
      play.script("power", () => owner.process.crash({ power: true }));
      await play.interleave();

      await owner.reopen();
    }),

  "whatever the disk refuses while a file is rewritten, what was acknowledged survives a loss of power": async () => {
    const refused = new Set<string>();
    const explored = await exploreTo({ usual: 0, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      await owner.appended("a1");
      const fault = FAULTS[play.choose("fault", FAULTS.length)];
      assert(fault !== undefined, "a fault is chosen");
      play.script("a", owner.append("a2"));
      play.script("compact", () => void owner.journal.compact());
      play.script("fault", () => owner.files.failNext(fault.operation, fault.errno));
      await play.interleave();

      assert.equal(owner.answers.size, 2, "nobody waits for ever");
      if (owner.files.faultCount === 0) refused.add(textOf(fault));
      owner.process.crash({ power: true });
      await owner.reopen();
    });

    assert.deepEqual([...refused].sort(), FAULTS.map(textOf).sort(), "each is met");
    return explored;
  },

  "a journal that closed itself is opened anew for whoever comes next, once, and nothing acknowledged is lost":
    async () => {
      const shapes = new Set<string>();
      const explored = await exploreTo({ usual: 0, long: 2 }, async (play) => {
        const owner = await Holder.begin(play);
        play.script("a", owner.append("a1"), owner.append("a2"));
        play.script("b", owner.append("b1"));
        play.script("fault", () => owner.files.failNext("sync", "EIO"));
        await play.interleave();

        assert.equal(owner.answers.size, 3, "nobody waits for ever");
        shapes.add([...owner.answers.values()].map((answer) => (answer === "ok" ? "o" : "x")).join(""));
        await owner.close();
        assert.equal(owner.files.openCount, 0, "no descriptor is left");
        owner.process.crash({ power: true });
        await owner.reopen();
      });

      assert(shapes.has("xoo") || shapes.has("oxo"), "somebody comes after the failure, and is served");
      return explored;
    },

  "closing a journal that is being opened anew answers everybody, and leaves nothing open": () =>
    exploreTo({ usual: 0, long: 2 }, async (play) => {
      const owner = await Holder.begin(play);
      play.script("a", owner.append("a1"), owner.append("a2"));
      play.script("fault", () => owner.files.failNext("sync", "EIO"));
      play.script("close", () => owner.close());
      await play.interleave();

      assert.equal(owner.answers.size, 2, "nobody waits for ever");
      assert.equal(owner.files.openCount, 0, "no descriptor is left");
      owner.process.crash({ power: true });
      await owner.reopen();
    }),

  "closing answers all that waits, and refuses the rest": () =>
    exploreTo({ usual: 2, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      let asked: readonly string[] = [];
      play.script("a", owner.append("a1"), owner.append("a2"));
      play.script("b", owner.append("b1"));
      play.script("close", async () => {
        asked = [...owner.asked];
        await owner.journal.close();
      });
      await play.interleave();

      assert.equal(owner.answers.size, 3, "nobody waits for ever");
      assert.deepEqual(owner.acknowledged(), asked, "what was asked before is done, and nothing else");
      assert.equal(owner.files.openCount, 0, "no descriptor is left");
      assert.deepEqual(await recover(owner.files), asked);
    }),
};

export const check: Check = checkOf(PROGRAMS);
