/** Random scripts around a server under a supervisor, in memory: it is there at most once, and in the end as it should be. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { silent } from "#test/supervisor/kit.ts";
import { type ServerStage, serverStage } from "#test/supervisor/server/kit.ts";

const WHATS = [
  ...(["crash", "crash", "end", "kill", "hold", "resume", "stop-listening", "listen"] as const),
  ...(["probe-yes", "probe-no", "probe-hangs", "exits-early", "leaves-some", "some-go"] as const),
  ...(["turn", "turn", "wait"] as const),
];

interface Step {
  readonly do: (typeof WHATS)[number];
  readonly which: number;
}

const step: fc.Arbitrary<Step> = fc.record({ do: fc.constantFrom(...WHATS), which: fc.nat({ max: 2 }) });

function over(on: ServerStage, seed: number): Supervisor {
  const budget = { restartsMax: 100, periodMs: 1 * minute };
  return new Supervisor({
    name: "servers",
    strategy: "one-for-one",
    intensity: budget,
    rungs: [[{ spec: { name: "rows", restart: "permanent", budget, shutdownMs: 2 * second }, child: on.child }]],
    clock: on.clock,
    random: seededRandom(seed),
    log: silent,
    metrics: new Metrics(),
    bus: { publish: () => undefined },
    onEscalate: () => assert.fail("it escalates"),
    onStuck: () => assert.fail("it is stuck"),
  });
}

class Scene {
  readonly on = serverStage();
  readonly supervisor: Supervisor;
  readonly #left: { leavesGroupBehind: boolean }[] = [];
  #hearsStop = true;
  #exitsEarly = false;
  isHeld = false;

  constructor(seed: number) {
    this.supervisor = over(this.on, seed);
    this.on.behave = (self) => {
      if (this.#exitsEarly) self.exit(9);
      self.onSignal("SIGINT", () => {
        if (this.#hearsStop) self.exit(0);
      });
    };
  }

  async play({ do: what, which }: Step): Promise<void> {
    const { on, supervisor } = this;
    const [server] = on.processes.children;
    if (what === "crash") server?.end({ code: 1, signal: undefined });
    if (what === "end") server?.end({ code: 0, signal: undefined });
    if (what === "kill") supervisor.kill("rows");
    if (what === "hold" && supervisor.hold("rows").ok) this.isHeld = true;
    if (what === "resume" && supervisor.resume("rows").ok) this.isHeld = false;
    if (what === "stop-listening") this.#hearsStop = false;
    if (what === "listen") this.#hearsStop = true;
    if (what === "probe-yes") on.probe = async () => true;
    if (what === "probe-no") on.probe = async () => false;
    if (what === "probe-hangs") on.probe = () => new Promise(() => undefined);
    if (what === "exits-early") this.#exitsEarly = which > 0;
    if (what === "leaves-some" && server !== undefined) {
      server.leavesGroupBehind = true;
      this.#left.push(server);
    }
    if (what === "some-go") this.mend();
    if (what === "turn") await on.clock.settle();
    if (what === "wait") await on.clock.advance([10, 300, 5000][which] ?? 10);
  }

  /** Whatever a server left behind is gone. */
  mend(): void {
    for (const server of this.#left.splice(0)) server.leavesGroupBehind = false;
  }

  /** Nothing is in the way of a server any more. */
  heal(): void {
    this.mend();
    this.#exitsEarly = false;
    this.#hearsStop = true;
    this.on.probe = async () => true;
  }
}

describe("server child: any script", () => {
  it("has one process at most, comes back unless it is held, and leaves nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), fc.nat({ max: 99 }), async (script, seed) => {
        const scene = new Scene(seed);
        const { on, supervisor } = scene;
        void supervisor.start();
        for (const next of script) {
          await scene.play(next);
          assert(on.processes.children.length <= 1, "one process at a time");
          const state = supervisor.status()[0]?.state;
          if (state === "stopped" || state === "backing-off") assert.equal(on.processes.children.length, 0, state);
        }

        scene.heal();
        await on.clock.advance(3 * minute);
        assert.equal(supervisor.status()[0]?.state, scene.isHeld ? "stopped" : "running");
        assert.equal(on.processes.children.length, scene.isHeld ? 0 : 1);

        const closed = supervisor.shutdown(5 * second);
        await on.clock.advance(5 * second);
        await closed;
        assert.deepEqual([on.processes.children, on.clock.armedCount], [[], 0]);
      }),
      { numRuns: 200 },
    );
  });
});
