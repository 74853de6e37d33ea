/** Health: reads fail open, writes fail closed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HealthState, healthReasonLengthMax, healthServicesMax } from "#runtime/health.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

const needs = {
  storage: { reads: true, writes: true },
  index: { reads: true, writes: true },
  payment: { reads: false, writes: true },
  telemetry: { reads: false, writes: false },
};

function start() {
  const clock = new ManualClock();
  const announced: { readonly service: string; readonly ok: boolean }[] = [];
  const health = new HealthState({ clock, needs, onChange: (change) => announced.push(change) });
  return { clock, health, announced };
}

function allReady(health: HealthState): void {
  for (const service of Object.keys(needs)) health.report(service, "ready");
}

describe("health: before anybody reported", () => {
  it("reads are open, writes are closed, and both say what is missing", () => {
    const { health } = start();

    assert.deepEqual(health.readsReady(), {
      ready: true,
      reasons: ["storage has not reported yet", "index has not reported yet"],
    });
    assert.deepEqual(health.writesReady(), {
      ready: false,
      reasons: ["storage has not reported yet", "index has not reported yet", "payment has not reported yet"],
    });
    assert(health.isLive());
  });
});

describe("health: reads and writes", () => {
  it("are open when all that they need is ready", () => {
    const { health } = start();

    allReady(health);

    assert.deepEqual(
      [health.readsReady(), health.writesReady()],
      [
        { ready: true, reasons: [] },
        { ready: true, reasons: [] },
      ],
    );
  });

  it("differ while a service is degraded: writes close, reads stay", () => {
    const { health } = start();
    allReady(health);

    health.report("index", "degraded", "rebuilding, 40 %");

    assert.deepEqual(health.readsReady(), { ready: true, reasons: ["index is degraded: rebuilding, 40 %"] });
    assert.deepEqual(health.writesReady(), { ready: false, reasons: ["index is degraded: rebuilding, 40 %"] });
  });

  it("both close when what they need is down or unavailable", () => {
    for (const state of ["down", "unavailable"] as const) {
      const { health } = start();
      allReady(health);

      health.report("storage", state);

      assert.deepEqual([health.readsReady().ready, health.writesReady().ready], [false, false]);
    }
  });

  it("do not care for a service that they do not need", () => {
    const { health } = start();
    allReady(health);

    health.report("payment", "down");
    const withoutPayment = [health.readsReady().ready, health.writesReady().ready];
    health.report("payment", "ready");
    health.report("telemetry", "down");

    assert.deepEqual(withoutPayment, [true, false]);
    assert.deepEqual([health.readsReady().ready, health.writesReady().ready], [true, true]);
  });

  it("part ways in an incident: writes close with its reason until it ends", () => {
    const { health } = start();
    allReady(health);

    health.setIncident("error budget spent");
    const during = [health.readsReady(), health.writesReady()];
    health.setIncident(undefined);

    assert.deepEqual(during, [
      { ready: true, reasons: ["error budget spent"] },
      { ready: false, reasons: ["error budget spent"] },
    ]);
    assert(health.writesReady().ready);
  });

  it("both close for good when the node goes down, which it survives alive", () => {
    const { health } = start();
    allReady(health);

    health.close("shutting down");

    assert.deepEqual(health.readsReady(), { ready: false, reasons: ["shutting down"] });
    assert.deepEqual(health.writesReady(), { ready: false, reasons: ["shutting down"] });
    assert(health.isLive());
  });
});

describe("health: live", () => {
  it("ends when every needed service is known to be down, not when one is left", () => {
    const { health } = start();
    for (const service of ["storage", "index", "payment"]) health.report(service, "down");

    const oneLeft = health.isLive();
    health.report("telemetry", "unavailable");

    assert.equal(oneLeft, true);
    assert.equal(health.isLive(), false);
  });
});

describe("health: announcements", () => {
  it("are made when a service becomes ready or ceases to be, and not in between", () => {
    const { health, announced } = start();

    health.report("index", "degraded", "rebuilding, 10 %");
    health.report("index", "degraded", "rebuilding, 20 %");
    health.report("index", "ready");
    health.report("index", "ready");
    health.report("index", "down");
    health.report("index", "unavailable");

    assert.deepEqual(announced, [
      { service: "index", ok: false },
      { service: "index", ok: true },
      { service: "index", ok: false },
    ]);
  });
});

describe("health: services", () => {
  it("are listed by name with the time since which they are in their state", async () => {
    const { clock, health } = start();
    health.report("storage", "ready");
    await clock.advance(10);
    health.report("index", "degraded", "one");
    await clock.advance(10);
    health.report("index", "degraded", "two");

    assert.deepEqual(health.services(), [
      { service: "index", state: "degraded", reason: "two", sinceMs: 10 },
      { service: "storage", state: "ready", reason: undefined, sinceMs: 0 },
    ]);
  });

  it("are bounded, and their reasons are cut", () => {
    const { health } = start();
    for (let index = 0; index < healthServicesMax; index += 1) health.report(`service-${index}`, "ready");

    assert.throws(() => health.report("one-more", "ready"), /bounded number/);
    health.report("service-0", "down", "x".repeat(healthReasonLengthMax + 1));
    assert.equal(
      health.services().find(({ service }) => service === "service-0")?.reason?.length,
      healthReasonLengthMax,
    );
  });
});
