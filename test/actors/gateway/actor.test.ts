/** Gateway as an actor: its listener over restarts, defects, drain, and what it tells about the node. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { actorModule } from "#actors/gateway/actor.ts";
import { checkGatewayConfig } from "#actors/gateway/config.ts";
import { SHUTDOWN_MS } from "#supervisor/root/cells.ts";
import { tree } from "#supervisor/tree.ts";
import { MemorySource } from "#test/actors/gateway/fake-overlay.ts";
import { gatewayConfig, json, openSimulated, runningStatus, send } from "#test/actors/gateway/kit.ts";

describe("gateway: incarnations", () => {
  it("answers 503 gateway.restarting while nobody is attached, and serves again after the restart (GW-60)", async () => {
    const { edge, actor, restart } = await openSimulated();

    actor.kill("by the test");
    await new Promise(setImmediate);
    const between = await send(edge, { target: "/healthz", headers: { "x-correlation-id": "c" } });
    await restart();
    const after = await send(edge, { target: "/healthz" });

    assert.deepEqual([between.status, json(between)["code"]], [503, "gateway.restarting"]);
    assert.equal(between.headers["x-correlation-id"], "c");
    assert.match(String(json(between)["message"]), /restarts by itself or waits for `cepa resume actor\/gateway`/);
    assert.match(between.headers["retry-after"] ?? "", /^[1-5]$/);
    assert.equal(after.status, 200);
  });

  it("fails what the ended incarnation had under way, and leaves no upload behind", async () => {
    const { edge, overlay, crash } = await openSimulated();
    const body = new MemorySource(Buffer.from("hello"));
    body.read = () => new Promise(() => undefined);
    const upload = send(edge, { method: "PUT", target: "/put", body });
    await new Promise(setImmediate);

    await crash();

    assert.equal((await upload).status, 503);
    assert.equal(body.failure?.code, "gateway.body-truncated");
    assert.equal(overlay.objects.size, 0);
  });

  it("ends its incarnation with a defect of a request, which is answered with 500", async () => {
    const { edge, overlay, exits, clock } = await openSimulated();
    overlay.call = () => {
      throw new Error("broken");
    };

    const answer = await send(edge, { target: `/stat/b3:${"0".repeat(64)}` });
    await clock.advance(1);

    assert.deepEqual([answer.status, json(answer)["code"]], [500, "gateway.defect"]);
    assert.equal(exits.length, 1);
    assert.equal(exits[0]?.kind, "crashed");
  });
});

describe("gateway: drain and describe", () => {
  it("stops accepting, refuses writes that still come, and answers when the last request is over (GW-61)", async () => {
    const { edge, ref, overlay } = await openSimulated();
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    let open: () => void = () => undefined;
    overlay.gate = new Promise((resolve) => {
      open = resolve;
    });
    const under = send(edge, { target });
    await new Promise(setImmediate);

    const draining = ref.call("drain", { timeoutMs: 5000 }, { timeoutMs: 6000 });
    await new Promise(setImmediate);
    const described = await ref.call("describe", {}, { timeoutMs: 1000 });
    assert.equal(await edge.send({ target }), undefined);
    open();

    const facts = { url: edge.url, adminUrl: undefined, openRequestCount: 1, acceptingWrites: false };
    assert.deepEqual(described, { ok: true, value: facts });
    assert.equal((await under).status, 200);
    assert.deepEqual(await draining, { ok: true, value: { unfinishedCount: 0 } });
  });

  it("answers with the count of those that are not over after timeoutMs", async () => {
    const { edge, ref, overlay, clock } = await openSimulated();
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    overlay.gate = new Promise(() => undefined);
    void send(edge, { target });
    await clock.settle();

    const draining = ref.call("drain", { timeoutMs: 5000 }, { timeoutMs: 6000 });
    await clock.advance(5000);

    assert.deepEqual(await draining, { ok: true, value: { unfinishedCount: 1 } });
  });
});

describe("gateway: stopping", () => {
  it("ends at once when nothing is under way (GW-63)", async () => {
    const { actor, edge, clock } = await openSimulated();

    await actor.stop();

    assert.deepEqual([edge.openRequestCount, clock.nowMs()], [0, 0]);
  });

  it("waits stopDrainMs for what is under way, and not longer (GW-63)", async () => {
    const { actor, edge, overlay, clock } = await openSimulated({ shutdownMs: 9000 });
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    overlay.gate = new Promise(() => undefined);
    const under = send(edge, { target });
    await clock.settle();
    let isStopped = false;

    void actor.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(7999);
    const before = isStopped;
    await clock.advance(1);

    assert.equal((await under).status, 503);
    assert.deepEqual([before, isStopped], [false, true]);
  });

  it("has time in the tree for its drain, and the node for what comes after it", () => {
    const gateway = tree.cells.flatMap(({ workers }) => workers).find(({ name }) => name === "gateway");
    const field = actorModule.configSchema.stopDrainMs;
    assert(gateway !== undefined && "max" in field);

    assert.equal(gatewayConfig().stopDrainMs, 8000);
    assert(field.max < gateway.shutdownMs && gateway.shutdownMs < SHUTDOWN_MS);
  });
});

describe("gateway: what it tells", () => {
  it("is live while it answers", async () => {
    const { edge } = await openSimulated();

    assert.deepEqual(json(await send(edge, { target: "/healthz" })), { live: true, reasons: [] });
  });

  it("fails closed for writes and open for reads (GW-32)", async () => {
    const { edge, tree } = await openSimulated();
    const ask = async (query: string) => {
      const answer = await send(edge, { target: `/readyz${query}` });
      return [answer.status, json(answer)["reasons"]];
    };
    const withIndex = (state: string, reason?: string) => ({
      ...runningStatus,
      actors: runningStatus.actors.map((actor) => (actor.name === "index" ? { ...actor, state, reason } : actor)),
    });

    assert.deepEqual(
      [await ask(""), await ask("?for=reads")],
      [
        [200, []],
        [200, []],
      ],
    );
    tree.status = withIndex("degraded", "rebuilding: 1 of 2");
    const degraded = ["index is degraded: rebuilding: 1 of 2"];
    assert.deepEqual(
      [await ask(""), await ask("?for=reads")],
      [
        [503, degraded],
        [200, degraded],
      ],
    );
    tree.status = withIndex("quarantined");
    assert.deepEqual(
      [await ask(""), await ask("?a=b&for=reads")],
      [
        [503, ["index is down: quarantined"]],
        [503, ["index is down: quarantined"]],
      ],
    );
    tree.status = { ...runningStatus, actors: [] };
    const unknown = ["storage has not reported yet", "index has not reported yet", "overlay has not reported yet"];
    assert.deepEqual(
      [await ask(""), await ask("?for=reads")],
      [
        [503, unknown],
        [200, unknown],
      ],
    );
    tree.status = { ...runningStatus, shuttingDown: true };
    assert.deepEqual(
      [await ask(""), await ask("?for=reads")],
      [
        [503, ["the node is shutting down"]],
        [200, ["the node is shutting down"]],
      ],
    );
  });

  it("shows the tree, the store, the limits and how it is bound (GW-30)", async () => {
    const { edge, clock, config } = await openSimulated();
    await clock.advance(2500);

    const status = json(await send(edge, { target: "/status" }));

    assert.deepEqual(status, {
      version: "0.0.0-test",
      uptimeSeconds: 2,
      insecurePublic: false,
      amnesia: false,
      health: { live: true, reads: { ready: true, reasons: [] }, writes: { ready: true, reasons: [] } },
      ...runningStatus,
      gateway: { openRequestCount: 1, acceptingWrites: true, admin: null },
      store: { storage: { chunkCount: 7 }, index: { entryCount: 0 } },
      limits: config.current,
    });
  });

  it("shows the tree also while the store does not answer", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.failures.describe = { code: "overlay.unavailable" };

    const answer = await send(edge, { target: "/status" });

    assert.equal(answer.status, 200);
    assert.equal(json(answer)["store"], null);
    assert.equal(json(answer)["storeUnavailable"], "overlay.unavailable");
  });

  it("serves the last metrics with a growing age while telemetry is down (GW-31)", async () => {
    const { edge, clock, telemetry } = await openSimulated();
    const scrape = async () => Buffer.from((await send(edge, { target: "/metrics" })).body).toString();
    const ageIn = (text: string) => Number(/^scrape_age_seconds (\S+)$/m.exec(text)?.[1]);

    const fresh = await scrape();
    telemetry.failure = { code: "runtime.actor-stopped" };
    await clock.advance(3000);
    const stale = await scrape();

    assert(fresh.startsWith("up 1\n") && stale.startsWith("up 1\n"));
    assert.deepEqual([ageIn(fresh), ageIn(stale)], [0, 3]);
  });
});

describe("gateway: configuration", () => {
  it("accepts its defaults, and says which relation does not hold", () => {
    assert.equal(checkGatewayConfig(gatewayConfig()), undefined);
    assert.match(checkGatewayConfig(gatewayConfig({ readIdleMs: 30_000 })) ?? "", /readIdleMs/);
    assert.match(checkGatewayConfig(gatewayConfig({ paceWindowMs: 1000 })) ?? "", /paceWindowMs/);
    assert.match(checkGatewayConfig(gatewayConfig({ reservationWaitMs: 40_000 })) ?? "", /reservationWaitMs/);
    const perPeer = (writeRequestsPerPeerMax: number, writeRequestsMax: number) =>
      checkGatewayConfig(gatewayConfig({ writeRequestsPerPeerMax, writeRequestsMax }));
    assert.match(perPeer(128, 128) ?? "", /writeRequestsPerPeerMax/);
    assert.deepEqual([perPeer(127, 128), perPeer(1, 1)], [undefined, undefined]);
    const ofReads = (requestsPerPeerMax: number, readRequestsMax: number) =>
      checkGatewayConfig(gatewayConfig({ requestsPerPeerMax, readRequestsMax }));
    assert.match(ofReads(128, 128) ?? "", /requestsPerPeerMax/);
    assert.deepEqual([ofReads(127, 128), ofReads(1, 1)], [undefined, undefined]);
  });

  it("keeps every default within its bounds", () => {
    for (const [name, field] of Object.entries(actorModule.configSchema)) {
      if (!("min" in field)) continue;
      assert(field.default >= field.min && field.default <= field.max, name);
    }
  });
});
