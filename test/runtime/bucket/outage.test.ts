/** When the server of a bucket counts as away, before probes that are only told what to find; time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  Outage,
  S3_OUTAGE_MS,
  S3_OUTAGE_PROBES_MIN,
  S3_PROBE_AWAY_MS,
  S3_PROBE_MS,
  S3_PROBE_PAUSE_MS,
} from "#runtime/bucket/outage.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { minute, second } from "#runtime/units.ts";

/** Probes take `tookMs`, or their time where that is less: then they have failed. */
class ToldProbes {
  readonly clock: ManualClock = new ManualClock();
  readonly outage: Outage = new Outage({ clock: this.clock, probe: (timeoutMs) => this.#probe(timeoutMs) });
  tookMs = 0;
  count = 0;
  countAtOnceMax = 0;
  #countNow = 0;

  async #probe(timeoutMs: number): Promise<string | undefined> {
    const { clock, tookMs } = this;
    this.count += 1;
    this.#countNow += 1;
    this.countAtOnceMax = Math.max(this.countAtOnceMax, this.#countNow);
    await new Promise<void>((resolve) => void clock.after(Math.min(tookMs, timeoutMs), resolve));
    this.#countNow -= 1;
    return tookMs < timeoutMs ? undefined : "ETIMEDOUT";
  }

  /** From a doubt on. */
  async becomesAway(): Promise<void> {
    this.tookMs = minute;
    this.outage.doubt();
    await this.clock.advance(S3_OUTAGE_MS);
    assert.equal(this.outage.cause, "ETIMEDOUT");
  }
}

describe("bucket outage: a server in doubt (STO-109)", () => {
  it("is away with the second probe that failed, and not with one", async () => {
    const told = new ToldProbes();
    const { clock, outage } = told;
    told.tookMs = minute;
    outage.doubt();

    await clock.advance(S3_OUTAGE_MS - 1);
    const causes = [outage.cause];
    await clock.advance(1);
    causes.push(outage.cause);

    assert.deepEqual([causes, told.count], [[undefined, "ETIMEDOUT"], S3_OUTAGE_PROBES_MIN]);
  });

  it("is there when the second probe has an answer", async () => {
    const told = new ToldProbes();
    const { clock, outage } = told;
    const causes: (string | undefined)[] = [];
    outage.watch(() => causes.push(outage.cause));
    told.tookMs = minute;
    outage.doubt();

    await clock.advance(S3_PROBE_MS);
    told.tookMs = 1;
    await clock.advance(minute);

    assert.deepEqual([causes, told.count], [[], 2]);
  });

  it("is asked by one probe at a time, with a pause after each, while it answers some and refuses others", async () => {
    const told = new ToldProbes();
    const { clock, outage } = told;
    told.tookMs = 300;

    const beganMs = clock.nowMs();
    while (clock.nowMs() < beganMs + 10 * second) {
      outage.doubt();
      await clock.advance(5);
      outage.answered();
      await clock.advance(5);
    }

    const countMax = Math.ceil((10 * second) / S3_PROBE_PAUSE_MS);
    assert(told.count > 1 && told.count <= countMax, `${told.count} probes`);
    assert.deepEqual([told.countAtOnceMax, outage.cause], [1, undefined]);
  });

  it("does not count as away for a probe of a doubt that is over", async () => {
    const told = new ToldProbes();
    const { clock, outage } = told;
    told.tookMs = minute;
    outage.doubt();
    outage.answered();
    outage.doubt();

    // The first of the two ends without an answer too.
    await clock.advance(S3_OUTAGE_MS);
    assert.equal(outage.cause, undefined);
    await clock.advance(S3_PROBE_PAUSE_MS + S3_PROBE_MS);

    assert.equal(outage.cause, "ETIMEDOUT");
  });
});

describe("bucket outage: a server that is away", () => {
  it("is back though its answers take longer than those of a server in doubt may (STO-109)", async () => {
    const told = new ToldProbes();
    await told.becomesAway();

    told.tookMs = S3_PROBE_AWAY_MS - 1;
    await told.clock.advance(S3_PROBE_PAUSE_MS + S3_PROBE_AWAY_MS);

    assert.equal(told.outage.cause, undefined);
  });

  it("is waited for until it is back, for so long, or until the signal (STO-110)", async () => {
    const told = new ToldProbes();
    await told.becomesAway();
    const over: string[] = [];
    const ending = new AbortController();
    const { signal } = new AbortController();
    void told.outage.over(minute, ending.signal).then(() => over.push("signal"));
    void told.outage.over(second, signal).then(() => over.push("time"));
    void told.outage.over(minute, signal).then(() => over.push("back"));
    void told.outage.over(minute, AbortSignal.abort()).then(() => over.push("signal before"));

    ending.abort();
    await told.clock.settle();
    await told.clock.advance(second);
    told.outage.answered();
    await told.clock.settle();

    assert.deepEqual(over, ["signal before", "signal", "time", "back"]);
    told.outage.close();
  });
});
