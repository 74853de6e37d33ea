/**
 * A change of the configuration under every order of who writes the file, the timers and the disk of its watcher, and the cells
 * that are asked, answer late, die and come back: the watcher, the rollout, what is said to a cell, and its sections.
 */
import assert from "node:assert/strict";
import type { Clock } from "#runtime/clock.ts";
import { count } from "#runtime/config/schema.ts";
import type { ConfigSnapshot } from "#runtime/config/snapshot.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { type ConfigReport, ConfigWatcher } from "#runtime/config/watcher.ts";
import { type Failure, fail, must, ok, type Result } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { ExploredClock } from "#runtime/simulated/explored-clock.ts";
import { ExploredDisk } from "#runtime/simulated/explored-disk.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";
import { Sections } from "#supervisor/cell/sections.ts";
import { ConfigRollout } from "#supervisor/root/config-rollout.ts";
import { ConfigTalk } from "#supervisor/root/config-talk.ts";
import type { Order } from "#supervisor/wire.ts";
import type { Check } from "#test/kit/aside.ts";
import { checkOf, exploreTo, isLong, type Programs } from "#test/runtime/explore/programs.ts";
import { fixtureTree } from "#test/supervisor/fixture/tree.ts";

const PATH = "/cepa.toml";
/** What a cell takes at most. The file begins with 1. */
const LIMIT_MAX = 9;

