/** Waiting for the operator, on a process that a test sends signals to. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ThisProcess } from "#runtime/processes.ts";
import { waitForCtrlC } from "#runtime/shutdown-signal.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
type Signal = (typeof SIGNALS)[number];

interface Listened {
  readonly self: ThisProcess;
  /** Listeners of each signal, after every change. */
  readonly counts: Record<Signal, number[]>;
  send(signal: Signal): void;
}

function listened(): Listened {
  const listeners: Record<string, (() => void)[]> = { SIGINT: [], SIGTERM: [] };
  const counts: Record<Signal, number[]> = { SIGINT: [], SIGTERM: [] };
  const note = (): void => {
    for (const signal of SIGNALS) counts[signal].push(listeners[signal]?.length ?? 0);
  };
  const onSignal = (signal: string, run: () => void): (() => void) => {
    listeners[signal]?.push(run);
    note();
    return () => {
      listeners[signal] = (listeners[signal] ?? []).filter((one) => one !== run);
      note();
    };
  };
  const send = (signal: Signal): void => {
    for (const run of listeners[signal] ?? []) run();
  };
  return { self: { onSignal } as unknown as ThisProcess, counts, send };
}

const settle = (): Promise<void> => new ManualClock().settle();

describe("shutdown signal: waitForCtrlC", () => {
  for (const [first, second] of [SIGNALS, ["SIGTERM", "SIGINT"]] as const) {
    it(`settles at the first signal, and leaves no moment without a listener to who waits again (${first})`, async () => {
      const { self, counts, send } = listened();
      const heard: string[] = [];
      void waitForCtrlC(self).then(() => {
        heard.push("first");
        void waitForCtrlC(self).then(() => heard.push("second"));
      });
      await settle();
      assert.deepEqual(heard, []);
      for (const signal of SIGNALS) counts[signal].length = 0;

      send(first);
      await settle();

      assert.deepEqual(heard, ["first"]);
      for (const signal of SIGNALS) {
        assert.equal(Math.min(...counts[signal]), 1, signal);
        assert.equal(counts[signal].at(-1), 1, signal);
      }
      send(second);
      await settle();
      assert.deepEqual(heard, ["first", "second"]);
    });
  }

  it("gives the signals back when nobody waits again", async () => {
    const { self, counts, send } = listened();
    const waiting = waitForCtrlC(self);

    send("SIGINT");
    send("SIGINT");
    await waiting;
    await settle();

    assert.deepEqual([counts.SIGINT.at(-1), counts.SIGTERM.at(-1)], [0, 0]);
  });
});
