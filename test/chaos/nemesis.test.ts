/** What brings faults about: each at its time, healed, and with what became of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Calm } from "#chaos/calm.ts";
import type { Fault } from "#chaos/fault.ts";
import { lasting } from "#chaos/injection.ts";
import { type Done, Nemesis } from "#chaos/nemesis.ts";
import type { World } from "#chaos/world.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

const kill: Fault = { kind: "kill-cell", atMs: 100, cell: "data" };
const slow: Fault = { kind: "disk-slow", atMs: 50, forMs: 200, delayMs: 5 };

function stage(inject: World["inject"], onInjected: (done: Done) => void = () => undefined) {
  const clock = new ManualClock();
  const calm = new Calm();
  const world = { clock, inject } as unknown as World;
  return { clock, calm, nemesis: new Nemesis(world, calm, [kill, slow], onInjected) };
}

describe("chaos nemesis", () => {
  it("brings each fault at its time, heals what lasts, and says what did nothing", async () => {
    const told: (readonly [string, number])[] = [];
    const inject: World["inject"] = async (fault) => {
      told.push([fault.kind, clock.nowMs()]);
      return lasting(
        () => void told.push([`${fault.kind} healed`, clock.nowMs()]),
        () => (fault.kind === "kill-cell" ? 0 : 3),
      );
    };
    const { clock, calm, nemesis } = stage(inject, ({ fault }) => told.push([`${fault.kind} done`, clock.nowMs()]));

    const running = nemesis.run();
    await clock.advance(120);
    const during = calm.faults;
    await clock.advance(200);
    await running;

    assert.deepEqual(told, [
      ["disk-slow", 50],
      ["disk-slow done", 50],
      ["kill-cell", 100],
      ["kill-cell done", 100],
      ["kill-cell healed", 100],
      ["disk-slow healed", 250],
    ]);
    assert.deepEqual([during, calm.faults], [1, 0]);
    assert.deepEqual(nemesis.withoutEffect, ["kill-cell data"]);
    assert.deepEqual(nemesis.tally, {
      "disk-slow": { planned: 1, injected: 1, effects: 3 },
      "kill-cell": { planned: 1, injected: 1, effects: 0 },
    });
  });

  it("fails at once where a fault cannot be brought about, and leaves no promise to nobody", async () => {
    const { clock, nemesis } = stage(async (fault) => {
      if (fault.kind === "disk-slow") throw new Error("no room");
      return lasting(
        () => undefined,
        () => 1,
      );
    });

    const running = assert.rejects(nemesis.run(), /no room/);
    await clock.advance(60);

    await running;
  });
});
