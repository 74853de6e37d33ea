/** The circuit breaker: what opens it, what it refuses, and how it closes again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fail, ok } from "#runtime/errors.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { MetricDelta } from "#runtime/telemetry/metrics.ts";
import { type BreakerStage, breakerStage, LIMITS, type Outcome } from "#test/runtime/breaker/kit.ts";

const refusal = (retryAfterMs: number) =>
  fail({ code: "runtime.circuit-open", breaker: "bucket", retryAfterMs, executed: "no" });

async function repeat(on: BreakerStage, times: number, outcome: Outcome): Promise<void> {
  for (let time = 0; time < times; time += 1) await on.once(outcome);
}

/** A stage whose circuit has just opened for `LIMITS.openMsMin`. */
async function opened(): Promise<BreakerStage> {
  const on = breakerStage();
  await repeat(on, LIMITS.failuresMax + 1, "faulty");
  assert.equal(on.breaker.state, "open");
  return on;
}

describe("breaker: closed", () => {
  it("hands on what the system answers, failures included", async () => {
    const on = breakerStage();

    assert.deepEqual(await on.once("sound"), ok("value"));
    assert.deepEqual(await on.once("faulty"), fail({ code: "test.broken" }));
    assert.deepEqual(await on.once("refused-by-system"), fail({ code: "test.no-such-key" }));
  });

  it("opens one fault past the budget, not at it (BRK-6)", async () => {
    const on = breakerStage();

    await repeat(on, LIMITS.failuresMax, "faulty");
    assert.equal(on.breaker.state, "closed");
    await on.once("faulty");
    assert.equal(on.breaker.state, "open");
  });

  it("does not count a fault that is one period old", async () => {
    const on = breakerStage();

    await repeat(on, LIMITS.failuresMax, "faulty");
    await on.clock.advance(LIMITS.periodMs);
    await on.once("faulty");

    assert.equal(on.breaker.state, "closed");
  });

  it("counts only the failures that speak against the system", async () => {
    const on = breakerStage();

    await repeat(on, 10, "refused-by-system");

    assert.equal(on.breaker.state, "closed");
  });

  it("counts what is thrown, and throws it on", async () => {
    const on = breakerStage();

    await repeat(on, LIMITS.failuresMax, "faulty");

    assert.equal(await on.once("throws"), "thrown");
    assert.equal(on.breaker.state, "open");
  });

  it("does not count a caller that gave up, or ran out of time (BRK-3)", async () => {
    const on = breakerStage();
    for (let time = 0; time < 5; time += 1) {
      const abandoned = await on.call();
      abandoned.giveUp();
      await abandoned.end(time % 2 === 0 ? "faulty" : "throws");
      const late = await on.call(10);
      await on.clock.advance(10);
      await late.end("faulty");
    }

    assert.equal(on.breaker.state, "closed");
  });
});

describe("breaker: open", () => {
  it("asks nobody, and says when to come again (BRK-1, BRK-5)", async () => {
    const on = await opened();
    await on.clock.advance(40);

    const refused = await on.call();

    assert.equal(refused.isAsked, false);
    assert.deepEqual(refused.seen, refusal(LIMITS.openMsMin - 40));
  });

  it("lets one caller probe when the period is over, not a millisecond before", async () => {
    const on = await opened();

    await on.clock.advance(LIMITS.openMsMin - 1);
    assert.equal((await on.call()).isAsked, false);
    await on.clock.advance(1);
    assert.equal((await on.call()).isAsked, true);
    assert.equal(on.breaker.state, "half-open");
  });

  it("doubles the period with every failed probe, up to the cap, and begins anew once closed (BRK-7)", async () => {
    const on = await opened();
    const periodsMs: number[] = [];
    const openMs = async (): Promise<number> => {
      const { seen } = await on.call();
      assert(typeof seen === "object" && !seen.ok && "retryAfterMs" in seen.failure);
      return seen.failure.retryAfterMs;
    };

    for (let round = 0; round < 4; round += 1) {
      const periodMs = await openMs();
      periodsMs.push(periodMs);
      await on.clock.advance(periodMs);
      await on.once(round === 3 ? "sound" : "faulty");
    }
    await repeat(on, LIMITS.failuresMax + 1, "faulty");
    periodsMs.push(await openMs());

    assert.deepEqual(periodsMs, [100, 200, 400, 400, 100]);
  });

  it("chooses the period anywhere below its ceiling: full jitter", async () => {
    const random = seededRandom(3);
    const periodsMs: number[] = [];
    for (let time = 0; time < 200; time += 1) {
      const on = breakerStage(random);
      await repeat(on, LIMITS.failuresMax + 1, "faulty");
      const { seen } = await on.call();
      assert(typeof seen === "object" && !seen.ok && "retryAfterMs" in seen.failure);
      periodsMs.push(seen.failure.retryAfterMs);
    }

    assert(Math.min(...periodsMs) >= 1 && Math.max(...periodsMs) <= LIMITS.openMsMin);
    assert(Math.min(...periodsMs) < 10 && Math.max(...periodsMs) > LIMITS.openMsMin - 10);
  });

  it("ignores the outcome of a call that began before it opened (BRK-3)", async () => {
    const on = breakerStage();
    const early = await on.call();
    await repeat(on, LIMITS.failuresMax + 1, "faulty");
    await on.clock.advance(LIMITS.openMsMin);
    const probe = await on.call();

    await early.end("sound");
    assert.equal(on.breaker.state, "half-open");
    await probe.end("faulty");
    assert.equal(on.breaker.state, "open");
  });
});

