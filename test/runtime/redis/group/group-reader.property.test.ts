/**
 * Readers of a group in any order of reading, acknowledging, dying, breaking connections, and a Redis that trims, is emptied or
 * forgets: against a list of what was added and what was acknowledged.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { GroupReader } from "#runtime/redis/group/group-reader.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import { patient } from "#test/kit/patient.ts";
import { runsOf } from "#test/kit/runs.ts";
import { add, makeReader, pendingIn, untilSettled } from "#test/runtime/redis/group/kit.ts";
import { ask, type Simulated, simulated } from "#test/runtime/redis/kit.ts";

const RUNS = runsOf({ usual: 20, slowness: 5 });
const STREAM = "s";
const GRACE_MS = 300;

type Fault = "lost" | "done-unheard" | "stall";
type Step =
  | { readonly kind: "add"; readonly count: number }
  | { readonly kind: "read" | "restart"; readonly who: number }
  /** Adds while a page is waited for. */
  | { readonly kind: "wait"; readonly who: number; readonly count: number }
  | { readonly kind: "ack"; readonly who: number; readonly count: number }
  /** Of so many commands from now on the last one. */
  | { readonly kind: "fault"; readonly after: number; readonly fault: Fault }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "trim"; readonly left: number }
  | { readonly kind: "empty" | "forget" | "crash" };

const who = fc.nat(1);
const few = fc.integer({ min: 1, max: 6 });
const read = fc.record({ kind: fc.constant("read" as const), who });
const calm: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("add" as const), count: few }) },
  { weight: 8, arbitrary: read },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), who, count: few }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("ack" as const), who, count: few }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(20, 250, 1200) }) },
];
const faults: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      after: fc.integer({ min: 1, max: 5 }),
      fault: fc.constantFrom<Fault>("lost", "done-unheard", "stall"),
    }),
  },
];
const losses: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("trim" as const), left: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("empty" as const, "forget" as const, "crash" as const) }) },
];
const script = (...steps: readonly fc.WeightedArbitrary<Step>[]): fc.Arbitrary<readonly Step[]> =>
  fc.array(fc.oneof(...steps), { minLength: 10, maxLength: 50 });

/** Readers, and what they should have done. */
class World {
  readonly #world: Simulated;
  readonly #redis: Redis;
  readonly #connections: readonly Redis[];
  readonly #readers: GroupReader[];
  /** In hand, by reader. */
  readonly #held: Set<string>[] = [new Set(), new Set()];
  readonly #added = new Set<string>();
  readonly #done = new Set<string>();
  /** Acknowledged, and nobody knows what came of it. */
  readonly #maybeDone = new Set<string>();
  /** Given ever, to somebody. */
  readonly given = new Set<string>();
  #addedCount = 0;
  lostCount = 0;

  static async start(readerCount: number): Promise<World> {
    const world = simulated(1, true);
    const opened = [];
    for (let at = 0; at < 1 + 2 * readerCount; at += 1) opened.push(await world.open());
    const [redis, ...connections] = opened;
    assert(redis !== undefined);
    return new World(world, redis, connections, readerCount);
  }

  private constructor(world: Simulated, redis: Redis, connections: readonly Redis[], readerCount: number) {
    this.#world = world;
    this.#redis = redis;
    this.#connections = connections;
    this.#readers = Array.from({ length: readerCount }, (_, at) => this.#make(at));
  }

  get readerCount(): number {
    return this.#readers.length;
  }

