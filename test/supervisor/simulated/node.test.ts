/** A whole node in simulation, driven as a real one is: over HTTP, and by its operator. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { anyObject, uploadOf } from "#chaos/workload/objects.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { runSeed } from "#runtime/simulated/seeds.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { KiB, second } from "#runtime/units.ts";
import { SimulatedNode } from "#supervisor/simulated/node.ts";
import { loaded } from "#test/supervisor/simulated/catalogue.ts";

const bytes = Buffer.alloc(300 * KiB, "onion");

/** A node that is up, and how its clients speak to it. */
async function upNode(simulation: Simulation) {
  const node = new SimulatedNode({ simulation, catalogue: loaded });
  const { random, clock } = simulation;
  const put = async (what: Uint8Array): Promise<SimulatedAnswer | undefined> => {
    const body = uploadOf(what, { random, clock });
    return await simulation.until(node.request({ method: "PUT", target: "/put", body }));
  };
  const get = async (target: string): Promise<SimulatedAnswer | undefined> =>
    await simulation.until(node.request({ target }));
  const ready = async (): Promise<void> => {
    // What was just done to it is told to the gateway at most ten times a second.
    await simulation.advance(250);
    while ((await get("/readyz"))?.status !== 200) await simulation.advance(100);
  };
  assert.deepEqual(await node.boot(), { ok: true, value: true });
  await ready();
  return { node, put, get, ready };
}

async function simulated(scenario: (simulation: Simulation) => Promise<void>): Promise<void> {
  for (const seed of [1, 2, 3]) await runSeed(seed, scenario);
}

describe("simulated node: boot", () => {
  it("brings up the root, both cells and every actor, and says where it is (SIM-6)", () =>
    simulated(async (simulation) => {
      const { node } = await upNode(simulation);

      const { cells = [], actors = [] } = node.status() ?? {};
      assert.deepEqual(
        cells.map(({ name, state }) => [name, state]),
        [
          ["data", "running"],
          ["ops", "running"],
        ],
      );
      assert.deepEqual(
        actors.map(({ name, state }) => [name, state]),
        ["storage", "index", "overlay", "gateway", "telemetry"].map((name) => [name, "running"]),
      );
      const [ready] = node.announced;
      assert.deepEqual(
        [ready?.event, ready !== undefined && "http" in ready && ready.http],
        ["ready", "http://127.0.0.1:7700"],
      );
    }));

  it("fails with what the node says against it, and ends the life", () =>
    simulated(async (simulation) => {
      const node = new SimulatedNode({ simulation, catalogue: loaded, config: "[storage]\nopenPacksMax = 0\n" });

      const booted = await node.boot();

      // The cell finds it, so the root has begun by then and goes down again.
      assert.deepEqual([booted.ok, node.isUp], [true, true]);
      const failure = await node.down();
      assert.equal(failure?.code, "config.invalid");
      assert.match(failure?.message ?? "", /storage\.openPacksMax is 0/);
      assert.deepEqual([node.isUp, simulation.clock.armedCount, simulation.disk.openCount], [false, 0, 0]);
    }));

  it("is refused beside another node on the same data, and not once that one is gone (SUP-11)", () =>
    simulated(async (simulation) => {
      const { node } = await upNode(simulation);
      const second = new SimulatedNode({ simulation, catalogue: loaded });

      const refused = await second.boot();
      await node.crash({ power: false });
      const taken = await second.boot();

      assert.equal(!refused.ok && refused.failure.code, "lock.taken");
      assert.deepEqual(taken, { ok: true, value: true });
    }));

  it("fails with a configuration that cannot be read", () =>
    simulated(async (simulation) => {
      const node = new SimulatedNode({ simulation, catalogue: loaded, config: "[storage\n" });

      const booted = await node.boot();

      assert.equal(!booted.ok && booted.failure.code, "config.unreadable");
      assert.deepEqual([node.isUp, simulation.clock.armedCount], [false, 0]);
    }));
});

describe("simulated node: its data directory is away", () => {
  it("begins no life of what stores there, makes nothing there, and goes on when it is back (SUP-30)", () =>
    simulated(async (simulation) => {
      const { node, put, get, ready } = await upNode(simulation);
      const { disk } = simulation;
      const stored = await put(bytes);
      const { address } = JSON.parse(String(stored?.body)) as { readonly address: string };

      assert((await disk.rename("/data", "/moved")).ok);
      // As a mount point shows itself.
      assert((await disk.makeDirectory("/data")).ok);
      for (const target of ["actor/storage", "actor/index"]) await node.ask({ command: "kill", target });
      await simulation.advance(20 * second);
      const readiness = await get("/readyz?for=reads");
      const refused = await put(bytes);

      assert.equal(readiness?.status, 503);
      assert.match(String(readiness?.body), /storage is down: quarantined: .*supervisor\.data-away: /);
      assert.equal(refused?.status, 503);
      assert.deepEqual(await disk.list("/data"), { ok: true, value: [] });
      await disk.removeTree("/data");
      assert((await disk.rename("/moved", "/data")).ok);
      await ready();
      assert.equal(Buffer.compare((await get(`/o/${address}`))?.body ?? new Uint8Array(0), bytes), 0);
    }));
});

