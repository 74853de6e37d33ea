/**
 * A stream that is trimmed while two groups read it, at any moment and several times at once: against a list of what each group
 * has acknowledged. On the Redis in memory everything happens in the order of the script; on a real one what is of one round is
 * under way at once, over connections of its own.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import type { GroupReader } from "#runtime/redis/group/group-reader.ts";
import type { Redis, RedisCommand } from "#runtime/redis/redis.ts";
import { patient } from "#test/kit/patient.ts";
import { redisMissing, startRedis } from "#test/kit/redis.ts";
import { runsOf } from "#test/kit/runs.ts";
import type { GroupWorld } from "#test/runtime/redis/group/conformance.ts";
import { makeReader, untilSettled } from "#test/runtime/redis/group/kit.ts";
import { ask, simulated, type Told } from "#test/runtime/redis/kit.ts";

const RUNS = runsOf({ usual: 8, slowness: 30 });
const GROUPS = ["g", "h"];
/** Of each group; each has two. */
const READERS = 4;
const IDLE_MS = 20;

type Step =
  | { readonly kind: "add"; readonly eighths: number }
  | { readonly kind: "read" | "restart"; readonly who: number }
  | { readonly kind: "ack"; readonly who: number; readonly share: number; readonly isFromEnd: boolean }
  | { readonly kind: "trim" }
  | { readonly kind: "pass" };

const who = fc.nat(READERS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), eighths: fc.integer({ min: 1, max: 16 }) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("read" as const), who }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("ack" as const),
      who,
      share: fc.constantFrom(0.3, 0.9, 1),
      isFromEnd: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), who }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("trim" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass" as const) }) },
);
/** Rounds: what is of one is begun at once. */
const script = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 10, maxLength: 40 });

const both = (kind: "read" | "ack"): readonly Step[] =>
  [0, 1].map((one) => (kind === "read" ? { kind, who: one } : { kind, who: one, share: 1, isFromEnd: false }));
/** Without it many a script would have nothing that may go. */
const PRELUDE: readonly (readonly Step[])[] = [
  [{ kind: "add", eighths: 16 }],
  ...Array.from({ length: 6 }, () => both("read")),
  both("ack"),
  [{ kind: "trim" }],
];

interface Kind extends GroupWorld {
  /** Entries of a block of the stream. */
  readonly block: number;
  readonly runs: number;
}

class World {
  readonly #kind: Kind;
  readonly #redis: Redis;
  readonly #connections: readonly Redis[];
  readonly #stream: string;
  readonly #readers: GroupReader[];
  readonly #isReading: boolean[] = [];
  readonly #held: Set<string>[] = Array.from({ length: READERS }, () => new Set());
  readonly #added: string[] = [];
  readonly #given = GROUPS.map(() => new Set<string>());
  /** Said to be done by somebody, whether or not that has come. */
  readonly #done = GROUPS.map(() => new Set<string>());
  trimmedCount = 0;

  constructor(kind: Kind, stream: string, [redis, ...connections]: readonly Redis[]) {
    assert(redis !== undefined);
    this.#kind = kind;
    this.#redis = redis;
    this.#connections = connections;
    this.#stream = stream;
    this.#readers = Array.from({ length: READERS }, (_, at) => this.#make(at));
  }

  async run(round: readonly Step[]): Promise<void> {
    await this.#kind.until(Promise.all(round.map((one) => this.#step(one))));
    if (round.some(({ kind }) => kind === "pass")) await this.#kind.pass(IDLE_MS + 10);
    await this.#look();
  }