export const PROGRAMS: Programs = {
  "the last contents are in force in the end, and what is refused never is, whenever the file changes": async () => {
    const seen = new Set<string>();
    const explored = await exploreTo({ usual: 2, long: "all" }, async (play) => {
      const scene = await Watched.begin(play, (limit) => limit <= LIMIT_MAX);
      play.script("writer", scene.write(2), scene.write(LIMIT_MAX + 1), scene.write(3));
      play.script("operator", () => void scene.watcher.reload());
      await play.interleave();

      assert.equal(scene.inForce.at(-1), 3, "the last contents are in force");
      assert.deepEqual(scene.reports.at(-1)?.kind === "kept", false, "and were reported");
      seen.add(scene.inForce.join(" "));
    });

    assert.deepEqual([...seen].sort(), ["1 2 3", "1 3"]);
    return explored;
  },

  "what was refused for a while is offered again with the next change": () =>
    exploreTo("all", async (play) => {
      let refusing = true;
      const scene = await Watched.begin(play, () => !refusing);
      play.script("writer", scene.write(2), async () => {
        refusing = false;
        await scene.write(2)();
      });
      await play.interleave();

      assert.deepEqual(scene.inForce, [1, 2], "it is in force when nobody refuses it any more");
    }),

  "nothing is offered and nothing reported after the watcher is closed": () =>
    exploreTo("all", async (play) => {
      const scene = await Watched.begin(play, () => true);
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

function limitOf(limit: number): ConfigTable {
  return { alpha: { limit } };
}

/** The watcher over a file that says one number, and one who takes it or does not. */
class Watched {
  readonly clock: ExploredClock;
  readonly watcher: ConfigWatcher;
  /** From the first on. */
  readonly inForce: number[] = [1];
  readonly offered: number[] = [];
  readonly reports: ConfigReport[] = [];
  readonly #play: Play;
  readonly #files: MemoryDisk;
  readonly #takes: (limit: number) => boolean;

  private constructor(play: Play, files: MemoryDisk, takes: (limit: number) => boolean) {
    this.#play = play;
    this.#files = files;
    this.#takes = takes;
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

  static async begin(play: Play, takes: (limit: number) => boolean): Promise<Watched> {
    const files = new MemoryDisk();
    must(await files.replaceFile(PATH, textOf(1)), "the file is written");
    return new Watched(play, files, takes);
  }

  /** A step that writes the file. */
  write(limit: number): () => Promise<void> {
    return async () => must(await this.#files.replaceFile(PATH, textOf(limit)), "the file is written");
  }

  async #offer(limit: number): Promise<Result<void, Failure>> {
    assert(this.offered.length === this.#answered, "one candidate at a time");
    this.offered.push(limit);
    await new Promise<void>((resolve) => void this.#play.event("answer", resolve));
    this.#answered += 1;
    if (!this.#takes(limit)) return fail({ code: "test.refused" });
    this.inForce.push(limit);
    return ok();
  }

  #answered = 0;
}

function textOf(limit: number): Uint8Array {
  return Buffer.from(`limit = ${limit}`);
}

interface Rolled {
  readonly rollout: ConfigRollout;
  /** `data` takes everything up to `LIMIT_MAX`, `ops` one less. */
  readonly cells: readonly [Cell, Cell];
  /** Of the offers, in the order of their answers: whether they are in force. */
  readonly outcomes: boolean[];
}

/** A rollout over two cells that are up. */
function roll(play: Play, clock: Clock = new ExploredClock(play)): Rolled {
  const current = (): ConfigSnapshot => rollout.current;
  const cells = [
    new Cell(play, clock, current, "data", LIMIT_MAX),
    new Cell(play, clock, current, "ops", LIMIT_MAX - 1),
  ] as const;
  const rollout: ConfigRollout = new ConfigRollout(
    limitOf(1),
    cells.map(({ taker }) => taker),
    fixtureTree,
  );
  for (const cell of cells) {
    cell.begin();
    cell.started();
  }
  return { rollout, cells, outcomes: [] };
}

/** A cell at the end of a line: what it is told comes in order, each order in a slot of its own, and dies with it. */
class Cell {
  readonly name: string;
  readonly #talk: ConfigTalk;
  readonly #play: Play;
  readonly #current: () => ConfigSnapshot;
  readonly #modules: ReadonlyMap<string, ErasedModule>;
  #sections: Sections | undefined;
  #underWay: { readonly order: Order; readonly undo: () => void }[] = [];

  constructor(play: Play, clock: Clock, current: () => ConfigSnapshot, name: string, limitMax: number) {
    this.name = name;
    this.#play = play;
    this.#current = current;
    const alpha = { configSchema: { limit: count({ default: 0, min: 0, max: limitMax }) } };
    this.#modules = new Map([["alpha", alpha as unknown as ErasedModule]]);
    this.#talk = new ConfigTalk({
      clock,
      send: (order) => this.#send(order),
      onUnfit: (problem) => assert.fail(`${name} cannot work with what is in force: ${problem}`),
    });
  }

  get taker(): { readonly name: string } & Pick<ConfigTalk, "offer" | "commit"> {
    const talk = this.#talk;
    return {
      name: this.name,
      offer: (config, withinMs) => talk.offer(config, withinMs),
      commit: (config) => talk.commit(config),
    };
  }

  /** What the actor in it reads. */
  get inForce(): number {
    assert(this.#sections !== undefined, "it has begun");
    return (this.#sections.view("alpha").current as { readonly limit: number }).limit;
  }

  begin(): void {
    const config = this.#current();
    this.#talk.begin(config);
    this.#sections = new Sections(this.#modules, {}, { amnesia: false });
    assert.equal(this.#sections.offer(config), undefined);
    this.#sections.commit(config.version);
  }

  started(): void {
    this.#talk.started(this.#current());
  }

  crash(): void {
    for (const { undo } of this.#underWay.splice(0)) undo();
    this.#sections = undefined;
    this.#talk.over();
  }

  #send(order: Order): boolean {
    const undo = this.#play.event(`${this.name}-hears`, () => {
      const next = this.#underWay.shift();
      if (next !== undefined) this.#hear(next.order);
    });
    this.#underWay.push({ order, undo });
    return true;
  }

  #hear(order: Order): void {
    if (order.kind === "config-offer") this.#talk.answer(this.#sections?.offer(order.config));
    if (order.kind === "config-commit") this.#sections?.commit(order.version);
  }
}
