/** Two cells that are told of changes of the configuration, in an explored program: their ends of the talk, and their sections. */
import assert from "node:assert/strict";
import type { Clock } from "#runtime/clock.ts";
import { count } from "#runtime/config/schema.ts";
import type { ConfigSnapshot } from "#runtime/config/snapshot.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { ExploredClock } from "#runtime/simulated/explored-clock.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";
import { Sections } from "#supervisor/cell/sections.ts";
import { ConfigRollout } from "#supervisor/root/config-rollout.ts";
import { ConfigTalk } from "#supervisor/root/config-talk.ts";
import type { Order } from "#supervisor/wire.ts";
import { fixtureTree } from "#test/supervisor/fixture/tree.ts";

/** What a cell takes at most. */
export const LIMIT_MAX = 9;

export function limitOf(limit: number): ConfigTable {
  return { alpha: { limit } };
}

interface Rolled {
  readonly rollout: ConfigRollout;
  /** `data` takes everything up to `LIMIT_MAX`, `ops` one less. */
  readonly cells: readonly [Cell, Cell];
  /** Of the offers, in the order of their answers: whether they are in force. */
  readonly outcomes: boolean[];
}

/** A rollout over two cells that are up. */
export function roll(play: Play, clock: Clock = new ExploredClock(play)): Rolled {
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
