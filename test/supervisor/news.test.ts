/** What the root tells the cells. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NodeStatus } from "#runtime/actor-module.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { announcer } from "#supervisor/root/announcer.ts";
import { News } from "#supervisor/root/news.ts";
import type { Order } from "#supervisor/wire.ts";

const statusOf = (dataPid: number): NodeStatus => ({
  cells: [
    { name: "data", pid: dataPid, state: dataPid > 0 ? "running" : "backing-off", restarts: 0, residentBytes: 0 },
    { name: "ops", pid: 8, state: "running", restarts: 0, residentBytes: 0 },
  ],
  actors: [],
  servers: [],
  unavailable: [],
  shuttingDown: false,
});

describe("news: a server that crashes (SUP-35)", () => {
  it("is announced with why, and the sentence says so", () => {
    const lines: string[] = [];
    const writeOut = (line: string): void => void lines.push(line);
    const reason = "port 1 is taken";
    const news = new News({
      clock: new ManualClock(),
      metrics: new Metrics(),
      announcer: announcer(false, { writeOut, writeError: writeOut }),
      status: () => ({
        ...statusOf(7),
        servers: [{ name: "redis", pid: 0, state: "backing-off", restarts: 0, reason }],
      }),
      address: () => ({ http: "", pid: 1 }),
      tell: () => undefined,
    });

    for (const service of ["redis", "data"]) {
      news.heard("root", { type: "ServiceCrashed", service, reason: "start-failed" });
    }

    assert.deepEqual(lines, ["crashed: redis (start-failed: port 1 is taken)", "crashed: data (start-failed)"]);
    news.close();
  });
});

describe("news: code that has changed", () => {
  it("is said of the first cell that does not start for it, and of no other", () => {
    const lines: string[] = [];
    const writeOut = (line: string): void => void lines.push(line);
    const news = new News({
      clock: new ManualClock(),
      metrics: new Metrics(),
      announcer: announcer(false, { writeOut, writeError: writeOut }),
      status: () => statusOf(7),
      address: () => ({ http: "", pid: 1 }),
      tell: () => undefined,
    });

    for (const cell of ["data", "ops"]) news.buildChanged(cell, "start the node anew");

    assert.deepEqual(lines, ["data does not start: start the node anew"]);
    news.close();
  });
});

describe("news: Health (SUP-22)", () => {
  it("of a killed cell's actors reaches the other cells at once, also right after another piece of news", () => {
    let status = statusOf(7);
    const told: string[] = [];
    const tell = (order: Order, from?: string): void => {
      if (order.kind === "relay" && order.event.type === "Health") {
        told.push(`${order.event.service} ${order.event.ok}, not to ${from}`);
      }
    };
    const news = new News({
      clock: new ManualClock(),
      metrics: new Metrics(),
      announcer: { announce: () => undefined },
      status: () => status,
      address: () => ({ http: "", pid: 1 }),
      tell,
    });
    news.heard("data", { type: "Health", service: "storage", ok: true });
    news.heard("ops", { type: "Health", service: "telemetry", ok: true });
    news.changed();

    status = statusOf(0);
    news.changed();
    status = statusOf(9);
    news.changed();

    assert.deepEqual(told, ["storage true, not to data", "telemetry true, not to ops", "storage false, not to data"]);
    news.close();
  });
});
