/** How a link tells a peer that is slow from one that is gone. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fail, ok } from "#runtime/errors.ts";
import { LINK_DEGRADED_MS, LINK_HEARTBEAT_MS, LINK_SILENCE_MS_MAX, LINK_SLOW_MS } from "#runtime/link/limits.ts";
import { KiB, second } from "#runtime/units.ts";
import { dataPath, type Line, startWorld } from "#test/runtime/link/kit.ts";

const within = { timeoutMs: 5 * second };

describe("link: heartbeat", () => {
  it("keeps an idle link, on both sides, for as long as it likes", async () => {
    const { gate, clock, ends } = await startWorld();

    await clock.advance(10 * LINK_SILENCE_MS_MAX);

    assert.equal(gate.isConnected("data"), true);
    assert.deepEqual(ends(), {});
  });

  it("counts and logs silence at the first limit, and forgets it when the peer is heard again", async () => {
    const { network, clock, gateLog, dataLog, counter, ends } = await startWorld();
    await clock.advance(1 * second);
    const events = (): string[] => [...gateLog.lines, ...dataLog.lines].map(({ event }) => event);

    network.freeze(dataPath);
    await clock.advance(LINK_DEGRADED_MS - 1 * second);
    assert.equal(counter("gate", "link_degraded_total"), 0);
    await clock.advance(2 * second);
    assert.equal(counter("gate", "link_degraded_total"), 1);
    assert.equal(counter("data", "link_degraded_total"), 1);
    network.thaw(dataPath);
    await clock.advance(3 * second);

    assert.deepEqual(events().filter((event) => event === "link-degraded").length, 2);
    assert.deepEqual(events().filter((event) => event === "link-recovered").length, 2);
    assert.deepEqual(ends(), {});
  });

  it("destroys a link that was silent for the second limit, and fails what was in flight", async () => {
    const { ref, store, network, clock, ends } = await startWorld();
    store.handle = () => new Promise(() => undefined);
    const answer = ref.call("ask", {}, { timeoutMs: 100 * second });
    await clock.advance(1 * second);

    network.freeze(dataPath);
    await clock.advance(LINK_SILENCE_MS_MAX - 2 * second);
    assert.deepEqual(ends(), {});
    await clock.advance(4 * second);

    assert.deepEqual(await answer, fail({ code: "runtime.link-lost", actor: "store", executed: "maybe" }));
    const { silent = 0, closed = 0 } = ends();
    assert(silent >= 1, "whoever notices first hangs up on the other");
    assert.equal(silent + closed, 2);
  });

  it("goes on under load: a link full of data is not silent", async () => {
    const { ref, store, clock, ends } = await startWorld();
    store.handle = async () => ok(new Uint8Array(100 * KiB));

    for (let step = 0; step < 60; step += 1) {
      void ref.call("ask", {}, within);
      await clock.advance(500);
    }

    assert.deepEqual(ends(), {});
  });

  it("destroys a link whose connection is lost without a word, on both sides, within silence and one beat", async () => {
    const { ref, store, gate, network, clock, ends } = await startWorld();
    store.handle = () => new Promise(() => undefined);
    const left = ref.call("ask", {}, { timeoutMs: 100 * second });
    await clock.advance(10 * second);

    network.sever(dataPath);
    // The socket takes a first write and no more: the second never leaves.
    const lost = ref.call("ask", new Uint8Array(300 * KiB), { timeoutMs: 100 * second });
    await clock.settle();
    const stuck = ref.call("ask", new Uint8Array(300 * KiB), { timeoutMs: 100 * second });
    await clock.advance(LINK_SILENCE_MS_MAX - 1 * second);
    assert.equal(gate.isConnected("data"), true);
    await clock.advance(LINK_HEARTBEAT_MS + 1 * second);

    assert.deepEqual(ends(), { silent: 2 });
    assert.deepEqual(await left, fail({ code: "runtime.link-lost", actor: "store", executed: "maybe" }));
    assert.deepEqual(await lost, fail({ code: "runtime.link-lost", actor: "store", executed: "maybe" }));
    assert.deepEqual(await stuck, fail({ code: "runtime.not-connected", actor: "store", executed: "no" }));
    store.handle = async () => ok("again");
    await clock.advance(1 * second);
    const again = ref.call("ask", {}, within);
    await clock.settle();
    assert.deepEqual(await again, ok("again"));
  });
});

describe("link: heartbeat of a loop that stands still", () => {
  const malaises = (lines: readonly Line[]): unknown[] =>
    lines
      .filter(({ event }) => event === "link-degraded" || event === "link-recovered")
      .map(({ event, fields }) => fields?.["reason"] ?? event);

  for (const slow of ["data", "gate"] as const) {
    it(`makes the peer degraded and not dead, and recovered with the next beat (${slow})`, async () => {
      const { ref, clock, gateLog, dataLog, gateLoop, dataLoop, ends } = await startWorld();
      const [loop, log] = slow === "data" ? [dataLoop, gateLog] : [gateLoop, dataLog];
      await clock.advance(10 * second);

      loop.hold();
      const answer = ref.call("ask", "patience", { timeoutMs: 20 * second });
      await clock.advance(LINK_SLOW_MS + LINK_HEARTBEAT_MS);
      loop.goOn();
      await clock.advance(3 * LINK_HEARTBEAT_MS);

      assert.deepEqual(malaises(log.lines), ["slow", "link-recovered"]);
      assert.deepEqual(await answer, ok("patience"));
      assert.deepEqual(ends(), {});
    });
  }

  it("is no news while it is less late than the limit", async () => {
    const { clock, gateLog, dataLoop, ends } = await startWorld();
    await clock.advance(10 * second);

    dataLoop.hold();
    await clock.advance(LINK_SLOW_MS - 100);
    dataLoop.goOn();
    await clock.advance(3 * LINK_HEARTBEAT_MS);

    assert.deepEqual(malaises(gateLog.lines), []);
    assert.deepEqual(ends(), {});
  });

  it("does not make its peers look silent to it: only they may complain", async () => {
    const { clock, gateLog, dataLog, gateLoop, ends } = await startWorld();
    await clock.advance(10 * second);

    gateLoop.hold();
    await clock.advance(LINK_DEGRADED_MS + 3 * second);
    gateLoop.goOn();
    await clock.advance(3 * LINK_HEARTBEAT_MS);

    assert.deepEqual(malaises(gateLog.lines), []);
    assert.deepEqual(malaises(dataLog.lines), ["silent", "slow", "link-recovered"]);
    assert.deepEqual(ends(), {});
  });

  it("kills no link when both sides stood still together, however long", async () => {
    const { ref, clock, gateLoop, dataLoop, ends } = await startWorld();
    await clock.advance(10 * second);

    gateLoop.hold();
    dataLoop.hold();
    await clock.advance(3 * LINK_SILENCE_MS_MAX);
    gateLoop.goOn();
    dataLoop.goOn();
    const answer = ref.call("ask", "awake", within);
    await clock.advance(1 * second);

    assert.deepEqual(await answer, ok("awake"));
    assert.deepEqual(ends(), {});
  });
});
