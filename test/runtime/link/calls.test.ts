/** Calls, casts and monitors between two cells. Actors are fakes: only the link is under test. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { LINK_PATIENCE_MS, LINK_STABLE_MS } from "#runtime/link/limits.ts";
import type { Down, Within } from "#runtime/ref.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { second } from "#runtime/units.ts";
import { dataPath, deferred, type FakeProtocol, startWorld } from "#test/runtime/link/kit.ts";

const within = { timeoutMs: 5 * second };
type Outcome = Result<unknown, Failure>;

describe("link: call", () => {
  it("carries request and reply whole, attachments included (LNK-1)", async () => {
    const { ref, store, clock } = await startWorld();
    const request = {
      text: "ü",
      big: 2n ** 70n,
      none: undefined,
      bytes: new Uint8Array([1, 2]),
      blob: pattern(100_000),
    };
    store.handle = async (heard) => ok({ heard, more: pattern(70_000) });

    const answer = ref.call("ask", request, within);
    await clock.advance(0);

    assert.deepEqual(await answer, { ok: true, value: { heard: request, more: pattern(70_000) } });
    assert.equal(store.heard[0]?.name, "ask");
    assert.deepEqual(store.heard[0]?.request, request);
  });

  it("carries the same when the network cuts the bytes at random (LNK-1)", async () => {
    const random = seededRandom(5);
    const { ref, clock } = await startWorld({ pieceBytes: () => 1 + random.below(60) });
    const requests = Array.from({ length: 30 }, (_, index) => ({ index, blob: pattern(index * 100) }));

    const answers = requests.map((request) => ref.call("ask", request, within));
    for (let turn = 0; turn < 100; turn += 1) await clock.settle();

    assert.deepEqual(
      await Promise.all(answers),
      requests.map((value) => ok(value)),
    );
  });

  it("carries a failure as data, and the runtime's own failures of the other cell", async () => {
    const { ref, store, clock } = await startWorld();
    store.handle = async () => fail({ code: "store.full", freeBytes: 7 });

    const own = ref.call("ask", {}, within);
    await clock.settle();
    store.handle = async () => fail({ code: "runtime.mailbox-full", actor: "store", executed: "no" });
    const runtime = ref.call("ask", {}, within);
    await clock.settle();

    assert.deepEqual(await own, fail({ code: "store.full", freeBytes: 7 }));
    assert.deepEqual(await runtime, fail({ code: "runtime.mailbox-full", actor: "store", executed: "no" }));
  });

  it("hands on the remaining deadline, the trace and whether the caller waits for room (LNK-5)", async () => {
    const { ref, store, clock } = await startWorld();
    const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", flags: 1 };
    const caller: Within = { deadlineMs: clock.nowMs() + 300, signal: new AbortController().signal, trace };

    void ref.call("ask", {}, { timeoutMs: 1000, within: caller, whenFull: "wait" });
    await clock.settle();

    const options = store.heard[0]?.options;
    assert.equal(options?.timeoutMs, 300);
    assert.equal(options.whenFull, "wait");
    assert.deepEqual(options.within?.trace, trace);
    assert.equal(options.within.deadlineMs, clock.nowMs() + 300);
  });

  it("fails with actor-stopped for an actor that the other cell does not host", async () => {
    const { gate, clock } = await startWorld();

    const answer = gate.ref<FakeProtocol>("nobody", "data").call("ask", {}, within);
    await clock.settle();

    assert.deepEqual(await answer, fail({ code: "runtime.actor-stopped", actor: "nobody", executed: "no" }));
  });

  it("fails with unsendable for a request that fits no frame, and for a reply, saying what may have run", async () => {
    const { ref, store, clock } = await startWorld();
    const tooBig = new Uint8Array(3 * 1024 * 1024);
    store.handle = async () => ok(tooBig);

    const request = ref.call("ask", tooBig, within);
    const reply = ref.call("ask", {}, within);
    const code = ref.call("ask", { run: () => 1 }, within);
    await clock.settle();

    const brief = async (answer: Promise<Outcome>): Promise<unknown> => {
      const { code: name, reason, executed } = failureOf(await answer);
      return { name, reason, executed };
    };
    assert.deepEqual(await brief(request), { name: "runtime.unsendable", reason: "too-large", executed: "no" });
    assert.deepEqual(await brief(reply), { name: "runtime.unsendable", reason: "too-large", executed: "maybe" });
    assert.deepEqual(await brief(code), { name: "runtime.unsendable", reason: "not-encodable", executed: "no" });
  });
});

describe("link: call with what no link carries", () => {
  const refused = (executed: "no" | "maybe"): Outcome =>
    fail({ code: "runtime.unsendable", actor: "store", reason: "not-encodable", sizeBytes: 0, executed });

  it("fails with unsendable for a request, and the callee never hears of it (LNK-1)", async () => {
    const { ref, store, clock } = await startWorld();
    const requests = [
      { tags: new Set(["a"]) },
      { at: new Date(0) },
      { pixels: new Uint16Array(2) },
      new RangeError("no"),
    ];

    const answers = requests.map((request) => ref.call("ask", request, within));
    await clock.settle();

    assert.deepEqual(
      await Promise.all(answers),
      requests.map(() => refused("no")),
    );
    assert.deepEqual(store.heard, []);
  });

  it("fails with unsendable for a reply, and for a failure", async () => {
    const { ref, store, clock } = await startWorld();
    for (const result of [ok(new Map()), fail({ code: "store.full", since: new Date(0) }), ok({ at: [new Date(0)] })]) {
      store.handle = async () => result;

      const answer = ref.call("ask", {}, within);
      await clock.settle();

      assert.deepEqual(await answer, refused("maybe"));
    }
  });

  it("fails with unsendable where a getter throws, in a request and in a reply, and goes on", async () => {
    const { ref, store, clock } = await startWorld();
    const broken = {
      get member(): never {
        throw new RangeError("its own");
      },
    };
    store.handle = async (heard) => ok(heard === "reply" ? broken : heard);

    const answers = [broken, "reply", "well"].map((request) => ref.call("ask", request, within));
    await clock.settle();

    assert.deepEqual(await Promise.all(answers), [refused("no"), refused("maybe"), ok("well")]);
  });

  it("cancels the source of a reply that is refused", async () => {
    const { ref, store, clock } = await startWorld();
    const cancelled: string[] = [];
    class Download {
      readonly source = {
        read: () => Promise.resolve(0),
        cancel: ({ code }: Failure) => void cancelled.push(code),
        failure: undefined,
      };
    }
    store.handle = async () => ok(new Download());

    const answer = ref.call("ask", {}, within);
    await clock.settle();

    assert.deepEqual(await answer, refused("maybe"));
    assert.deepEqual(cancelled, ["runtime.link-lost"]);
  });
});

describe("link: call deadlines and cancellation", () => {
  it("fails with call-timeout, cancels the callee, and ignores the late reply (LNK-6)", async () => {
    const { ref, store, clock } = await startWorld();
    const late = deferred<Outcome>();
    store.handle = () => late.promise;

    const answer = ref.call("ask", {}, { timeoutMs: 100 });
    await clock.advance(50);
    const signal = store.heard[0]?.options.within?.signal;
    assert.equal(signal?.aborted, false);
    await clock.advance(70);

    assert.deepEqual(await answer, fail({ code: "runtime.call-timeout", actor: "store", executed: "maybe" }));
    assert.equal(signal.aborted, true);
    late.resolve(ok("too late"));
    store.handle = async () => ok("in time");
    const next = ref.call("ask", {}, { timeoutMs: 100 });
    await clock.settle();
    assert.deepEqual(await next, ok("in time"));
  });

  it("fails with expired when the deadline has passed before the call, and when the request never left (LNK-1)", async () => {
    const { ref, network, clock, store } = await startWorld();
    const caller: Within = { deadlineMs: clock.nowMs(), signal: new AbortController().signal };

    assert.deepEqual(
      await ref.call("ask", {}, { timeoutMs: 100, within: caller }),
      fail({ code: "runtime.expired", actor: "store", executed: "no" }),
    );
    await clock.settle();
    network.freeze(dataPath);
    // The socket takes the first burst and then no more: the last call stays where it is.
    const stuck = Array.from({ length: 8 }, () => ref.call("ask", new Uint8Array(100_000), { timeoutMs: 100 }));
    await clock.advance(120);

    const failures = (await Promise.all(stuck)).map((answer) => failureOf(answer));
    assert.deepEqual(
      new Set(failures.map(({ code, executed }) => `${code} ${executed}`)),
      new Set(["runtime.call-timeout maybe", "runtime.expired no"]),
    );
    network.thaw(dataPath);
    await clock.settle();
    const leftCount = failures.filter(({ executed }) => executed === "maybe").length;
    assert.equal(store.heard.length, leftCount, "what was said not to have left never arrives");
  });

  it("fails with cancelled when the caller's work is no longer wanted, and tells the callee", async () => {
    const { ref, store, clock } = await startWorld();
    const controller = new AbortController();
    store.handle = () => new Promise(() => undefined);

    const answer = ref.call("ask", {}, { ...within, within: { deadlineMs: 1e9, signal: controller.signal } });
    await clock.settle();
    controller.abort();
    await clock.settle();

    assert.deepEqual(await answer, fail({ code: "runtime.cancelled", actor: "store", executed: "maybe" }));
    assert.equal(store.heard[0]?.options.within?.signal.aborted, true);
    assert.deepEqual(
      await ref.call("ask", {}, { ...within, within: { deadlineMs: 1e9, signal: controller.signal } }),
      fail({ code: "runtime.cancelled", actor: "store", executed: "no" }),
    );
  });

  it("reads the caller's own deadline again before it gives up, because it may have moved", async () => {
    const { ref, store, clock } = await startWorld();
    const late = deferred<Outcome>();
    store.handle = () => late.promise;
    const caller = { deadlineMs: clock.nowMs() + 100, signal: new AbortController().signal };

    const answer = ref.call("ask", {}, { timeoutMs: 1000, within: caller });
    await clock.advance(50);
    caller.deadlineMs += 500;
    await clock.advance(300);
    late.resolve(ok("after the first deadline"));
    await clock.settle();

    assert.deepEqual(await answer, ok("after the first deadline"));
  });
});

describe("link: credit", () => {
  it("rejects the call past it, takes as many as it has, and gives back with the reply (LNK-11)", async () => {
    const { ref, store, clock } = await startWorld({ dataLimits: { messageCredit: 2 } });
    const gates = [deferred<Outcome>(), deferred<Outcome>()];
    store.handle = (request) => gates[Number(request)]?.promise ?? Promise.resolve(ok("third"));

    const first = ref.call("ask", 0, within);
    const second = ref.call("ask", 1, within);
    await clock.settle();
    const past = await ref.call("ask", 2, within);
    gates[0]?.resolve(ok("first"));
    await clock.settle();
    const after = ref.call("ask", 2, within);
    await clock.settle();
    gates[1]?.resolve(ok("second"));
    await clock.settle();

    assert.deepEqual(past, fail({ code: "runtime.mailbox-full", actor: "store", executed: "no" }));
    assert.deepEqual(await Promise.all([first, second, after]), [ok("first"), ok("second"), ok("third")]);
  });

  it("serves those that wait first come, first served, and refuses one past the line's length", async () => {
    const { ref, store, clock } = await startWorld({
      dataLimits: { messageCredit: 1 },
      gateLimits: { callsWaitingMax: 3 },
    });
    const pending: ((outcome: Outcome) => void)[] = [];
    store.handle = () => new Promise((resolve) => pending.push(resolve));
    const call = (n: number): Promise<Outcome> => ref.call("ask", n, { ...within, whenFull: "wait" });

    const answers = [call(0)];
    await clock.settle();
    answers.push(call(1), call(2), call(3));
    const past = await call(4);
    for (let served = 0; served < 4; served += 1) {
      assert.equal(store.heard.length, served + 1);
      pending[served]?.(ok(store.heard[served]?.request));
      await clock.settle();
    }

    assert.deepEqual(
      store.heard.map(({ request }) => request),
      [0, 1, 2, 3],
    );
    assert.deepEqual(await Promise.all(answers), [ok(0), ok(1), ok(2), ok(3)]);
    assert.deepEqual(past, fail({ code: "runtime.mailbox-full", actor: "store", executed: "no" }));
  });

  it("lets a call that waits expire at its own deadline, as not executed", async () => {
    const { ref, store, clock } = await startWorld({ dataLimits: { messageCredit: 1 } });
    store.handle = () => new Promise(() => undefined);

    void ref.call("ask", 0, within);
    await clock.settle();
    const waiting = ref.call("ask", 1, { timeoutMs: 200, whenFull: "wait" });
    await clock.advance(220);

    assert.deepEqual(await waiting, fail({ code: "runtime.expired", actor: "store", executed: "no" }));
    assert.equal(store.heard.length, 1);
  });

  it("is kept by a call that timed out until the callee is done with it (LNK-11)", async () => {
    const { ref, store, clock } = await startWorld({ dataLimits: { messageCredit: 1 } });
    const late = deferred<Outcome>();
    store.handle = () => late.promise;

    void ref.call("ask", 0, { timeoutMs: 50 });
    await clock.advance(100);
    const before = await ref.call("ask", 1, within);
    late.resolve(ok());
    await clock.settle();
    const after = ref.call("ask", 2, within);
    await clock.settle();

    assert.equal(failureOf(before).code, "runtime.mailbox-full");
    assert.deepEqual(await after, ok());
  });
});

describe("link: cast", () => {
  it("is accepted by the link, rejected without credit, and stopped without a link", async () => {
    const { ref, store, network, clock } = await startWorld({ dataLimits: { messageCredit: 2 } });
    await clock.settle();

    const outcomes = [ref.cast("tell", 1), ref.cast("tell", 2), ref.cast("tell", 3)];
    await clock.settle();
    outcomes.push(ref.cast("tell", 4));
    await clock.settle();
    network.cut(dataPath);
    await clock.settle();
    outcomes.push(ref.cast("tell", 5));

    assert.deepEqual(outcomes, ["accepted", "accepted", "rejected", "accepted", "stopped"]);
    assert.deepEqual(store.told, [1, 2, 4]);
  });

  it("that the other mailbox refuses is counted there, and gives its credit back all the same", async () => {
    const { ref, store, clock, counter } = await startWorld({ dataLimits: { messageCredit: 1 } });
    store.castOutcome = "rejected";
    await clock.settle();

    for (let n = 0; n < 5; n += 1) {
      assert.equal(ref.cast("tell", n), "accepted");
      await clock.settle();
    }

    assert.equal(counter("data", "rejected_total"), 5);
  });

  it("keeps its order with calls", async () => {
    const { ref, store, clock } = await startWorld();
    await clock.settle();
    let toldAtCall: unknown[] = [];
    store.handle = async () => {
      toldAtCall = [...store.told];
      return ok();
    };

    ref.cast("tell", "first");
    void ref.call("ask", {}, within);
    ref.cast("tell", "third");
    await clock.settle();

    assert.deepEqual(toldAtCall, ["first"]);
    assert.deepEqual(store.told, ["first", "third"]);
  });
});

describe("link: monitor", () => {
  it("delivers the DOWN of an incarnation exactly once (LNK-7)", async () => {
    const { ref, store, network, clock } = await startWorld();
    await clock.settle();
    const downs: Down[] = [];

    ref.monitor((down) => downs.push(down));
    await clock.settle();
    store.goDown("crashed", 3);
    await clock.settle();
    network.cut(dataPath);
    await clock.settle();

    assert.deepEqual(downs, [{ actor: "store", incarnation: 3, reason: "crashed" }]);
  });

  it("says no-connection, once, when the link is lost, and no-actor where there is none (LNK-7)", async () => {
    const { ref, gate, store, network, clock } = await startWorld();
    await clock.settle();
    const downs: Down[] = [];

    ref.monitor((down) => downs.push(down));
    gate.ref<FakeProtocol>("nobody", "data").monitor((down) => downs.push(down));
    await clock.settle();
    network.cut(dataPath);
    await clock.settle();

    assert.deepEqual(downs, [
      { actor: "nobody", incarnation: 0, reason: "no-actor" },
      { actor: "store", incarnation: 0, reason: "no-connection" },
    ]);
    assert.equal(store.monitors.size, 0, "the other cell forgets monitors of a lost link");
  });

  it("waits for a link that is being made, and gives up when it does not come", async () => {
    const { ref, store, clock, startData } = await startWorld({ listens: false });
    const early: Down[] = [];
    ref.monitor((down) => early.push(down));

    await clock.advance(100);
    await startData();
    await clock.advance(500);
    assert.equal(store.monitors.size, 1);
    assert.deepEqual(early, []);

    const alone = await startWorld({ listens: false });
    const downs: Down[] = [];
    alone.ref.monitor((down) => downs.push(down));
    await alone.clock.advance(LINK_PATIENCE_MS);
    assert.deepEqual(downs, [{ actor: "store", incarnation: 0, reason: "no-connection" }]);
  });

  it("that is undone stays silent, before and after the link is there", async () => {
    const { ref, store, network, clock } = await startWorld();
    const downs: Down[] = [];

    ref.monitor((down) => downs.push(down))();
    await clock.settle();
    const undo = ref.monitor((down) => downs.push(down));
    await clock.settle();
    assert.equal(store.monitors.size, 1);
    undo();
    await clock.settle();
    assert.equal(store.monitors.size, 0);
    network.cut(dataPath);
    await clock.settle();

    assert.deepEqual(downs, []);
  });
});

describe("link: loss and return", () => {
  it("fails what had left with link-lost, and aborts it at the callee (LNK-5)", async () => {
    const { ref, store, network, clock } = await startWorld();
    store.handle = () => new Promise(() => undefined);

    const answer = ref.call("ask", {}, within);
    await clock.settle();
    network.cut(dataPath);
    await clock.settle();

    assert.deepEqual(await answer, fail({ code: "runtime.link-lost", actor: "store", executed: "maybe" }));
    assert.equal(store.heard[0]?.options.within?.signal.aborted, true);
  });

  it("lets a call wait for a link that is being made", async () => {
    const { ref, clock, startData } = await startWorld({ listens: false });

    const answer = ref.call("ask", "hello", within);
    await clock.advance(300);
    await startData();
    await clock.advance(600);

    assert.deepEqual(await answer, ok("hello"));
  });

  it("fails with not-connected after a second without a link, later calls at once, and expires before if it must", async () => {
    const { ref, clock } = await startWorld({ listens: false });

    const patient = ref.call("ask", {}, within);
    const hasty = ref.call("ask", {}, { timeoutMs: 300 });
    await clock.advance(LINK_PATIENCE_MS - 1);
    let isSettled = false;
    void patient.then(() => {
      isSettled = true;
    });
    await clock.settle();
    assert.equal(isSettled, false);
    await clock.advance(1);

    const notConnected = fail({ code: "runtime.not-connected", actor: "store", executed: "no" });
    assert.deepEqual(await patient, notConnected);
    assert.deepEqual(await hasty, fail({ code: "runtime.expired", actor: "store", executed: "no" }));
    assert.deepEqual(await ref.call("ask", {}, within), notConnected);
  });

  it("comes back by itself, and the same ref works again (LNK-8)", async () => {
    const { ref, gate, network, clock } = await startWorld();
    await clock.advance(LINK_STABLE_MS);

    network.cut(dataPath);
    await clock.advance(100);
    assert.equal(gate.isConnected("data"), false);
    network.heal(dataPath);
    await clock.advance(2 * second);
    const answer = ref.call("ask", "again", within);
    await clock.settle();

    assert.deepEqual(await answer, ok("again"));
    assert.equal(network.connectionCount(dataPath), 1);
  });

  it("after close fails everything at once and leaves no timer behind", async () => {
    const { ref, gate, data, store, clock } = await startWorld();
    store.handle = () => new Promise(() => undefined);
    const answer = ref.call("ask", {}, within);
    await clock.settle();

    await gate.close();
    await data.close();
    await clock.advance(100);

    assert.equal(failureOf(await answer).code, "runtime.link-lost");
    assert.equal(failureOf(await ref.call("ask", {}, within)).code, "runtime.not-connected");
    await clock.advance(10 * second);
    assert.equal(clock.armedCount, 0);
  });
});

function pattern(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => at * 13);
}

function failureOf(answer: Outcome): Failure & { readonly executed?: unknown; readonly reason?: unknown } {
  assert(!answer.ok, "the call fails");
  return answer.failure;
}
