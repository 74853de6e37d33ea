/**
 * A change of the configuration under every order of who writes the file, the timers and the disk of its watcher, and the cells
 * that are asked, answer late, die and come back: the watcher, the rollout, what is said to a cell, and its sections.
 */
import assert from "node:assert/strict";
import { type ConfigReport, ConfigWatcher } from "#runtime/config/watcher.ts";
import { type Failure, fail, must, ok, type Result } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { ExploredClock } from "#runtime/simulated/explored-clock.ts";
import { ExploredDisk } from "#runtime/simulated/explored-disk.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import type { Check } from "#test/kit/aside.ts";
import { LIMIT_MAX, limitOf, roll } from "#test/runtime/explore/config-cells.ts";
import { checkOf, exploreTo, isLong, type Programs } from "#test/runtime/explore/programs.ts";

const PATH = "/cepa.toml";

export const PROGRAMS: Programs = {
  "the last contents are in force in the end, and what is refused never is, whenever the file changes": async () => {
    const seen = new Set<string>();
    const explored = await exploreTo("all", async (play) => {
      const scene = await Changed.begin(play);
      await play.interleave();

      seen.add(scene.agree());
    });

    assert.deepEqual([...seen].sort(), ["1 2 3", "1 3"]);
    return explored;
  },

  "the last contents are in force in the end where somebody has the file read meanwhile, too": () =>
    exploreTo({ usual: 2, long: "all" }, async (play) => {
      const scene = await Changed.begin(play);
      play.script("operator", () => void scene.watched.watcher.reload());
      await play.interleave();

      scene.agree();
    }),

  "what was refused for a while is offered again with the next change": () =>
    exploreTo("all", async (play) => {
      let refusing = true;
      const scene = await Watched.begin(
        play,
        asked(play, () => !refusing),
      );
      play.script("writer", scene.write(2), async () => {
        refusing = false;
        await scene.write(2)();
      });
      await play.interleave();

      assert.deepEqual(scene.inForce, [1, 2], "it is in force when nobody refuses it any more");
    }),

  "nothing is offered and nothing reported after the watcher is closed": () =>
    exploreTo("all", async (play) => {
      const scene = await Watched.begin(
        play,
        asked(play, () => true),
      );
      let heard = 0;
      play.script("writer", scene.write(2), scene.write(3));
      play.script("end", () => {
        scene.watcher.close();
        heard = scene.offered.length + scene.reports.length;
      });
      await play.interleave();

      assert.equal(scene.offered.length + scene.reports.length, heard, "nothing comes after the end");
      assert.equal(scene.clock.armedCount, 0, "no timer is left");
    }),

  "a change is in force in every cell or in none, whoever answers late, dies and is back": async () => {
    const seen = new Set<string>();
    const explored = await exploreTo("all", async (play) => {
      const { rollout, cells, outcomes } = roll(play);
      const [data] = cells;
      play.script("offer", () => void rollout.offer(limitOf(2)).then(({ ok: accepted }) => outcomes.push(accepted)));
      play.script(
        "fate",
        () => data.crash(),
        () => data.begin(),
        () => data.started(),
      );
      await play.interleave();

      assert.equal(outcomes.length, 1, "the offer has an answer");
      const { version } = rollout.current;
      assert.equal(version, outcomes[0] ? 2 : 1);
      for (const cell of cells) assert.equal(cell.inForce, version, `${cell.name} has what is in force`);
      seen.add(String(outcomes[0]));
    });

    assert.deepEqual([...seen].sort(), ["false", "true"], "some are too late, and some are not");
    return explored;
  },

  "of two changes the last that was accepted is in force in every cell, whoever dies and is back meanwhile":
    async () => {
      const seen = new Set<string>();
      const explored = await exploreTo("all", async (play) => {
        // Time stands still, and every answer is in time, unless there is time to explore that too.
        const { rollout, cells, outcomes } = roll(play, isLong ? new ExploredClock(play) : new ManualClock());
        const [data] = cells;
        const offer = (limit: number) => async (): Promise<void> => {
          outcomes.push((await rollout.offer(limitOf(limit))).ok);
        };
        play.script("offer", offer(2), offer(3));
        play.script(
          "fate",
          () => data.crash(),
          () => {
            data.begin();
            data.started();
          },
        );
        await play.interleave();

        const limit = outcomes[1] ? 3 : outcomes[0] ? 2 : 1;
        for (const cell of cells) assert.equal(cell.inForce, limit, `${cell.name} has what is in force`);
        seen.add(outcomes.join(" "));
      });

      const late = isLong ? ["false false", "false true", "true false"] : [];
      assert.deepEqual([...seen].sort(), [...late, "true true"]);
      return explored;
    },

  "what the file said last is in force in every cell that is up, from the file to the actor": () =>
    exploreTo({ usual: 1, long: 3 }, async (play) => {
      // Every cell answers in time: who answers late refuses, and the file stays out of force until it changes again.
      const { rollout, cells } = roll(play, new ManualClock());
      const [data] = cells;
      const scene = await Watched.begin(play, (limit) => rollout.offer(limitOf(limit)));
      play.script("writer", scene.write(LIMIT_MAX), scene.write(2));
      play.script(
        "fate",
        () => data.crash(),
        () => data.begin(),
        () => data.started(),
      );
      await play.interleave();

      assert.equal(scene.inForce.at(-1), 2, "the last contents are in force");
      for (const cell of cells) assert.equal(cell.inForce, 2, `${cell.name} has what is in force`);
    }),

  "what one cell refuses is in force in none, and the next change is in all": async () => {
    const seen = new Set<string>();
    const explored = await exploreTo("all", async (play) => {
      const { rollout, cells, outcomes } = roll(play);
      for (const limit of [LIMIT_MAX, 3]) {
        play.script(`offer-${limit}`, async () => {
          const offered = await rollout.offer(limitOf(limit));
          outcomes.push(offered.ok);
          if (limit === LIMIT_MAX) assert(!offered.ok, "one of them cannot take it");
        });
        await play.interleave();
      }

      const limit = outcomes[1] ? 3 : 1;
      for (const cell of cells) assert.equal(cell.inForce, limit, `${cell.name} has what is in force`);
      seen.add(outcomes.join(" "));
    });

    assert.deepEqual(
      [...seen].sort(),
      ["false false", "false true"],
      "the second is refused where it is answered late",
    );
    return explored;
  },
};

