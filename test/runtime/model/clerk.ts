/**
 * The actor of the model: it does each thing that an actor can do, and writes everything into the book.
 */
import type { ActorContext, Behavior } from "#runtime/behavior.ts";
import type { Clock } from "#runtime/clock.ts";
import { Defect, ok } from "#runtime/errors.ts";
import type { Call, Cast, Idempotent } from "#runtime/protocol.ts";
import type { Down, Within } from "#runtime/ref.ts";
import type { Book, Life } from "#test/runtime/model/book.ts";

/** What every call says; most need only a part of it. */
interface Errand {
  readonly id: number;
  readonly forMs: number;
  /** Who is to be called. */
  readonly to: string;
}

/** What every cast says. */
interface Notice {
  readonly id: number;
  readonly afterMs: number;
  /** Who is to be watched. */
  readonly target: string;
}

export interface ClerkProtocol {
  /** Answered in the same turn. */
  now: Call<Errand, number>;
  /** Holds the mailbox meanwhile. */
  held: Call<Errand, number>;
  /** Frees the mailbox meanwhile. */
  task: Call<Errand, number>;
  /** Calls another clerk, within its own deadline, and then answers. */
  relay: Call<Errand, number>;
  /** Crashes. */
  die: Call<Errand, number>;
  /** Crashes in the first `forMs` / 100 lives that have it in hand. */
  stumble: Call<Errand, number> & Idempotent;
  note: Cast<Notice>;
  /** Watches another clerk. */
  watch: Cast<Notice>;
  /** Sets a timer. */
  alarm: Cast<Notice>;
}

export interface ClerkDeps {
  readonly name: string;
  readonly book: Book;
  /** Calls `to` from inside this clerk. */
  readonly relay: (to: string, within: Within) => Promise<void>;
  readonly monitor: (target: string, onDown: (down: Down) => void) => () => void;
}

interface ClerkState extends ClerkDeps {
  readonly life: Life;
}

type ClerkContext = ActorContext<Record<never, never>, ClerkState>;

export const clerkBehavior: Behavior<ClerkProtocol, Record<never, never>, ClerkDeps, ClerkState> = {
  name: "clerk",

  init: async (deps, ctx) => {
    const { name, book } = deps;
    book.opened(name);
    ctx.scope.add(() => void book.open.set(name, (book.open.get(name) ?? 0) - 1));
    const slowMs = book.slowness.get(name) ?? 0;
    if (slowMs > 0) await pause(ctx.clock, slowMs);
    const failing = book.failingStarts.get(name) ?? 0;
    if (failing > 0) {
      book.failingStarts.set(name, failing - 1);
      throw new Defect("it does not start");
    }
    // Its actor was stopped meanwhile, and will never hear of this life.
    const hasEnded = ctx.signal.aborted;
    return { ...deps, life: book.begin(name, ctx.incarnation, hasEnded) };
  },

  idempotent: { stumble: true },

  handlers: {
    now: (state, { id }) => {
      state.book.handled(id, state.life);
      return ok(id);
    },

    held: async ({ book, life }, { id, forMs }, ctx) => {
      book.handled(id, life);
      life.isBusy = true;
      await working(life, () => pause(ctx.clock, forMs));
      life.isBusy = false;
      return ok(id);
    },

    task: (state, { id, forMs }, ctx) => {
      state.book.handled(id, state.life);
      return during(state, ctx, id, () => pause(ctx.clock, forMs));
    },

    relay: (state, { id, to }, ctx) => {
      state.book.handled(id, state.life);
      return during(state, ctx, id, (within) => state.relay(to, within));
    },

    die: ({ book, life }, { id }) => {
      book.handled(id, life);
      throw new Defect("told to die");
    },

    stumble: ({ book, life }, { id, forMs }) => {
      if (book.handled(id, life) * 100 <= forMs) throw new Defect("it stumbles");
      return ok(id);
    },

    note: ({ book, life }, { id }) => {
      book.handled(id, life);
    },

    watch: ({ book, life, monitor }, { id, target }, ctx) => {
      book.handled(id, life);
      const promised = book.promise(`the DOWN of ${target}`, life);
      ctx.monitor({ monitor: (onDown) => monitor(target, onDown) }, (_state, down) => book.told(promised, down));
    },

    alarm: ({ book, life }, { id, afterMs }, ctx) => {
      book.handled(id, life);
      const promised = book.promise(`an alarm after ${afterMs} ms`, life, ctx.clock.nowMs() + afterMs);
      ctx.after(afterMs, () => book.told(promised));
    },
  },

  terminate: async ({ name, book, life }, _reason, ctx) => {
    book.terminated(life);
    const slowMs = book.slowness.get(name) ?? 0;
    if (slowMs > 0) await pause(ctx.clock, slowMs);
  },
};

/** A task, the end of which is a control turn that must not be lost. */
function during(state: ClerkState, ctx: ClerkContext, id: number, wait: (within: Within) => Promise<void>) {
  const { book, life } = state;
  const promised = book.promise(`the end of task ${id}`, life);
  life.taskCount += 1;
  return ctx.later(
    async (within) => {
      await working(life, () => wait(within));
      promised.dueMs = ctx.clock.nowMs();
    },
    () => {
      life.taskCount -= 1;
      book.told(promised);
      return ok(id);
    },
  );
}

async function working(life: Life, work: () => Promise<void>): Promise<void> {
  life.workCount += 1;
  await work();
  life.workCount -= 1;
}

function pause(clock: Clock, forMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(forMs, resolve));
}
