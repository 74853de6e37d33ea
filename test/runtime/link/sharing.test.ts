/** What is slow holds up itself: an actor that does not answer, a reader that does not read, a cell that does neither. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ByteSource } from "#runtime/byte-source.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { LINK_TARGET_SHARE_MAX } from "#runtime/link/target.ts";
import { KiB, MiB, second } from "#runtime/units.ts";
import { dataPath, deferred, PatternSource, startWorld } from "#test/runtime/link/kit.ts";

const within = { timeoutMs: 5 * second };
type Outcome = Result<unknown, Failure>;

/** Credit, or places, of which one target alone may hold all but `left`. */
function leaving(left: number): number {
  return left * (LINK_TARGET_SHARE_MAX + 1);
}

/** Bytes by their count: a list of what differs would be long. */
function brief(answer: Outcome): unknown {
  if (!answer.ok) return answer.failure;
  return answer.value instanceof Uint8Array ? `${answer.value.byteLength} bytes` : answer.value;
}

const full = fail({ code: "runtime.mailbox-full", actor: "store", executed: "no" });

describe("link: an actor that does not answer", () => {
  it("leaves credit to its neighbours, and takes it all up again when it is served", async () => {
    const { ref, neighbour, store, clock } = await startWorld({ dataLimits: { messageCredit: leaving(2) } });
    const answers = deferred<Outcome>();
    store.handle = () => answers.promise;

    const taken = Array.from({ length: 2 * LINK_TARGET_SHARE_MAX }, (_, index) => ref.call("ask", index, within));
    await clock.settle();
    assert.deepEqual(await ref.call("ask", "one more", within), full);
    assert.equal(store.heard.length, 2 * LINK_TARGET_SHARE_MAX);
    const beside = [neighbour.call("ask", 1, within), neighbour.call("ask", 2, within)];
    await clock.settle();
    assert.deepEqual(await Promise.all(beside), [ok(1), ok(2)]);

    answers.resolve(ok("late"));
    await clock.settle();
    assert.deepEqual(await Promise.all(taken), new Array(2 * LINK_TARGET_SHARE_MAX).fill(ok("late")));
    const again = Array.from({ length: 2 * LINK_TARGET_SHARE_MAX }, () => ref.call("ask", {}, within));
    await clock.settle();
    assert.deepEqual(await Promise.all(again), new Array(2 * LINK_TARGET_SHARE_MAX).fill(ok("late")));
  });

  it("keeps what it holds for as long as it has it, also of calls that timed out or were cancelled", async () => {
    const { ref, neighbour, store, clock } = await startWorld({ dataLimits: { messageCredit: leaving(1) } });
    const late = deferred<Outcome>();
    store.handle = () => late.promise;

    const given = Array.from({ length: LINK_TARGET_SHARE_MAX }, () => ref.call("ask", {}, { timeoutMs: 50 }));
    await clock.advance(100);
    await Promise.all(given);
    const before = await ref.call("ask", {}, within);
    const beside = neighbour.call("ask", "beside", within);
    await clock.settle();
    late.resolve(ok("late"));
    await clock.settle();
    const after = ref.call("ask", {}, within);
    await clock.settle();

    assert.deepEqual(before, full);
    assert.deepEqual(await beside, ok("beside"));
    assert.deepEqual(await after, ok("late"));
  });

  it("holds up only those who wait for it, and leaves them places in line", async () => {
    const { ref, neighbour, store, clock } = await startWorld({
      dataLimits: { messageCredit: leaving(1) },
      gateLimits: { callsWaitingMax: leaving(1) },
    });
    const pending: ((outcome: Outcome) => void)[] = [];
    store.handle = () => new Promise((resolve) => pending.push(resolve));
    const patient = { ...within, whenFull: "wait" } as const;

    const held = Array.from({ length: LINK_TARGET_SHARE_MAX }, (_, index) => ref.call("ask", index, patient));
    await clock.settle();
    const inLine = Array.from({ length: LINK_TARGET_SHARE_MAX }, (_, index) => ref.call("ask", 100 + index, patient));
    assert.deepEqual(await ref.call("ask", "no place", patient), full);
    const beside = Array.from({ length: 5 }, (_, index) => neighbour.call("ask", index, patient));
    // One at a time has credit, one a place in line; the others are refused.
    await clock.settle();
    const answers = await Promise.all(beside);
    for (let served = 0; served < 2 * LINK_TARGET_SHARE_MAX; served += 1) {
      pending[served]?.(ok(served));
      await clock.settle();
    }

    assert.deepEqual(answers.filter((answer) => answer.ok).length, 2);
    assert.equal(
      (await Promise.all([...held, ...inLine])).every((answer) => answer.ok),
      true,
    );
    assert.deepEqual(
      store.heard.map(({ request }) => request),
      [0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102, 103, 104, 105, 106, 107],
    );
  });
});

