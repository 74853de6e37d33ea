/** The threads of a pool under a supervisor: backoff, budget and quarantine as for any child. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ExitReason } from "#runtime/errors.ts";
import type { Cpu, CpuLives } from "#runtime/pool/cpu.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";
import { supervisedIn } from "#supervisor/cell/supervised.ts";
import { cell } from "#supervisor/child-spec.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { silent } from "#test/supervisor/kit.ts";

const budget = { restartsMax: 2, periodMs: 1 * minute };
const spec = cell("data", { strategy: "one-for-one", intensity: budget, budget, required: true }, []);

class FakeLives implements CpuLives {
  readonly trace: string[] = [];
  #onExit: (reason: ExitReason) => void = () => undefined;

  start(): void {
    this.trace.push("start");
  }

  async stop(): Promise<void> {
    this.trace.push("stop");
  }

  kill(): void {
    this.trace.push("kill");
  }

  refuse(): void {
    this.trace.push("refuse");
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit = run;
  }

  lose(): void {
    this.#onExit({ kind: "crashed", defect: "a thread died" });
  }
}

describe("pool: under its cell's supervisor (SUP-27)", () => {
  it("begins a life after a pause for each that was lost, and is quarantined past the budget", async () => {
    const clock = new ManualClock();
    const lives = new FakeLives();
    const cpu: Cpu = { ...inlineCpu(), lives };
    const events: SupervisorEvent[] = [];
    const supervisor = new Supervisor({
      name: "data",
      strategy: "one-for-one",
      intensity: { restartsMax: 20, periodMs: 1 * minute },
      rungs: supervisedIn(spec, new Map(), cpu, () => undefined),
      clock,
      random: seededRandom(2),
      log: silent,
      metrics: new Metrics(),
      bus: { publish: (event) => events.push(event) },
      onEscalate: () => assert.fail("it escalates"),
      onStuck: () => assert.fail("it is stuck"),
    });
    await supervisor.start();

    for (let loss = 0; loss < 2; loss += 1) {
      lives.lose();
      await clock.advance(1 * second);
    }
    assert.deepEqual(lives.trace, ["start", "start", "start"]);
    lives.lose();
    await clock.settle();
    assert.deepEqual([lives.trace.at(-1), supervisor.status()[0]?.state], ["refuse", "quarantined"]);
    assert.deepEqual(
      events.map((event) => event.type),
      ["ServiceCrashed", "childRestarted", "ServiceCrashed", "childRestarted", "ServiceCrashed", "childQuarantined"],
    );

    await clock.advance(1 * minute);
    assert.deepEqual([lives.trace.at(-1), supervisor.status()[0]?.state], ["start", "running"]);
    await supervisor.shutdown(10 * second);
    assert.equal(lives.trace.at(-1), "stop");
  });

  it("is not there in a cell without threads", () => {
    assert.deepEqual(
      supervisedIn(spec, new Map(), inlineCpu(), () => undefined),
      [],
    );
  });
});
