/** A machine whose turns an explorer orders, and an actor on it that notes what it handles. */
import { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { ok } from "#runtime/errors.ts";
import { Machine } from "#runtime/machine.ts";
import type { MailboxOptions } from "#runtime/mailbox.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Down, Ref } from "#runtime/ref.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import type { Play } from "#runtime/simulated/explore.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { silentLog } from "#test/kit/actor.ts";

export interface NoterProtocol {
  /** Notes, and answers with what it was asked. */
  ask: Call<string, string>;
  note: Cast<string>;
  /** Notes, and answers when a task is over. */
  task: Call<string, string>;
  /** Notes, asks the actor that it was made with, within what is left of its own time, and hands on the answer. */
  forward: Call<string, string>;
  /** Notes, and dies. */
  die: Cast<string>;
  /** Watches the actor that it was made with, and notes its DOWN. */
  watch: Cast<string>;
}

export interface Noter {
  readonly actor: Actor;
  readonly ref: Ref<NoterProtocol>;
  /** Everything it has begun to handle, over all its lives. */
  readonly noted: readonly string[];
  readonly downs: readonly Down[];
}

export interface Stage {
  readonly clock: ManualClock;
  readonly machine: Machine;
  readonly metrics: Metrics;
  noter(name: string, options?: Partial<MailboxOptions> & { readonly target?: Actor }): Promise<Noter>;
}

interface NoterDeps {
  readonly noted: string[];
  readonly downs: Down[];
  readonly target: Actor | undefined;
}

/** Each handler holds the mailbox for a moment, so that each message has a slot of its own. */
const noterBehavior: Behavior<NoterProtocol, Record<never, never>, NoterDeps, NoterDeps> = {
  name: "noter",
  init: (deps) => deps,
  handlers: {
    ask: async ({ noted }, text) => {
      noted.push(text);
      return ok(text);
    },
    note: async ({ noted }, text) => {
      noted.push(text);
    },
    task: ({ noted }, text, ctx) => {
      noted.push(text);
      return ctx.later(
        async () => text,
        async (_state, done) => ok(done),
      );
    },
    forward: ({ noted, target }, text, ctx) => {
      noted.push(text);
      return ctx.later(
        async (within) => await target?.ref<NoterProtocol>().call("ask", text, { timeoutMs: 40, within }),
        async (_state, answer) => ok(answer?.ok === true ? answer.value : `not ${text}`),
      );
    },
    die: async ({ noted }, text) => {
      noted.push(text);
      throw new TypeError(text);
    },
    watch: async ({ noted, target }, text, ctx) => {
      noted.push(text);
      if (target === undefined) return;
      ctx.monitor(target, async (state, down) => {
        state.downs.push(down);
      });
    },
  },
};

export function stage(play: Play): Stage {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const random = seededRandom(1);
  const machine = new Machine({
    clock,
    random,
    scheduler: seededScheduler(random),
    bus: new Bus({ clock, metrics }),
    log: silentLog,
    metrics,
    runQueue: play,
  });
  return {
    clock,
    machine,
    metrics,
    noter: async (name, { capacity = 8, overflow = "reject", target } = {}) => {
      const noted: string[] = [];
      const downs: Down[] = [];
      const deps: NoterDeps = { noted, downs, target };
      const behavior = noterBehavior as unknown as Behavior<never, never, never, never>;
      const mailbox = { capacity, overflow };
      const actor = new Actor({ name, behavior, deps, mailbox, laterMax: 4, shutdownMs: 1000 }, machine);
      await actor.start();
      return { actor, ref: actor.ref<NoterProtocol>(), noted, downs };
    },
  };
}