  /** Everything is given to both groups, and then goes but for what a block keeps. */
  async settle(): Promise<void> {
    for (let quietCount = 0; quietCount < 2; ) {
      const before = this.#done.reduce((sum, { size }) => sum + size, 0);
      await this.#kind.pass(IDLE_MS + 10);
      for (let at = 0; at < READERS; at += 1) {
        await this.#kind.until(this.#read(at));
        await this.#kind.until(this.#acknowledge(at, 1, false));
      }
      quietCount = this.#done.reduce((sum, { size }) => sum + size, 0) === before ? quietCount + 1 : 0;
    }
    for (const given of this.#given) assert.equal(given.size, this.#added.length, "all was given to each group");
    while ((await this.#trim()) > 0);
    await this.#look();
    const left = this.#added.length - this.trimmedCount;
    assert(left <= this.#kind.block, `${left} of a block of ${this.#kind.block} are left`);
  }

  async #step(one: Step): Promise<void> {
    switch (one.kind) {
      case "add":
        return await this.#add(Math.ceil((one.eighths * this.#kind.block) / 8));
      case "read":
        return await this.#read(one.who);
      case "ack":
        return await this.#acknowledge(one.who, one.share, one.isFromEnd);
      case "restart":
        if (this.#isReading[one.who] === true) return;
        this.#readers[one.who] = this.#make(one.who);
        this.#held[one.who]?.clear();
        return;
      case "trim":
        await this.#trim();
        return;
      case "pass":
        return;
    }
  }

  #make(at: number): GroupReader {
    const [redis, waiting] = this.#connections.slice(2 * at);
    assert(redis !== undefined && waiting !== undefined);
    const group = GROUPS[at % GROUPS.length] ?? "";
    const countMax = Math.ceil(this.#kind.block * 0.7);
    const page = { pageCountMax: countMax, pageBytesMax: 1_000_000, heldCountMax: 4 * countMax, blockMs: 1 };
    const claim = { claimIntervalMs: IDLE_MS, claimIdleMs: IDLE_MS };
    const { clock } = this.#kind;
    return makeReader({ redis, waiting, clock, stream: this.#stream, group, consumer: `c${at}`, ...page, ...claim });
  }

  async #add(count: number): Promise<void> {
    const ids = Array.from({ length: count }, (_, at) => `${this.#added.length + at + 1}-0`);
    this.#added.push(...ids);
    const commands = ids.map((id): RedisCommand => ["XADD", this.#stream, id, "n", ""]);
    for (const added of await this.#redis.batch(commands, patient)) must(added, "an entry");
  }

  async #read(at: number): Promise<void> {
    const [reader, held, given] = [this.#readers[at], this.#held[at], this.#given[at % GROUPS.length]];
    assert(reader !== undefined && held !== undefined && given !== undefined);
    if (this.#isReading[at] === true || reader.heldCount > this.#kind.block * 2) return;
    this.#isReading[at] = true;
    const page = must(await reader.read(patient), "a page");
    this.#isReading[at] = false;
    assert.equal(page.lostCount, 0, "nothing that was pending went");
    for (const { id } of page.entries) {
      held.add(id);
      given.add(id);
    }
  }

  async #acknowledge(at: number, share: number, isFromEnd: boolean): Promise<void> {
    const [reader, held, done] = [this.#readers[at], this.#held[at], this.#done[at % GROUPS.length]];
    assert(reader !== undefined && held !== undefined && done !== undefined);
    const all = isFromEnd ? [...held].reverse() : [...held];
    const ids = all.slice(0, Math.ceil(all.length * share));
    for (const id of ids) {
      held.delete(id);
      done.add(id);
    }
    must(await reader.ack(ids, patient), "acknowledged");
  }

  async #trim(): Promise<number> {
    return must(await this.#redis.trim(this.#stream, patient), "trimmed");
  }

  /** Ids are added in order, so what went is what there was before the first that is left. */
  async #look(): Promise<void> {
    const [first] = (await ask(this.#redis, "XRANGE", this.#stream, "-", "+", "COUNT", 1)) as readonly [string, Told][];
    const length = await ask(this.#redis, "XLEN", this.#stream);
    const goneCount = first === undefined ? this.#added.length : this.#added.indexOf(first[0]);
    assert.equal(length, this.#added.length - goneCount, "nothing went from between");
    for (const id of this.#added.slice(this.trimmedCount, goneCount)) {
      for (const [at, done] of this.#done.entries()) assert(done.has(id), `${id} is done in ${GROUPS[at]}`);
    }
    this.trimmedCount = goneCount;
  }
}

function suite(name: string, start: () => Promise<Kind>, skip: string | false = false): void {
  describe(`trim (${name}): two groups, readers that end, and claims`, { skip }, () => {
    it("lets go of nothing that a group has not done with, and at last of everything else", async () => {
      const kind = await start();
      const connections: Redis[] = [];
      while (connections.length < 1 + 2 * READERS) connections.push(await kind.open());
      const [redis] = connections;
      assert(redis !== undefined);
      let streamCount = 0;
      let trimmedCount = 0;
      await fc.assert(
        fc.asyncProperty(script, async (rounds) => {
          streamCount += 1;
          const stream = `${name}:anything:${streamCount}`;
          for (const group of GROUPS) await ask(redis, "XGROUP", "CREATE", stream, group, "0", "MKSTREAM");
          const world = new World(kind, stream, connections);
          for (const round of [...PRELUDE, ...rounds]) await world.run(round);
          trimmedCount += world.trimmedCount;
          await world.settle();
        }),
        { numRuns: kind.runs, includeErrorInReport: true },
      );
      assert(trimmedCount > 0, `${trimmedCount} went before the end`);
    });
  });
}

suite("simulated", async () => {
  const { open, clock } = simulated();
  return {
    block: 100,
    runs: RUNS,
    clock,
    open,
    pass: (ms) => clock.advance(ms),
    until: (waiting) => untilSettled(clock, waiting),
  };
});
suite(
  "real",
  async () => {
    const redis = await startRedis();
    await ask(await redis.open(), "CONFIG", "SET", "stream-node-max-entries", 4);
    return {
      block: 4,
      runs: Math.ceil(RUNS / 3),
      clock: realClock,
      open: () => redis.open(),
      pass: (ms) => sleep(ms),
      until: (waiting) => waiting,
    };
  },
  redisMissing ?? false,
);
