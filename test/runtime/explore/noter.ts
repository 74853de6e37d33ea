/** The actor of the explored programs: it notes what it handles. */
import type { Behavior } from "#runtime/behavior.ts";
import { ok } from "#runtime/errors.ts";
import type { Overflow } from "#runtime/mailbox.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { Down, Ref } from "#runtime/ref.ts";
import type { ExploredActor, ExploredCell } from "#runtime/simulated/explored-cell.ts";

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
  readonly actor: ExploredActor<NoterProtocol>;
  readonly ref: Ref<NoterProtocol>;
  /** Everything it has begun to handle, over all its lives. */
  readonly noted: readonly string[];
  readonly downs: readonly Down[];
}

export interface NoterOptions {
  readonly mailboxCapacity?: number;
  readonly overflow?: Overflow;
  /** Whom it watches, and asks. */
  readonly target?: Ref<NoterProtocol>;
}

interface NoterDeps {
  readonly noted: string[];
  readonly downs: Down[];
  readonly target: Ref<NoterProtocol> | undefined;
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
        async (within) => await target?.call("ask", text, { timeoutMs: 40, within }),
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

export async function startNoter(cell: ExploredCell, name: string, options: NoterOptions = {}): Promise<Noter> {
  const noted: string[] = [];
  const downs: Down[] = [];
  const { target, ...limits } = options;
  const actor = await cell.start({ ...noterBehavior, name }, { noted, downs, target }, limits);
  return { actor, ref: actor.ref, noted, downs };
}
