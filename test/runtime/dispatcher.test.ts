/** The dispatcher on the real event loop: however busily actors talk, timers and sockets are served. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Dispatcher, type Runnable, SLOT_TURNS_MAX } from "#runtime/dispatcher.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";

describe("dispatcher: a volley without end", () => {
  it("lets macrotasks run between bursts", async () => {
    const dispatcher = new Dispatcher({ clock: realClock, scheduler: realScheduler });
    let slots = 0;
    let isOver = false;
    const player: Runnable = {
      runSlot: () => {
        slots += 1;
        // Like two actors that answer each other through promises: ready again a microtask later.
        if (!isOver) queueMicrotask(() => dispatcher.enqueue(player));
        return SLOT_TURNS_MAX;
      },
    };
    dispatcher.enqueue(player);

    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    isOver = true;

    assert(slots > 0, "the volley was running");
  });

  it("gives the loop back once turns become long, however short they were before", async () => {
    const over: (() => void)[] = [];
    const scheduler = { microtask: queueMicrotask, macrotask: (run: () => void) => void over.push(run) };
    let turnMs = 0;
    let nowMs = 0;
    const dispatcher = new Dispatcher({ clock: { ...realClock, nowMs: () => nowMs }, scheduler });
    let turns = 0;
    const player: Runnable = {
      runSlot: () => {
        turns += 1;
        nowMs += turnMs;
        dispatcher.enqueue(player);
        return 1;
      },
    };
    dispatcher.enqueue(player);
    const burst = async (ms: number): Promise<number> => {
      turnMs = ms;
      const before = turns;
      over.pop()?.();
      await undefined;
      return turns - before;
    };

    const bursts = [await burst(0), await burst(0), await burst(3), await burst(3), await burst(0), await burst(0)];

    // Two turns, which is 6 ms.
    assert.deepEqual(bursts, [1024, 1024, 2, 2, 1024, 1024]);
  });

  it("starts anew in each pass of the loop: what comes seldom never waits for a macrotask", async () => {
    const dispatcher = new Dispatcher({ clock: realClock, scheduler: realScheduler });
    for (let pass = 0; pass < 100; pass += 1) {
      let hasRun = false;
      dispatcher.enqueue({
        runSlot: () => {
          hasRun = true;
          return SLOT_TURNS_MAX;
        },
      });
      await undefined;
      assert.equal(hasRun, true, `pass ${pass}`);
      await new Promise(setImmediate);
    }
  });

  it("runs every actor that stands in line, in that order", async () => {
    const dispatcher = new Dispatcher({ clock: realClock, scheduler: realScheduler });
    const ran: number[] = [];
    for (let id = 0; id < 100; id += 1) dispatcher.enqueue({ runSlot: () => ran.push(id) - ran.length + 1 });

    await Promise.resolve();

    assert.deepEqual(
      ran,
      Array.from({ length: 100 }, (_, id) => id),
    );
  });
});