describe("simulated node: its configuration file (SUP-12)", () => {
  const path = "/data/cepa.toml";
  const toldOf = (node: SimulatedNode): readonly unknown[] =>
    node.announced.filter(({ event }) => event.startsWith("config-"));

  it("is optional: where there never was one, nothing is said of a reload, nor of a bad one that is gone again", () =>
    simulated(async (simulation) => {
      const { node } = await upNode(simulation);

      node.reload();
      await simulation.advance(1 * second);
      assert.deepEqual(toldOf(node), []);
      await simulation.disk.replaceFile(path, Buffer.from("[storage\n"));
      node.reload();
      await simulation.advance(1 * second);
      assert.equal(toldOf(node).length, 1);
      await simulation.disk.remove(path);
      node.reload();
      await simulation.advance(1 * second);

      assert.equal(toldOf(node).length, 1);
    }));

  it("stays in force when it is removed, and the next start begins without it", () =>
    simulated(async (simulation) => {
      const { node } = await upNode(simulation);
      await simulation.disk.replaceFile(path, Buffer.from("[storage]\nopenPacksMax = 8\n"));
      node.reload();
      await simulation.advance(1 * second);

      await simulation.disk.remove(path);
      node.reload();
      await simulation.advance(1 * second);

      assert.deepEqual(toldOf(node), [
        { event: "config-updated", version: 2 },
        { event: "config-refused", by: "root", problem: "disk.not-found" },
      ]);
      await node.down();
      assert.deepEqual(await node.boot(), { ok: true, value: true });
    }));
});

describe("simulated node: an object", () => {
  it("comes back as it was given, also after the power was cut", () =>
    simulated(async (simulation) => {
      const { node, put, get, ready } = await upNode(simulation);

      const stored = await put(bytes);
      const location = String(stored?.headers["location"]);
      assert.deepEqual(
        [stored?.status, Buffer.compare((await get(location))?.body ?? bytes.subarray(1), bytes)],
        [201, 0],
      );
      await node.crash({ power: true });
      assert.equal(await get(location), undefined, "nobody is there");
      assert.deepEqual(await node.boot(), { ok: true, value: true });
      await ready();

      const again = await get(location);
      assert.deepEqual([again?.status, Buffer.compare(again?.body ?? bytes.subarray(1), bytes)], [200, 0]);
      assert.equal((await put(bytes))?.status, 200, "it is known");
    }));

  it("is whole or absent when the process dies before any operation of its put (STO-3)", () =>
    simulated(async (simulation) => {
      const { node } = await upNode(simulation);
      await node.crash({ power: false });
      const { random, clock } = simulation;
      let lives = 0;
      for (let last = 1; ; last += 1) {
        const object = anyObject(random);
        let isPutting = false;
        let operations = 0;
        const beforeOperation = (_number: number, life: { end(): void }): void => {
          operations += isPutting ? 1 : 0;
          if (operations === last) life.end();
        };
        await node.boot({ beforeOperation });
        isPutting = true;
        const target = `/o/${object.address}`;
        const put = await simulation.until(
          node.request({ method: "PUT", target, body: uploadOf(object.bytes, { random, clock }) }),
        );
        await node.crash({ power: last % 2 === 0 });
        await node.boot();
        await simulation.advance(1 * second);
        const got = await simulation.until(node.request({ target }));
        assert(got?.status === 200 || (put === undefined && got?.status === 404), `${put?.status} ${got?.status}`);
        if (got.status === 200) assert.equal(Buffer.compare(got.body, object.bytes), 0);
        await node.crash({ power: false });
        lives += 1;
        if (put !== undefined) break;
      }
      assert(lives > 3, "a put has operations to die before");
    }));
});

describe("simulated node: a kill", () => {
  it("of a cell restarts it, and is announced", () =>
    simulated(async (simulation) => {
      const { node, put, get, ready } = await upNode(simulation);
      const location = String((await put(bytes))?.headers["location"]);

      const answer = await simulation.until(node.ask({ command: "kill", target: "cell/data" }));
      assert.equal(answer?.ok, true);
      await ready();

      assert.equal((await get(location))?.status, 200);
      const said = node.announced.map(({ event }) => event);
      assert.deepEqual(said, ["ready", "crashed", "restarted"]);
    }));

  it("of an actor for the sixth time is its quarantine, which resume lifts (SUP-5, SUP-7)", () =>
    simulated(async (simulation) => {
      const { node, put, ready } = await upNode(simulation);

      for (let kill = 1; kill <= 6; kill += 1) {
        const answer = await simulation.until(node.ask({ command: "kill", target: "actor/storage" }));
        assert.equal(answer?.ok, true);
        if (kill < 6) await ready();
      }
      await simulation.advance(250);
      assert.equal(node.status()?.actors.find(({ name }) => name === "storage")?.state, "quarantined");
      assert.equal((await put(bytes))?.status, 503);

      const answer = await simulation.until(node.ask({ command: "resume", target: "actor/storage" }));
      assert.equal(answer?.ok, true);
      await ready();
      assert.equal((await put(bytes))?.status, 201);
    }));

  it("of what there is not is refused in the node's words", () =>
    simulated(async (simulation) => {
      const { node } = await upNode(simulation);

      const answer = await simulation.until(node.ask({ command: "kill", target: "cell/none" }));

      assert.deepEqual(answer, {
        id: 1,
        ok: false,
        code: "supervisor.no-such-child",
        message: "there is no cell/none: data, ops",
      });
    }));
});

describe("simulated node: down", () => {
  it("is in order, leaves nothing behind, and is known to its operator", () =>
    simulated(async (simulation) => {
      const { node, put } = await upNode(simulation);
      await put(bytes);

      // The socket is closed with the node: the answer may be on its way by then, and lost.
      const answer = await simulation.until(node.ask({ command: "down" }));
      assert.equal(answer?.ok ?? true, true);
      assert.equal(await node.down(), undefined);

      assert.deepEqual(
        node.announced.map(({ event }) => event),
        ["ready", "shutting-down", "shutdown"],
      );
      assert.deepEqual([simulation.clock.armedCount, simulation.disk.openCount, node.isUp], [0, 0, false]);
      assert.equal(await node.ask({ command: "status" }), undefined);
    }));
});