export const check: Check = checkOf(PROGRAMS);

type Asked = (limit: number) => Promise<Result<void, Failure>>;

/** Somebody who takes a number or does not, and says so in a slot of its own. */
function asked(play: Play, takes: (limit: number) => boolean): Asked {
  return async (limit) => {
    await new Promise<void>((resolve) => void play.event("answer", resolve));
    return takes(limit) ? ok() : fail({ code: "test.refused" });
  };
}

/** The watcher over a file that says one number. */
class Watched {
  readonly clock: ExploredClock;
  readonly watcher: ConfigWatcher;
  /** From the first on. */
  readonly inForce: number[] = [1];
  readonly offered: number[] = [];
  readonly reports: ConfigReport[] = [];
  readonly #files: MemoryDisk;
  readonly #ask: Asked;
  #isAsking = false;

  private constructor(play: Play, files: MemoryDisk, ask: Asked) {
    this.#files = files;
    this.#ask = ask;
    this.clock = new ExploredClock(play);
    this.watcher = new ConfigWatcher({
      disk: new ExploredDisk(play, files).disk,
      clock: this.clock,
      path: PATH,
      inForce: textOf(1),
      offer: (raw) => this.#offer(Number(raw["limit"])),
      report: (report) => void this.reports.push(report),
    });
  }

  static async begin(play: Play, ask: Asked): Promise<Watched> {
    const files = new MemoryDisk();
    must(await files.replaceFile(PATH, textOf(1)), "the file is written");
    return new Watched(play, files, ask);
  }

  /** A step that writes the file. */
  write(limit: number): () => Promise<void> {
    return async () => must(await this.#files.replaceFile(PATH, textOf(limit)), "the file is written");
  }

  async #offer(limit: number): Promise<Result<void, Failure>> {
    assert(!this.#isAsking, "one candidate at a time");
    this.#isAsking = true;
    this.offered.push(limit);
    const answer = await this.#ask(limit);
    this.#isAsking = false;
    if (answer.ok) this.inForce.push(limit);
    return answer;
  }
}

function textOf(limit: number): Uint8Array {
  return Buffer.from(`limit = ${limit}`);
}

/** A file that is changed three times, and refused in between. */
class Changed {
  readonly watched: Watched;

  private constructor(watched: Watched) {
    this.watched = watched;
  }

  static async begin(play: Play): Promise<Changed> {
    const taken = asked(play, (limit) => limit <= LIMIT_MAX);
    const watched = await Watched.begin(play, taken);
    play.script("writer", watched.write(2), watched.write(LIMIT_MAX + 1), watched.write(3));
    return new Changed(watched);
  }

  /** Answers with what was in force, one after another. */
  agree(): string {
    const { inForce, reports } = this.watched;
    assert.equal(inForce.at(-1), 3, "the last contents are in force");
    assert(!inForce.includes(LIMIT_MAX + 1), "what is refused is not in force");
    assert.notEqual(reports.at(-1)?.kind, "kept", "the last report says so");
    return inForce.join(" ");
  }
}