describe("link: a reader that does not read", () => {
  it("holds up its own stream, and neither calls nor other streams of the link", async () => {
    const { ref, store, clock } = await startWorld();
    store.handle = async () => ok({ source: new PatternSource(4 * MiB) });
    const open = async (): Promise<ByteSource> => {
      const answer = ref.call("ask", {}, within);
      await clock.settle();
      const { source } = ((await answer) as { value: { source: ByteSource } }).value;
      return source;
    };

    const unread = await open();
    const read = await open();
    const into = new Uint8Array(64 * KiB);
    let readBytes = 0;
    while (readBytes < 4 * MiB) {
      const reading = read.read(into);
      await clock.settle();
      readBytes += await reading;
    }
    store.handle = async (request) => ok(request);
    const beside = ref.call("ask", "beside", within);
    await clock.settle();

    assert.deepEqual(await beside, ok("beside"));
    assert.equal(unread.failure, undefined);
  });
});

describe("link: a cell that does not read", () => {
  it("keeps no more bytes waiting than the limit: calls are refused past it, and go through when it reads again", async () => {
    const { ref, network, clock } = await startWorld({ gateLimits: { outboxBytesMax: 100 * KiB } });
    await clock.settle();
    network.freeze(dataPath);

    const bytes = new Uint8Array(50 * KiB);
    const taken = [ref.call("ask", bytes, within), ref.call("ask", bytes, within)];
    const past = await ref.call("ask", bytes, within);
    const cast = ref.cast("tell", bytes);
    const waiting = ref.call("ask", bytes, { ...within, whenFull: "wait" });
    const small = ref.call("ask", "small", within);
    network.thaw(dataPath);
    for (let turn = 0; turn < 10; turn += 1) await clock.settle();

    assert.deepEqual(past, full);
    assert.equal(cast, "rejected");
    assert.deepEqual((await Promise.all([...taken, waiting])).map(brief), [
      "51200 bytes",
      "51200 bytes",
      "51200 bytes",
    ]);
    assert.deepEqual(await small, ok("small"));
  });

  it("gets a failure for each reply that finds the limit reached, and whoever holds its source is told", async () => {
    const { ref, store, clock, network } = await startWorld({ dataLimits: { outboxBytesMax: 100 * KiB } });
    const source = new PatternSource(10);
    const gates = [deferred<Outcome>(), deferred<Outcome>(), deferred<Outcome>()];
    store.handle = (request) => gates[Number(request)]?.promise ?? Promise.resolve(ok("small"));
    const answers = [0, 1, 2].map((index) => ref.call("ask", index, within));
    await clock.settle();
    network.freeze(dataPath);

    const bytes = new Uint8Array(50 * KiB);
    for (const gate of gates.slice(0, 2)) gate.resolve(ok(bytes));
    gates[2]?.resolve(ok({ bytes, source }));
    await Promise.resolve();
    network.thaw(dataPath);
    for (let turn = 0; turn < 10; turn += 1) await clock.settle();

    assert.deepEqual((await Promise.all(answers)).map(brief), [
      "51200 bytes",
      "51200 bytes",
      { code: "runtime.unsendable", actor: "store", reason: "outbox-full", sizeBytes: 50 * KiB, executed: "maybe" },
    ]);
    assert.equal(source.cancels.length, 1);
  });

  it("holds up no other cell", async () => {
    const { ref, elsewhere, network, clock } = await startWorld();
    const first = elsewhere.call("ask", 0, within);
    await clock.settle();
    network.freeze(dataPath);

    for (let index = 0; index < 100; index += 1) void ref.call("ask", new Uint8Array(300 * KiB), { timeoutMs: 1000 });
    const beside = elsewhere.call("ask", 1, within);
    await clock.settle();

    assert.deepEqual(await Promise.all([first, beside]), [ok(0), ok(1)]);
    await clock.advance(1100);
  });
});
