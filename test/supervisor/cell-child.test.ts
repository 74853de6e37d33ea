/** A cell seen from the root, with a host that does as it is told. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NodeAddresses } from "#runtime/actor-module.ts";
import { type ExitReason, fail, ok } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { second } from "#runtime/units.ts";
import { CELL_START_MS, CellChild, COMMAND_MS, COMMANDS_MAX, DRAIN_MARGIN_MS } from "#supervisor/root/cell-child.ts";
import type { CellFacts, Order, Report } from "#supervisor/wire.ts";
import { cellFacts, silent } from "#test/supervisor/kit.ts";

interface Scene {
  readonly child: CellChild;
  readonly clock: ManualClock;
  readonly orders: Order[];
  readonly exits: ExitReason[];
  readonly healths: string[];
  readonly refusals: string[];
  /** Where its actors said that they answer. */
  readonly addresses: NodeAddresses[];
  say(report: Report): void;
  end(reason: ExitReason): void;
  facts: CellFacts;
  killedCount: number;
  canOpen: boolean;
}

const facts = cellFacts({ cpuThreads: 1 });
const killed: ExitReason = { kind: "killed", afterMs: 0 };

function scene(): Scene {
  const clock = new ManualClock();
  let receive: (report: Report) => void = () => undefined;
  let onEnd: (reason: ExitReason) => void = () => undefined;
  const made: Scene = {
    clock,
    orders: [],
    exits: [],
    healths: [],
    refusals: [],
    addresses: [],
    facts,
    killedCount: 0,
    canOpen: true,
    say: (report) => receive(report),
    end: (reason) => onEnd(reason),
    child: new CellChild({
      name: "data",
      clock,
      log: silent,
      facts: () => made.facts,
      onEvent: () => undefined,
      onChange: () => undefined,
      onConfigRefused: (problem) => made.refusals.push(problem),
      onMisplaced: (problem) => made.refusals.push(`place: ${problem}`),
      onBuildChanged: (problem) => made.refusals.push(`build: ${problem}`),
      onLog: () => undefined,
      onListens: (addresses) => made.addresses.push(addresses),
      host: {
        open: async () => {
          if (!made.canOpen) return fail({ code: "supervisor.host-failed", cell: "data", cause: "EAGAIN" });
          return ok({
            pid: 42,
            send: (order) => made.orders.push(order) > 0,
            onReport: (run) => {
              receive = run;
            },
            onEnd: (run) => {
              onEnd = run;
            },
            kill: () => {
              made.killedCount += 1;
              onEnd(killed);
            },
          });
        },
      },
    }),
  };
  made.child.onExit((reason) => made.exits.push(reason));
  made.child.onHealth((state, reason) => made.healths.push(`${state} ${reason ?? ""}`.trim()));
  return made;
}

async function started(): Promise<Scene> {
  const on = scene();
  const starting = on.child.start();
  await on.clock.settle();
  on.say({ kind: "started" });
  assert.deepEqual(await starting, { ok: true, value: undefined });
  on.orders.length = 0;
  return on;
}

/** A beat a second for as long as the test wants. */
async function beat(on: Scene, seconds: number): Promise<void> {
  for (let count = 0; count < seconds; count += 1) {
    await on.clock.advance(1 * second);
    on.say({ kind: "beat", loopDelayMs: 0, residentBytes: 1 });
  }
}

describe("cell child: start", () => {
  it("is up when the cell says so, not before", async () => {
    const on = scene();
    let settled = false;
    const starting = on.child.start().then((result) => {
      settled = true;
      return result;
    });
    await on.clock.settle();
    assert.deepEqual(on.orders, [{ kind: "begin", facts }]);
    on.say({ kind: "hello", cell: "data" });
    await on.clock.settle();
    assert.equal(settled, false);

    on.say({ kind: "started" });

    assert.equal((await starting).ok, true);
    assert.equal(on.child.pid, 42);
  });

  it("passes on where the actors of the cell answer, before it is up", async () => {
    const on = scene();
    const starting = on.child.start();
    await on.clock.settle();

    on.say({ kind: "listens", addresses: { admin: "https://127.0.0.1:7702" } });

    assert.deepEqual(on.addresses, [{ admin: "https://127.0.0.1:7702" }]);
    on.say({ kind: "started" });
    assert.equal((await starting).ok, true);
  });

  it("fails when there is no place, when the cell says so, when it ends, and after its time", async () => {
    const noPlace = scene();
    noPlace.canOpen = false;
    assert.equal((await noPlace.child.start()).ok, false);

    const refusing = scene();
    const refused = refusing.child.start();
    await refusing.clock.settle();
    refusing.say({ kind: "failed", cause: "config", message: "alpha.x is 7" });
    assert.equal((await refused).ok, false);
    assert.deepEqual([refusing.killedCount, refusing.refusals], [1, ["alpha.x is 7"]]);

    const edited = scene();
    const changed = edited.child.start();
    await edited.clock.settle();
    edited.say({ kind: "failed", cause: "build-changed", message: "other code" });
    assert.equal((await changed).ok, false);
    assert.deepEqual([edited.killedCount, edited.refusals], [1, ["build: other code"]]);

    const ending = scene();
    const ended = ending.child.start();
    await ending.clock.settle();
    ending.end(killed);
    assert.equal((await ended).ok, false);

    const slow = scene();
    const late = slow.child.start();
    await slow.clock.settle();
    await beat(slow, CELL_START_MS / second - 1);
    assert.equal(slow.killedCount, 0);
    await beat(slow, 1);
    assert.equal((await late).ok, false);
    assert.equal(slow.killedCount, 1);

    assert.deepEqual(
      [noPlace, refusing, ending, slow].map((on) => on.exits.length),
      [0, 0, 0, 0],
    );
  });

  it("gives the cell the configuration that came into force meanwhile", async () => {
    const on = scene();
    void on.child.start();
    await on.clock.settle();
    const config = { version: 2, raw: {} };
    on.facts = { ...facts, config };

    on.say({ kind: "started" });

    assert.deepEqual(on.orders.slice(1), [
      { kind: "config-offer", config },
      { kind: "config-commit", version: 2 },
    ]);
  });
});

