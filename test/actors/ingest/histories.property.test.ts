/**
 * Ingest through any order of faults: its life ends, Redis breaks connections, hangs or dies, the table answers late, not, or
 * after the fact, auth is away. In the end every event that was added and could be written is a row, once, and every other entry a
 * dead letter (ING-20, ING-25, ING-26, ING-32).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Uuid } from "#actors/domain/uuid.ts";
import { must } from "#runtime/errors.ts";
import type { RedisFate } from "#runtime/simulated/redis.ts";
import { eventId, lean, producerId, token } from "#test/actors/ingest/events.ts";
import { ingestWorld, type RowsFate, type World } from "#test/actors/ingest/world.ts";
import { drawnAs } from "#test/kit/runs.ts";

const DRAWN = drawnAs({ usual: 5, slowness: 50 });

type Step =
  | { readonly kind: "add"; readonly count: number; readonly badOneIn: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "crash" | "redis-dies" | "auth-away" | "auth-back" }
  | { readonly kind: "redis-stalls"; readonly ms: number }
  /** Of so many commands of that name from now on the last one. */
  | { readonly kind: "redis-fault"; readonly name: string; readonly after: number; readonly fate: RedisFate }
  | { readonly kind: "rows"; readonly fate: RowsFate; readonly count: number; readonly isOfWrites: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      count: fc.integer({ min: 1, max: 12 }),
      badOneIn: fc.integer({ min: 2, max: 6 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(2, 20, 100, 700, 3000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("crash" as const, "redis-dies" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("auth-away" as const, "auth-back" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("redis-stalls" as const), ms: fc.integer({ min: 1, max: 15_000 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("redis-fault" as const),
      name: fc.constantFrom("APPEND", "XACK", "XREADGROUP", "XAUTOCLAIM", "XPENDING"),
      after: fc.integer({ min: 1, max: 3 }),
      fate: fc.constantFrom<RedisFate>("lost", "done-unheard"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("rows" as const),
      fate: fc.constantFrom<RowsFate>("lost", "done-unheard"),
      count: fc.integer({ min: 1, max: 12 }),
      isOfWrites: fc.boolean(),
    }),
  },
);
const script = fc.array(step, { minLength: 20, maxLength: 40 });

/** What was seen in all runs, so that a kind of history that never comes about is noticed. */
const seen = { added: 0, dead: 0, spilled: 0, same: 0, lives: 0, runs: 0 };

class History {
  readonly #world: World;
  readonly #subjectId: Uuid;
  /** Good ones, by number. */
  readonly good: number[] = [];
  /** Entry ids of the others. */
  readonly bad: string[] = [];
  #nextNumber = 0;
  #rowsFault: { fate: RowsFate; count: number; isOfWrites: boolean } | undefined;

  constructor(world: World, subjectId: Uuid) {
    this.#world = world;
    this.#subjectId = subjectId;
    world.fateOfRows = (question) => {
      const fault = this.#rowsFault;
      if (fault === undefined || fault.count === 0 || (fault.isOfWrites && question !== "write")) return "answered";
      fault.count -= 1;
      return fault.fate;
    };
  }

  async take(one: Step): Promise<void> {
    const world = this.#world;
    switch (one.kind) {
      case "add":
        for (let count = 0; count < one.count; count += 1) await this.#add(one.badOneIn);
        break;
      case "pass":
        await world.pass(one.ms);
        break;
      case "crash":
        seen.lives += 1;
        await world.started.crash();
        break;
      case "redis-dies":
        world.server.crash();
        break;
      case "auth-away":
      case "auth-back":
        world.isAuthAway = one.kind === "auth-away";
        break;
      case "redis-stalls":
        world.server.stall(one.ms);
        break;
      case "redis-fault":
        this.#faultIn(one.name, one.after, one.fate);
        break;
      case "rows":
        this.#rowsFault = { ...one };
        break;
    }
  }

  heal(): void {
    this.#world.isAuthAway = false;
    this.#world.server.fateOf = () => "answered";
    this.#rowsFault = undefined;
  }

  /** Past all faults: what a producer was told was added. */
  async #add(badOneIn: number): Promise<void> {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const isBad = number % badOneIn === badOneIn - 1;
    const { fateOf } = this.#world.server;
    this.#world.server.fateOf = () => "answered";
    const payload = isBad ? `{"number": ${number}` : lean(number, this.#subjectId);
    const id = await this.#world.send("events", { payload, token });
    this.#world.server.fateOf = fateOf;
    if (isBad) this.bad.push(id);
    else this.good.push(number);
  }

  #faultIn(name: string, after: number, fate: RedisFate): void {
    let left = after;
    this.#world.server.fateOf = (names) => {
      if (names.includes(name)) left -= 1;
      return left === 0 && names.includes(name) ? fate : "answered";
    };
  }
}

describe("ingest: histories", () => {
  it("lose nothing, write nothing twice, and drop nothing silently", async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.integer({ min: 1, max: 1_000_000 }), async (steps, seed) => {
        const world = await ingestWorld({
          seed,
          config: { pageCountMax: 5, deliveriesMax: 1000, spillBytesMax: 2500 },
        });
        world.admissions.set(token, { kind: "admitted", producerId, subjectId: undefined });
        const history = new History(world, await world.subject(producerId));
        for (const one of steps) await history.take(one);
        history.heal();
        // Whoever waits for something new looks for what is old again when it has come.
        history.bad.push(await world.send("events", { payload: "the last one", token }));
        await world.settled();

        for (const number of history.good) {
          const event = must(await world.table.event(eventId(number)), "the table");
          assert(event !== undefined, `event ${number} is a row`);
        }
        const letters = await world.entries("events:dlq");
        const dead = new Set(letters.map(({ id }) => id));
        assert.deepEqual(dead, new Set(history.bad));
        count(world, history);
        await world.started.actor.stop();
      }),
      { ...DRAWN, includeErrorInReport: true },
    );

    const met = [
      seen.spilled + seen.same,
      seen.lives,
      seen.dead,
      ...(DRAWN.numRuns < 60 ? [] : [seen.spilled, seen.same]),
    ];
    assert(
      met.every((count) => count > 0),
      JSON.stringify(seen),
    );
  });
});

function count(world: World, { good, bad }: History): void {
  seen.runs += 1;
  seen.added += good.length + bad.length;
  seen.dead += bad.length;
  for (const { name, labels, value } of world.machine.metrics.takeDeltas()) {
    if (name === "ingest_spilled_total") seen.spilled += value;
    if (name === "ingest_written_total" && labels["outcome"] === "same") seen.same += value;
  }
}
