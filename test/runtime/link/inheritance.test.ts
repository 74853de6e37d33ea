/** What a call inherits on its way: from an actor over a link to another cell, from actor to actor there, to its pool. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { fail, type Result } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { Cpu, PoolFailure } from "#runtime/pool/cpu.ts";
import type { Call } from "#runtime/protocol.ts";
import { createRealCpu } from "#runtime/real/cpu.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { Ref } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";
import { silentLog, startActor, testMachine } from "#test/kit/actor.ts";
import { startWorld, type World } from "#test/runtime/link/kit.ts";
import { lastWord, marks, waits } from "#test/runtime/seams/broken-worker.ts";

interface DigestProtocol {
  digest: Call<unknown, unknown, PoolFailure>;
}

interface Served extends World {
  /** Digests at the front actor, which asks the back actor, which asks the pool; its thread is busy. */
  readonly bytes: Uint8Array;
  readonly outcomes: PoolFailure["code"][];
  /** Lets the thread end what it is doing and answers when it has. */
  free(): Promise<void>;
}

const forever = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

function sharedBytes(what: number): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(8));
  bytes[0] = what;
  return bytes;
}

function back(cpu: Cpu, bytes: Uint8Array, seen: (outcome: Result<unknown, PoolFailure>) => void) {
  const behavior: Behavior<DigestProtocol, Record<never, never>, undefined, undefined> = {
    name: "back",
    init: () => undefined,
    handlers: {
      digest: (_state, _request, ctx) =>
        ctx.later(
          (task) =>
            cpu.run("digest", { bytes }, task).then((outcome) => {
              seen(outcome);
              return outcome;
            }),
          (_now, outcome) => outcome,
        ),
    },
  };
  return behavior;
}

function front(next: Ref<DigestProtocol>) {
  const behavior: Behavior<DigestProtocol, Record<never, never>, undefined, undefined> = {
    name: "front",
    init: () => undefined,
    handlers: {
      // Much longer than any caller here waits: what ends the work is what it inherits.
      digest: async (_state, request, ctx) => {
        const answer = await next.call("digest", request, { timeoutMs: 1000 * second, within: ctx });
        return answer.ok ? answer : fail({ code: "pool.task-failed", cause: answer.failure.code });
      },
    },
  };
  return behavior;
}

async function serve(context: TestContext): Promise<Served> {
  const world = await startWorld();
  const { clock } = world;
  const shared = testMachine();
  const machine = new Machine({
    ...shared.machine,
    clock,
    scheduler: realScheduler,
    bus: shared.bus,
    log: silentLog,
    metrics: shared.metrics,
  });
  const workerFile = new URL("../seams/broken-worker.ts", import.meta.url);
  const cpu = createRealCpu({ clock, threads: 1, workerFile });
  context.after(() => cpu.close());
  const bytes = sharedBytes(marks);
  const outcomes: PoolFailure["code"][] = [];

  const options = { machine: { ...shared, machine, clock } };
  const seen = (outcome: Result<unknown, PoolFailure>): void => {
    if (!outcome.ok) outcomes.push(outcome.failure.code);
  };
  const { ref: backRef } = await startActor(back(cpu, bytes, seen), undefined, options);
  const { actor } = await startActor(front(backRef), undefined, options);
  world.store.handle = (request, inherited) => actor.call("digest", request, inherited);

  const busyBytes = sharedBytes(waits);
  const busy = cpu.run("digest", { bytes: busyBytes }, forever);
  const free = async (): Promise<void> => {
    Atomics.store(lastWord(busyBytes), 0, 1);
    Atomics.notify(lastWord(busyBytes), 0);
    await busy;
  };
  await clock.settle();
  return { ...world, bytes, outcomes, free };
}

/** Turns of the real event loop too: actors run on it here. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("link: what a call inherits as far as the pool", () => {
  it("a deadline: a job that waits there leaves the line with it, and never runs", async (context) => {
    const { ref, clock, outcomes, bytes, free } = await serve(context);

    const answer = ref.call("ask", {}, { timeoutMs: 100 });
    await clock.advance(50);
    await turns();
    assert.deepEqual(outcomes, []);
    await clock.advance(70);
    await turns();

    assert.deepEqual(await answer, fail({ code: "runtime.call-timeout", actor: "store", executed: "maybe" }));
    assert.deepEqual(outcomes, ["pool.expired"]);
    await free();
    assert.equal(bytes[1], 0);
  });

  it("that the caller is gone: likewise, at once", async (context) => {
    const { ref, clock, outcomes, bytes, free } = await serve(context);
    const leaving = new AbortController();

    const answer = ref.call("ask", {}, { timeoutMs: 100 * second, within: { ...forever, signal: leaving.signal } });
    await clock.settle();
    await turns();
    leaving.abort();
    await clock.settle();
    await turns();

    assert.deepEqual(await answer, fail({ code: "runtime.cancelled", actor: "store", executed: "maybe" }));
    assert.deepEqual(outcomes, ["pool.expired"]);
    await free();
    assert.equal(bytes[1], 0);
  });

  it("nothing more: a job whose caller still waits runs, and its answer comes back", async (context) => {
    const { ref, clock, outcomes, bytes, free } = await serve(context);

    const answer = ref.call("ask", {}, { timeoutMs: 100 });
    await clock.advance(50);
    await turns();
    await free();

    assert.equal((await answer).ok, true);
    assert.equal(bytes[1], 1);
    assert.deepEqual(outcomes, []);
  });
});