describe("breaker: half-open", () => {
  it("refuses everybody else while the probe is under way (BRK-2)", async () => {
    const on = await opened();
    await on.clock.advance(LIMITS.openMsMin);
    await on.call();

    const second = await on.call();

    assert.equal(second.isAsked, false);
    assert.deepEqual(second.seen, refusal(LIMITS.openMsMin));
  });

  it("closes when the system answers the probe, whatever it answers, with a fresh budget", async () => {
    for (const outcome of ["sound", "refused-by-system"] as const) {
      const on = await opened();
      await on.clock.advance(LIMITS.openMsMin);

      await on.once(outcome);
      assert.equal(on.breaker.state, "closed");
      await repeat(on, LIMITS.failuresMax, "faulty");
      assert.equal(on.breaker.state, "closed");
    }
  });

  it("opens again when the probe throws", async () => {
    const on = await opened();
    await on.clock.advance(LIMITS.openMsMin);

    await on.once("throws");

    assert.equal(on.breaker.state, "open");
  });

  it("gives the place of a probe whose caller is gone to the next, and ignores what becomes of the first", async () => {
    const on = await opened();
    await on.clock.advance(LIMITS.openMsMin);
    const first = await on.call();
    first.giveUp();

    const second = await on.call();
    assert.equal(second.isAsked, true);
    await first.end("sound");
    assert.equal(on.breaker.state, "half-open");
    await second.end("sound");
    assert.equal(on.breaker.state, "closed");
  });

  it("takes a probe that does not end for failed, and ignores its late success (BRK-8)", async () => {
    const on = await opened();
    await on.clock.advance(LIMITS.openMsMin);
    const hung = await on.call();

    await on.clock.advance(LIMITS.probeMsMax - 1);
    await on.call();
    assert.equal(on.breaker.state, "half-open");
    await on.clock.advance(1);
    const refused = await on.call();
    assert.deepEqual(refused.seen, refusal(2 * LIMITS.openMsMin));
    await hung.end("sound");
    assert.equal(on.breaker.state, "open");
  });
});

describe("breaker: metrics", () => {
  const shown = (deltas: readonly MetricDelta[], name: string) =>
    deltas.filter((delta) => delta.name === name && delta.labels["breaker"] === "bucket");

  it("shows the state from the start, and counts transitions and refusals by name (BRK-4)", async () => {
    const on = breakerStage();
    assert.deepEqual(
      shown(on.metrics.takeDeltas(), "breaker_state").map(({ value }) => value),
      [0],
    );

    await repeat(on, LIMITS.failuresMax + 3, "faulty");

    const deltas = on.metrics.takeDeltas();
    assert.deepEqual(
      shown(deltas, "breaker_state").map(({ value }) => value),
      [2],
    );
    assert.deepEqual(
      shown(deltas, "breaker_transitions_total").map(({ labels, value }) => [labels["to"], value]),
      [["open", 1]],
    );
    assert.deepEqual(
      shown(deltas, "breaker_refused_total").map(({ value }) => value),
      [2],
    );
  });
});
