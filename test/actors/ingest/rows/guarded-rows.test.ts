/** Tables behind a circuit breaker: one that does not answer is waited for a few times, and not by everybody. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import { guardedRows, ROWS_FAULTS_MAX, ROWS_MS_MAX, ROWS_OPEN_MS_MAX } from "#actors/ingest/rows/guarded-rows.ts";
import { MemoryRows } from "#actors/ingest/rows/memory-rows.ts";
import { fail, ok } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { silentLog } from "#test/kit/actor.ts";
import { patient } from "#test/kit/patient.ts";

class World {
  readonly clock: ManualClock = new ManualClock();
  readonly rows: EventRows;
  isHanging = false;
  askedCount = 0;

  constructor() {
    const table = new MemoryRows(seededRandom(1));
    const write = async (_rows: unknown, { deadlineMs }: Within): ReturnType<EventRows["write"]> => {
      this.askedCount += 1;
      if (!this.isHanging) return ok([]);
      await new Promise<void>((resolve) => this.clock.after(deadlineMs - this.clock.nowMs(), resolve));
      return fail({ code: "sql.unreachable", executed: "maybe", cause: "it is silent" });
    };
    const seams = { clock: this.clock, random: seededRandom(1), log: silentLog, metrics: new Metrics() };
    this.rows = guardedRows(Object.assign(table, { write }), seams);
  }

  /** How long it took, and what came of it. */
  async write(): Promise<readonly [tookMs: number, outcome: string]> {
    const beganMs = this.clock.nowMs();
    let outcome: string | undefined;
    void this.rows.write([], patient).then((written) => {
      outcome = written.ok ? "written" : "cause" in written.failure ? written.failure.cause : written.failure.code;
    });
    await this.clock.settle();
    while (outcome === undefined) await this.clock.advance(100);
    return [this.clock.nowMs() - beganMs, outcome];
  }
}

describe("event rows: a Postgres that hangs (ING-26)", () => {
  it("is waited for a few times, then left alone with the same words, and asked by one first", async () => {
    const world = new World();
    assert.deepEqual(await world.write(), [0, "written"]);
    world.isHanging = true;
    for (let count = 0; count <= ROWS_FAULTS_MAX; count += 1) {
      assert.deepEqual(await world.write(), [ROWS_MS_MAX, "it is silent"]);
    }
    const { askedCount } = world;
    for (let count = 0; count < 100; count += 1) assert.deepEqual(await world.write(), [0, "it is silent"]);
    assert.equal(world.askedCount, askedCount);

    await world.clock.advance(ROWS_OPEN_MS_MAX);
    const probe = world.write();
    const others = await Promise.all([world.write(), world.write()]);
    assert.deepEqual(others, [
      [0, "it is silent"],
      [0, "it is silent"],
    ]);
    assert.deepEqual(await probe, [ROWS_MS_MAX, "it is silent"]);
    world.isHanging = false;
    await world.clock.advance(ROWS_OPEN_MS_MAX);
    assert.deepEqual(await world.write(), [0, "written"]);
    assert.equal(world.askedCount, askedCount + 2);
  });
});
