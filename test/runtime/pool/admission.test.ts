/** The waiting line in front of the pool. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Result } from "#runtime/errors.ts";
import { Admission } from "#runtime/pool/admission.ts";
import type { Within } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

const forever: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

function setUp(permitsMax: number, waitingMax: number) {
  const clock = new ManualClock();
  const admission = new Admission({ clock, permitsMax, waitingMax });
  const log: string[] = [];
  const come = (name: string, within: Within = forever): void => {
    void admission.admit(within).then((result) => log.push(`${name}: ${codeOf(result)}`));
  };
  const logged = async (): Promise<readonly string[]> => {
    await clock.settle();
    return log.splice(0);
  };
  return { clock, admission, come, logged };
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? "in" : result.failure.code;
}

describe("admission", () => {
  test("lets in as many as there are permits, the rest in the order they came", async () => {
    const { admission, come, logged } = setUp(2, 10);
    for (const name of "abcde") come(name);
    assert.deepEqual(await logged(), ["a: in", "b: in"]);

    admission.release();
    assert.deepEqual(await logged(), ["c: in"]);
    admission.release();
    admission.release();
    assert.deepEqual(await logged(), ["d: in", "e: in"]);
  });

  test("nobody who comes at the moment of a release overtakes the line", async () => {
    const { admission, come, logged } = setUp(1, 10);
    come("a");
    come("b");

    admission.release();
    come("c");
    assert.deepEqual(await logged(), ["a: in", "b: in"]);
    admission.release();
    assert.deepEqual(await logged(), ["c: in"]);
  });

  test("the line takes waitingMax, and refuses one more", async () => {
    const { admission, come, logged } = setUp(1, 2);
    for (const name of "abcd") come(name);

    assert.deepEqual(await logged(), ["a: in", "d: pool.full"]);
    assert.equal(admission.waitingCount, 2);
    come("too-late", { ...forever, signal: AbortSignal.abort() });
    assert.deepEqual(await logged(), ["too-late: pool.expired"]);
  });

  test("who waits past its deadline leaves, at the deadline and not before; the others stay in order", async () => {
    const { clock, admission, come, logged } = setUp(1, 10);
    come("a");
    come("b", { ...forever, deadlineMs: 50 });
    come("c");

    await clock.advance(49);
    assert.deepEqual(await logged(), ["a: in"]);
    await clock.advance(1);
    assert.deepEqual(await logged(), ["b: pool.expired"]);
    admission.release();
    assert.deepEqual(await logged(), ["c: in"]);
    assert.equal(clock.armedCount, 0);
  });

  test("a deadline that moves while it waits is honoured where it moved to", async () => {
    const { clock, come, logged } = setUp(1, 10);
    const moving = { ...forever, deadlineMs: 50 };
    come("a");
    come("b", moving);
    await clock.advance(40);
    moving.deadlineMs = 90;

    await clock.advance(49);
    assert.deepEqual(await logged(), ["a: in"]);
    await clock.advance(1);
    assert.deepEqual(await logged(), ["b: pool.expired"]);
  });

  test("who gives up leaves at once, and its timer with it", async () => {
    const { clock, come, logged } = setUp(1, 10);
    const leaving = new AbortController();
    come("a");
    come("b", { signal: leaving.signal, deadlineMs: 1000 });
    await clock.settle();

    leaving.abort();

    assert.deepEqual(await logged(), ["a: in", "b: pool.expired"]);
    assert.equal(clock.armedCount, 0);
  });

  test("close sends the line away, and whoever comes later", async () => {
    const { admission, come, logged } = setUp(1, 10);
    come("a");
    come("b");
    await logged();

    admission.close();
    come("c");

    assert.deepEqual((await logged()).toSorted(), ["b: pool.expired", "c: pool.expired"]);
  });

  test("while it is paused everybody waits, and then goes in the order they came", async () => {
    const { admission, come, logged } = setUp(2, 10);
    come("a");
    admission.pause();
    come("b");
    come("c");
    come("d");
    admission.release();
    assert.deepEqual(await logged(), ["a: in"]);

    admission.resume();

    assert.deepEqual(await logged(), ["b: in", "c: in"]);
    admission.release();
    assert.deepEqual(await logged(), ["d: in"]);
  });

  test("shut sends the line away, and whoever comes before resume; close cannot be undone", async () => {
    const { admission, come, logged } = setUp(1, 10);
    come("a");
    come("b");
    admission.shut();
    come("c");
    assert.deepEqual((await logged()).toSorted(), ["a: in", "b: pool.down", "c: pool.down"]);
    admission.release();

    admission.resume();
    come("d");
    assert.deepEqual(await logged(), ["d: in"]);
    admission.close();
    admission.shut();
    admission.resume();
    come("e");
    assert.deepEqual(await logged(), ["e: pool.expired"]);
  });

  const event = fc.oneof(
    fc.record({ kind: fc.constant("come" as const), patienceMs: fc.option(fc.integer({ min: 1, max: 30 })) }),
    fc.record({ kind: fc.constant("release" as const) }),
    fc.record({ kind: fc.constantFrom("pause" as const, "resume" as const, "resume" as const, "shut" as const) }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 20 }) }),
  );

  test("agrees with a list of who waits (property)", () =>
    fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40, size: "max" }), async (events) => {
        const { clock, admission, come, logged } = setUp(2, 3);
        let permits = 2;
        let isPaused = false;
        let isShut = false;
        let waiting: { readonly name: string; readonly deadlineMs: number }[] = [];
        let count = 0;
        for (const one of events) {
          const expected: string[] = [];
          if (one.kind === "come") {
            count += 1;
            const name = String(count);
            const deadlineMs = clock.nowMs() + (one.patienceMs ?? Number.POSITIVE_INFINITY);
            if (isShut) expected.push(`${name}: pool.down`);
            else if (permits > 0 && !isPaused) {
              expected.push(`${name}: in`);
              permits -= 1;
            } else if (waiting.length === 3) expected.push(`${name}: pool.full`);
            else waiting.push({ name, deadlineMs });
            come(name, { ...forever, deadlineMs });
          } else if (one.kind === "pause") {
            admission.pause();
            isPaused = true;
          } else if (one.kind === "resume") {
            admission.resume();
            isPaused = false;
            isShut = false;
            const entering = waiting.splice(0, permits);
            permits -= entering.length;
            expected.push(...entering.map(({ name }) => `${name}: in`));
          } else if (one.kind === "shut") {
            admission.shut();
            isPaused = true;
            isShut = true;
            expected.push(...waiting.splice(0).map(({ name }) => `${name}: pool.down`));
          } else if (one.kind === "release" && permits < 2) {
            const first = isPaused ? undefined : waiting.shift();
            if (first === undefined) permits += 1;
            else expected.push(`${first.name}: in`);
            admission.release();
          } else if (one.kind === "pass") {
            await clock.advance(one.ms);
            const gone = waiting.filter(({ deadlineMs }) => deadlineMs <= clock.nowMs());
            waiting = waiting.filter((waiter) => !gone.includes(waiter));
            expected.push(...gone.map(({ name }) => `${name}: pool.expired`));
          }
          assert.deepEqual((await logged()).toSorted(), expected.toSorted());
          assert.equal(admission.waitingCount, waiting.length);
        }
      }),
    ));
});
