/**
 * Ingest through any order of faults: its life ends, Redis breaks connections, hangs or dies, the table answers late, not, or
 * after the fact, auth is away. In the end every event that was added and could be written is a row, once, and every other entry a
 * dead letter (ING-20, ING-25, ING-26, ING-32). Where files of the spill are cut or removed between two lives, what is no row then
 * was in them, and is told of; and nothing is told of otherwise (ING-41).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Uuid } from "#actors/domain/uuid.ts";
import { parseSegmentName, readSegment } from "#actors/ingest/spill/segment-file.ts";
import { decodeRow } from "#actors/ingest/spill/spilled-row.ts";
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
  /** Something is spilled; then one of the files, or all of them, are cut to so much. */
  | { readonly kind: "harm"; readonly file: number | "all"; readonly part: number }
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
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("harm" as const),
      file: fc.constantFrom(0, 1, "all" as const),
      part: fc.constantFrom(0, 0.3, 0.6, 0.95),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("redis-fault" as const),
      name: fc.constantFrom("APPEND", "XACK", "XREADGROUP", "XAUTOCLAIM", "XPENDING", "SET"),
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
const seen = { added: 0, dead: 0, spilled: 0, same: 0, lives: 0, runs: 0, lost: 0, harmless: 0 };

class History {
  readonly #world: World;
  readonly #subjectId: Uuid;
  /** Good ones, by number. */
  readonly good: number[] = [];
  /** Entry ids of the others. */
  readonly bad: string[] = [];
  /** Ids of the rows that were in files which were harmed, as often as they were. */
  readonly destroyed: string[] = [];
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
      case "harm":
        this.#rowsFault = { fate: "lost", count: Number.POSITIVE_INFINITY, isOfWrites: true };
        for (let left = 3; left > 0; left -= 1) await this.#add(100);
        await world.pass(500);
        this.#rowsFault = undefined;
        await world.dieWhile(() => this.#harm(one.file, one.part));
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

  async #harm(which: number | "all", part: number): Promise<void> {
    for (const [at, { path, contents }] of (await this.#world.spillFiles()).entries()) {
      if (which !== "all" && which !== at) continue;
      const left = contents.subarray(0, Math.floor(part * contents.length));
      this.destroyed.push(...idsIn(path, contents).slice(idsIn(path, left).length));
      if (part === 0) must(await this.#world.disk.remove(path), path);
      else must(await this.#world.disk.replaceFile(path, left), path);
    }
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

        // What comes last is told when it is looked for.
        await world.pass(3000);

        const { good, destroyed } = history;
        let missingCount = 0;
        for (const number of good) {
          const event = must(await world.table.event(eventId(number)), "the table");
          assert(event !== undefined || destroyed.includes(eventId(number)), `event ${number} is a row`);
          if (event === undefined) missingCount += 1;
        }
        const toldCount = count(world, history);
        assert(missingCount <= toldCount, `${toldCount} are told lost, and ${missingCount} are`);
        assert(toldCount <= destroyed.length, `${toldCount} are told lost, and ${destroyed.length} may be`);
        const letters = await world.entries("events:dlq");
        const dead = new Set(letters.map(({ id }) => id));
        assert.deepEqual(dead, new Set(history.bad));
        await world.started.actor.stop();
      }),
      { ...DRAWN, includeErrorInReport: true },
    );

    const met = [
      seen.spilled + seen.same,
      seen.lives,
      seen.dead,
      ...(DRAWN.numRuns < 60 ? [] : [seen.spilled, seen.same, seen.lost, seen.harmless]),
    ];
    assert(
      met.every((count) => count > 0),
      JSON.stringify(seen),
    );
  });
});

/** Answers with how many were told to be lost. */
function count(world: World, { good, bad, destroyed }: History): number {
  let lostCount = 0;
  seen.runs += 1;
  seen.added += good.length + bad.length;
  seen.dead += bad.length;
  for (const { name, labels, value } of world.machine.metrics.takeDeltas()) {
    if (name === "ingest_spilled_total") seen.spilled += value;
    if (name === "ingest_lost_total") lostCount += value;
    if (name === "ingest_written_total" && labels["outcome"] === "same") seen.same += value;
  }
  seen.lost += lostCount;
  if (lostCount === 0 && destroyed.length === 0) seen.harmless += 1;
  return lostCount;
}

function idsIn(path: string, contents: Buffer): readonly string[] {
  const parsed = parseSegmentName(path.slice(path.lastIndexOf("/") + 1));
  assert(parsed !== undefined);
  return readSegment(parsed.salt, contents).records.map((record) => decodeRow(record)?.eventId ?? assert.fail("a row"));
}
