/** A configuration on its way to two cells, one of which dies and is back before the other has answered. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConfigSnapshot } from "#runtime/config/snapshot.ts";
import { type ExitReason, ok } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { CellChild } from "#supervisor/root/cell-child.ts";
import { ConfigRollout } from "#supervisor/root/config-rollout.ts";
import type { Order, Report } from "#supervisor/wire.ts";
import { fixtureTree } from "#test/supervisor/fixture/tree.ts";
import { silent } from "#test/supervisor/kit.ts";

/** A cell that takes orders as the real one does, when the test has it do so. */
class ScriptedCell {
  readonly child: CellChild;
  readonly #orders: Order[] = [];
  #receive: (report: Report) => void = () => undefined;
  #onEnd: (reason: ExitReason) => void = () => undefined;
  #offered: ConfigSnapshot | undefined;
  inForce: ConfigSnapshot | undefined;

  constructor(name: string, clock: ManualClock, config: () => ConfigSnapshot) {
    const status = { cells: [], actors: [], servers: [], unavailable: [], shuttingDown: false };
    const http = { host: "127.0.0.1", port: 1 };
    const places = {
      dataDirectory: "/data",
      dataMark: undefined,
      runDirectory: "/run",
      http,
      insecurePublic: false,
      addresses: {},
      amnesia: false,
    };
    const build = { servers: {}, version: "0", buildId: "b", cpuThreads: 0, profile: "tree" as const };
    this.child = new CellChild({
      name,
      clock,
      log: silent,
      facts: () => ({ cell: name, ...places, ...build, config: config(), status }),
      onEvent: () => undefined,
      onChange: () => undefined,
      onConfigRefused: () => undefined,
      onMisplaced: () => undefined,
      onBuildChanged: () => undefined,
      onLog: () => undefined,
      onListens: () => undefined,
      host: {
        open: async () =>
          ok({
            pid: 1,
            send: (order) => this.#orders.push(order) > 0,
            onReport: (run) => {
              this.#receive = run;
            },
            onEnd: (run) => {
              this.#onEnd = run;
            },
            kill: () => this.crash(),
          }),
      },
    });
  }

  /** Does everything that it was told. */
  obey(): void {
    for (const order of this.#orders.splice(0)) {
      if (order.kind === "begin") this.inForce = order.facts.config;
      if (order.kind === "config-offer") {
        this.#offered = order.config;
        this.#receive({ kind: "config-answer", version: order.config.version, problem: undefined });
      }
      if (order.kind === "config-commit" && this.#offered?.version === order.version) this.inForce = this.#offered;
    }
  }

  say(report: Report): void {
    this.#receive(report);
  }

  crash(): void {
    this.#orders.length = 0;
    this.#offered = undefined;
    this.inForce = undefined;
    this.#onEnd({ kind: "crashed", defect: "enough" });
  }
}

interface Scene {
  readonly rollout: ConfigRollout;
  readonly clock: ManualClock;
  readonly quick: ScriptedCell;
  readonly slow: ScriptedCell;
}

async function bothUp(): Promise<Scene> {
  const clock = new ManualClock();
  const config = (): ConfigSnapshot => rollout.current;
  const [quick, slow] = [new ScriptedCell("quick", clock, config), new ScriptedCell("slow", clock, config)];
  const rollout: ConfigRollout = new ConfigRollout({}, [quick.child, slow.child], fixtureTree);
  for (const cell of [quick, slow]) {
    await begin(cell, clock);
    cell.say({ kind: "started" });
  }
  return { rollout, clock, quick, slow };
}

async function begin(cell: ScriptedCell, clock: ManualClock): Promise<void> {
  void cell.child.start();
  await clock.settle();
  cell.obey();
}

const next: ConfigSnapshot = { version: 2, raw: { alpha: { x: 1 } } };

describe("config rollout: a cell that comes back in the middle (SUP-12)", () => {
  for (const dies of ["before it has answered", "after it has accepted"] as const) {
    for (const isBack of ["before the others have answered", "after the commit"] as const) {
      it(`has what is in force, when it dies ${dies} and is up again ${isBack}`, async () => {
        const { rollout, clock, quick, slow } = await bothUp();
        const offering = rollout.offer({ alpha: { x: 1 } });

        if (dies === "after it has accepted") quick.obey();
        quick.crash();
        await begin(quick, clock);
        assert.equal(quick.inForce?.version, 1);
        if (isBack === "before the others have answered") quick.say({ kind: "started" });
        slow.obey();
        assert.deepEqual(await offering, { ok: true, value: undefined });
        if (isBack === "after the commit") quick.say({ kind: "started" });
        quick.obey();
        slow.obey();

        assert.deepEqual([rollout.current, quick.inForce, slow.inForce], [next, next, next]);
      });
    }
  }

  it("has what is in force, when it was offered while that life was still starting", async () => {
    const { rollout, clock, quick, slow } = await bothUp();
    quick.crash();
    await begin(quick, clock);

    const offering = rollout.offer({ alpha: { x: 1 } });
    slow.obey();
    assert.deepEqual(await offering, { ok: true, value: undefined });
    quick.say({ kind: "started" });
    quick.obey();
    slow.obey();

    assert.deepEqual([rollout.current, quick.inForce, slow.inForce], [next, next, next]);
  });
});
