/**
 * A simulated node that runs servers of its own: they come up with it, are started again when they are killed, with all that they
 * had, and end with it (SUP-26).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimulatedEvents } from "#chaos/simulated/simulated-events.ts";
import { guarded } from "#runtime/real/guard.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { second } from "#runtime/units.ts";
import type { ServerName } from "#supervisor/child-spec.ts";
import { SimulatedNode } from "#supervisor/simulated/node.ts";
import { loaded } from "#test/supervisor/simulated/catalogue.ts";

async function upNode(simulation: Simulation) {
  const events = new SimulatedEvents(simulation);
  const { servers, tables } = events;
  await events.prepare();
  const node = new SimulatedNode({ simulation, servers, catalogue: tables.in(loaded), config: events.configWith("") });
  assert.deepEqual(await node.boot(), { ok: true, value: true });
  await simulation.advance(2 * second);
  const states = () =>
    [...(node.status()?.servers ?? []), ...(node.status()?.actors ?? [])]
      .filter(({ name }) => ["postgres", "redis", "auth", "ingest"].includes(name))
      .map(({ name, state }) => `${name} ${state}`);
  return { node, events, states };
}

const ALL_RUN = ["postgres running", "redis running", "auth running", "ingest running"];

describe("simulated servers", () => {
  it("come up with the node, and end with it", async () => {
    await guarded(async () => {
      const simulation = new Simulation(1);
      const { node, events, states } = await upNode(simulation);

      assert.deepEqual(states(), ALL_RUN);
      assert.equal((await events.ask(["XLEN", "events"])).ok, true);

      assert.equal(await node.down(), undefined);
      assert.deepEqual([events.servers.postgres.isUp, events.servers.kill("redis")], [false, false]);
      assert.equal((await events.ask(["XLEN", "events"])).ok, false);
      simulation.end();
    });
  });

  for (const name of ["postgres", "redis"] satisfies ServerName[]) {
    it(`are started again when they are killed, and have what they had (${name})`, async () => {
      const simulation = new Simulation(2);
      const { node, events, states } = await upNode(simulation);
      const { directory } = events.tables;
      const before = await directory.lastChange();
      const written = await events.ask(["XADD", "kept", "*", "field", "value"]);

      assert.equal(events.servers.kill(name), true);
      await simulation.advance(1);
      const meanwhile = states();
      await simulation.advance(10 * second);

      assert.equal(written.ok, true);
      assert.notDeepEqual(meanwhile, ALL_RUN);
      assert.deepEqual(states(), ALL_RUN);
      assert.deepEqual(await simulation.until(events.ask(["XLEN", "kept"])), { ok: true, value: 1 });
      assert.deepEqual(await directory.lastChange(), before);
      assert.equal(node.status()?.servers.find((server) => server.name === name)?.restarts, 1);
      simulation.end();
    });
  }

  it("go with a process that is killed, and are there again with the next one", async () => {
    const simulation = new Simulation(3);
    const { node, events, states } = await upNode(simulation);
    await events.ask(["XADD", "kept", "*", "field", "value"]);

    await node.crash({ power: true });
    const isUp = events.servers.postgres.isUp;
    assert.deepEqual(await node.boot(), { ok: true, value: true });
    await simulation.advance(10 * second);

    assert.equal(isUp, false);
    assert.deepEqual(states(), ALL_RUN);
    assert.deepEqual(await simulation.until(events.ask(["XLEN", "kept"])), { ok: true, value: 1 });
    simulation.end();
  });
});