describe("cell child: silence (SUP-10)", () => {
  it("is degraded after 5 s, ready again when heard, killed after 20 s", async () => {
    const on = await started();
    await beat(on, 3);
    await on.clock.advance(4 * second);
    assert.deepEqual(on.healths, []);
    await on.clock.advance(1 * second);
    assert.deepEqual(on.healths, ["degraded silent for 5 s"]);
    on.say({ kind: "beat", loopDelayMs: 0, residentBytes: 1 });
    assert.deepEqual(on.healths, ["degraded silent for 5 s", "ready"]);

    await on.clock.advance(20 * second - 1);
    assert.deepEqual(on.exits, []);
    await on.clock.advance(1);
    assert.deepEqual(on.exits, [killed]);
  });
});

describe("cell child: stop", () => {
  it("drains, says leave, and waits for the end", async () => {
    const on = await started();
    let settled = false;
    const stopping = on.child.stop(5 * second).then(() => {
      settled = true;
    });
    on.say({ kind: "drained" });
    await on.clock.settle();

    assert.deepEqual(on.orders, [{ kind: "drain", withinMs: 5 * second - DRAIN_MARGIN_MS }, { kind: "leave" }]);
    assert.equal(settled, false);
    on.end({ kind: "normal" });
    await stopping;
    assert.deepEqual(on.exits, []);
  });

  it("kills a cell that has not started yet", async () => {
    const on = scene();
    const starting = on.child.start();
    await on.clock.settle();

    await on.child.stop(5 * second);

    assert.deepEqual([on.killedCount, (await starting).ok], [1, false]);
  });

  it("kills a cell whose place is still being made", async () => {
    const on = scene();
    const starting = on.child.start();
    const stopping = on.child.stop(5 * second);

    await stopping;

    assert.deepEqual([on.killedCount, (await starting).ok, on.orders], [1, false, []]);
  });
});

const kill = { kind: "kill-actor", actor: "alpha" } as const;

describe("cell child: commands", () => {
  it("is answered by the cell, by its end, or by time", async () => {
    const on = await started();
    const done = on.child.command(kill);
    on.say({ kind: "answer", id: 1, answer: { fields: { letters: [] } } });
    assert.deepEqual(await done, { fields: { letters: [] } });

    const late = on.child.command(kill);
    await on.clock.advance(COMMAND_MS);
    assert.equal((await late).refusal?.code, "supervisor.cell-silent");

    const lost = on.child.command(kill);
    on.end(killed);
    assert.equal((await lost).refusal?.code, "supervisor.cell-down");
    assert.equal((await on.child.command(kill)).refusal?.code, "supervisor.cell-down");
  });

  it("is one of a bounded number", async () => {
    const on = await started();
    for (let count = 0; count < COMMANDS_MAX; count += 1) void on.child.command(kill);

    assert.equal((await on.child.command(kill)).refusal?.code, "supervisor.busy");
  });
});

describe("cell child: offer and commit", () => {
  it("tells what the cell answers, and counts silence as a refusal", async () => {
    const on = await started();
    const config = { version: 2, raw: {} };
    const refused = on.child.offer(config, 2 * second);
    on.say({ kind: "config-answer", version: 2, problem: "no" });
    assert.equal(await refused, "no");

    const silentOffer = on.child.offer(config, 2 * second);
    await on.clock.advance(2 * second);
    assert.equal(await silentOffer, "does not answer within 2000 ms");
  });

  it("takes no late answer for that to the next offer, which may have the same version", async () => {
    const on = await started();
    const late = on.child.offer({ version: 2, raw: { alpha: {} } }, 2 * second);
    await on.clock.advance(2 * second);
    assert.notEqual(await late, undefined);

    const offered = on.child.offer({ version: 2, raw: {} }, 2 * second);
    on.say({ kind: "config-answer", version: 2, problem: undefined });
    on.say({ kind: "config-answer", version: 2, problem: "no" });

    assert.equal(await offered, "no");
  });

  it("commits what was accepted, without offering it again", async () => {
    const on = await started();
    const config = { version: 2, raw: {} };
    const offered = on.child.offer(config, 2 * second);
    on.say({ kind: "config-answer", version: 2, problem: undefined });
    await offered;

    on.child.commit(config);

    assert.deepEqual(on.orders, [
      { kind: "config-offer", config },
      { kind: "config-commit", version: 2 },
    ]);
  });

  it("ends a life that was not asked and cannot work with what is in force", async () => {
    const on = await started();
    const config = { version: 2, raw: {} };

    on.child.commit(config);
    on.say({ kind: "config-answer", version: 2, problem: undefined });
    assert.deepEqual(on.exits, []);
    on.child.commit({ ...config, version: 3 });
    on.say({ kind: "config-answer", version: 3, problem: "no" });

    assert.deepEqual(on.exits, [killed]);
  });

  it("accepts for a cell that is down, or goes down", async () => {
    const on = await started();
    const offered = on.child.offer({ version: 2, raw: {} }, 2 * second);
    on.end(killed);

    assert.equal(await offered, undefined);
    assert.equal(await on.child.offer({ version: 3, raw: {} }, 2 * second), undefined);
  });
});