  /** There, not acknowledged, and in nobody's hands. */
  get left(): readonly string[] {
    return [...this.#added].filter((id) => !this.#done.has(id) && !this.#held.some((held) => held.has(id)));
  }

  async run(step: Step): Promise<void> {
    const { server, clock } = this.#world;
    switch (step.kind) {
      case "add":
        return await this.#add(step.count);
      case "read":
        return await this.#finish(step.who, this.#reader(step.who).read(patient));
      case "wait": {
        const reading = this.#reader(step.who).read(patient);
        await clock.settle();
        await this.#add(step.count);
        return await this.#finish(step.who, reading);
      }
      case "ack":
        return await this.#acknowledge(step.who, step.count);
      case "restart":
        this.#readers[this.#at(step.who)] = this.#make(this.#at(step.who));
        this.#held[this.#at(step.who)]?.clear();
        return;
      case "fault":
        return this.#plan(step.after, step.fault);
      case "pass":
        return await clock.advance(step.ms);
      case "trim":
        await this.#past("XTRIM", STREAM, "MAXLEN", step.left);
        return await this.#look();
      case "empty":
        await this.#past("DEL", STREAM);
        return await this.#look();
      case "forget":
        // Everything is given anew, what is in hand too.
        await this.#past("DEL", "nothing");
        if ((await ask(this.#redis, "EXISTS", STREAM)) === 1) await ask(this.#redis, "XGROUP", "DESTROY", STREAM, "g");
        for (const held of this.#held) held.clear();
        for (const id of this.#done) if (this.#added.has(id)) this.#done.delete(id);
        return;
      case "crash":
        server.crash();
        return await clock.advance(200);
    }
  }

  /** All faults are over: everything that is there is given, and acknowledged. */
  async settle(): Promise<void> {
    const { server, clock } = this.#world;
    server.fateOf = () => "answered";
    await clock.advance(10_000);
    for (let emptyCount = 0; emptyCount < 3; ) {
      const countBefore = this.#done.size + this.lostCount;
      for (let at = 0; at < this.readerCount; at += 1) {
        await this.#finish(at, this.#reader(at).read(patient));
        await this.#acknowledge(at, 1000);
      }
      emptyCount = this.#done.size + this.lostCount === countBefore ? emptyCount + 1 : 0;
      await clock.advance(GRACE_MS);
    }
    assert.deepEqual(
      this.left.filter((id) => !this.#maybeDone.has(id)),
      [],
    );
    assert.deepEqual(await pendingIn(this.#redis, STREAM), []);
    for (const id of this.#added) assert(this.given.has(id), `${id} was given`);
  }

  /** A look at the group that is as of now. */
  async survey(): Promise<void> {
    // The first of all reads makes the group.
    await this.#finish(0, this.#reader(0).read(patient));
    await this.#world.clock.advance(1100);
    await this.#finish(0, this.#reader(0).read(patient));
  }

  #make(at: number): GroupReader {
    const [redis, waiting] = this.#connections.slice(2 * at);
    assert(redis !== undefined && waiting !== undefined);
    const { clock } = this.#world;
    return makeReader({ redis, waiting, clock, stream: STREAM, consumer: `c${at}`, claimIdleMs: GRACE_MS - 100 });
  }

  #at(who: number): number {
    return who % this.#readers.length;
  }

  #reader(who: number): GroupReader {
    const reader = this.#readers[this.#at(who)];
    assert(reader !== undefined);
    return reader;
  }

  #heldBy(who: number): Set<string> {
    return this.#held[this.#at(who)] ?? new Set();
  }

  async #add(count: number): Promise<void> {
    const first = this.#addedCount + 1;
    this.#addedCount += count;
    await this.#past("PING");
    await add(this.#redis, STREAM, first, this.#addedCount);
    for (let ms = first; ms <= this.#addedCount; ms += 1) this.#added.add(`${ms}-0`);
  }

  async #finish(who: number, reading: ReturnType<GroupReader["read"]>): Promise<void> {
    const page = await untilSettled(this.#world.clock, reading);
    if (!page.ok) return;
    this.lostCount += page.value.lostCount;
    const held = this.#heldBy(who);
    for (const { id } of page.value.entries) {
      assert(!held.has(id), `${id} is not given to one that has it`);
      held.add(id);
      this.given.add(id);
    }
  }

  async #acknowledge(who: number, count: number): Promise<void> {
    const ids = [...this.#heldBy(who)].slice(0, count);
    const acknowledged = await untilSettled(this.#world.clock, this.#reader(who).ack(ids, patient));
    if (!acknowledged.ok) for (const id of ids) this.#maybeDone.add(id);
    if (!acknowledged.ok) return;
    for (const id of ids) {
      this.#heldBy(who).delete(id);
      this.#done.add(id);
    }
  }

  #plan(after: number, fault: Fault): void {
    const { server } = this.#world;
    let leftCount = after;
    server.fateOf = () => {
      leftCount -= 1;
      if (leftCount !== 0) return "answered";
      if (fault !== "stall") return fault;
      server.stall(1500);
      return "answered";
    };
  }

  /** By a connection that comes through. */
  async #past(...command: readonly [string, ...(string | number)[]]): Promise<void> {
    const { server, clock } = this.#world;
    server.fateOf = () => "answered";
    for (;;) {
      const answer = await untilSettled(clock, this.#redis.call(command, patient));
      if (answer.ok) return;
      await clock.advance(500);
    }
  }

  /** What is there now is what there is. */
  async #look(): Promise<void> {
    const there = (await ask(this.#redis, "XRANGE", STREAM, "-", "+")) as readonly (readonly [string])[];
    const ids = new Set(there.map(([id]) => id));
    for (const id of [...this.#added]) if (!ids.has(id)) this.#added.delete(id);
  }
}

describe("group reader: anything that can happen", () => {
  it("leaves nothing ungiven, and gives nothing to one that has it, to two readers", async () => {
    await fc.assert(
      fc.asyncProperty(script(...calm, ...faults, ...losses), async (steps) => {
        const world = await World.start(2);
        for (const step of steps) await world.run(step);
        await world.settle();
      }),
      { numRuns: RUNS, includeErrorInReport: true },
    );
  });

  it("leaves a reader alone with the exact count of what was lost, as of its last look", async () => {
    let lostCount = 0;
    await fc.assert(
      fc.asyncProperty(script(...calm), fc.boolean(), async (steps, isTrimmed) => {
        const world = await World.start(1);
        for (const step of steps) await world.run(step);
        await world.survey();
        const left = new Set(world.left);

        // What is trimmed is lost where it had been given to somebody, and else nobody's loss.
        if (isTrimmed) await world.run({ kind: "trim", left: 0 });
        else await world.run({ kind: "empty" });
        const expected = isTrimmed ? [...left].filter((id) => world.given.has(id)).length : left.size;
        await world.settle();

        assert.equal(world.lostCount, expected);
        lostCount += world.lostCount;
      }),
      { numRuns: RUNS, includeErrorInReport: true },
    );
    assert(lostCount > 0, `${lostCount} were lost`);
  });
});
