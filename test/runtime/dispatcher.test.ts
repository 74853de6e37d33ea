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
