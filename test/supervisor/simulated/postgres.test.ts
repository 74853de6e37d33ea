/** The way to a simulated Postgres and back: what was done, and what whoever asked knows of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ok } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SimulatedPostgres } from "#supervisor/simulated/postgres.ts";
import { patient } from "#test/kit/patient.ts";

function started(seed = 1) {
  const clock = new ManualClock();
  const postgres = new SimulatedPostgres(clock, seededRandom(seed));
  postgres.up();
  let doneCount = 0;
  const work = async () => {
    doneCount += 1;
    return ok(doneCount);
  };
  const ask = (within: Within = patient) => postgres.ask(clock, within, work);
  return { clock, postgres, ask, done: () => doneCount };
}

describe("simulated Postgres: ask", () => {
  it("does what it is asked, and answers", async () => {
    const { clock, ask } = started();

    const asked = ask();
    await clock.advance(10);

    assert.deepEqual(await asked, ok(1));
  });

  it("does nothing where nobody listens", async () => {
    const { postgres, ask, done } = started();
    postgres.down();

    const answer = await ask();

    assert.deepEqual(
      [!answer.ok && answer.failure, done()],
      [{ code: "sql.unreachable", executed: "no", cause: "nobody listens" }, 0],
    );
  });

  it("may have done what was under way when it was killed, or not, and says neither", async () => {
    const doneCounts = new Set<number>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const { clock, postgres, ask, done } = started(seed);
      postgres.delayMs = 2;

      const asked = ask();
      await clock.advance(4);
      postgres.down();
      const answer = await asked;
      await clock.advance(20);

      if (answer.ok) continue;
      assert.equal(answer.failure.executed, "maybe");
      doneCounts.add(done());
    }

    assert.deepEqual([...doneCounts].sort(), [0, 1]);
  });

  it("does what came while it hung when it goes on, also what nobody waits for any more", async () => {
    const { clock, postgres, ask, done } = started();
    postgres.stall(1000);

    const asked = ask({ deadlineMs: clock.nowMs() + 100, signal: patient.signal });
    await clock.advance(500);
    const answer = await asked;
    const before = done();
    await clock.advance(600);

    assert.deepEqual([!answer.ok && answer.failure.executed, before, done()], ["maybe", 0, 1]);
  });

  it("forgets what came while it hung when it is killed", async () => {
    const { clock, postgres, ask, done } = started();
    postgres.stall(1000);

    const asked = ask();
    await clock.advance(500);
    postgres.down();
    postgres.up();
    await clock.advance(1000);

    assert.deepEqual([(await asked).ok, done()], [false, 0]);
  });

  it("ends with whoever asked, without an answer", async () => {
    const { clock, postgres, ask } = started();
    postgres.stall(1000);
    const controller = new AbortController();

    const asked = ask({ deadlineMs: Number.POSITIVE_INFINITY, signal: controller.signal });
    await clock.advance(10);
    controller.abort();

    const answer = await asked;
    assert.deepEqual(!answer.ok && answer.failure.cause, "nobody waits for it");
  });
});
