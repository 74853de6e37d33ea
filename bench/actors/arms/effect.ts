/** Effect: a fiber that takes from a bounded queue, and a Deferred for each answer, as its documentation builds actors. */
import { type Arm, burstsOf, IN_FLIGHT, MAILBOX_CAPACITY, type Run } from "#bench/actors/arm.ts";
import { importPeer } from "#bench/peer-package.ts";

/** `yield*` gives its value. */
interface Effect<Value> {
  [Symbol.iterator](): Iterator<unknown, Value>;
}

type Opaque = { readonly opaque: never };
type Queue = Opaque;
type Deferred = Opaque;
type Fiber = Opaque;

interface Effects {
  gen<Value>(body: () => Generator<unknown, Value>): Effect<Value>;
  flatMap<First, Value>(first: Effect<First>, next: (value: First) => Effect<Value>): Effect<Value>;
  andThen<Value>(first: Effect<unknown>, next: Effect<Value>): Effect<Value>;
  forEach<Item>(
    items: Iterable<Item>,
    each: (item: Item) => Effect<unknown>,
    options: { readonly concurrency: number; readonly discard: true },
  ): Effect<void>;
  forkDetach(effect: Effect<unknown>, options: { readonly startImmediately: true }): Effect<Fiber>;
  ensuring<Value>(effect: Effect<Value>, last: Effect<unknown>): Effect<Value>;
  sync<Value>(make: () => Value): Effect<Value>;
  runPromise<Value>(effect: Effect<Value>): Promise<Value>;
}

interface Queues {
  bounded(capacity: number): Effect<Queue>;
  offer(queue: Queue, message: Added): Effect<boolean>;
  take(queue: Queue): Effect<Added>;
}

interface Deferreds {
  make(): Effect<Deferred>;
  await(deferred: Deferred): Effect<number>;
  succeed(deferred: Deferred, value: number): Effect<boolean>;
}

interface Fibers {
  interrupt(fiber: Fiber): Effect<void>;
}

interface Added {
  readonly amount: number;
  readonly reply?: Deferred;
}

const { Effect, Queue, Deferred, Fiber } = await importPeer<{
  readonly Effect: Effects;
  readonly Queue: Queues;
  readonly Deferred: Deferreds;
  readonly Fiber: Fibers;
}>("effect");
const one: Added = { amount: 1 };

export const arm: Arm = {
  works: {
    "call-sequential": () =>
      withCounter((counter, count) =>
        Effect.gen(function* () {
          for (let left = count; left > 0; left -= 1) yield* add(counter, 1);
        }),
      ),

    "call-64": () =>
      withCounter((counter, count) =>
        inFlight(() =>
          Effect.gen(function* () {
            for (let left = count / IN_FLIGHT; left > 0; left -= 1) yield* add(counter, 1);
          }),
        ),
      ),

    cast: () =>
      withCounter((counter, count) =>
        Effect.gen(function* () {
          for (const burst of burstsOf(count)) {
            for (let left = burst; left > 0; left -= 1) yield* Queue.offer(counter, one);
            yield* add(counter, 0);
          }
        }),
      ),

    spawn: async () => async (count) => {
      let stopped = 0;
      const last = Effect.sync(() => {
        stopped += 1;
      });
      const lives = Effect.gen(function* () {
        for (let left = count / IN_FLIGHT; left > 0; left -= 1) {
          const queue = yield* Queue.bounded(MAILBOX_CAPACITY);
          const fiber = yield* Effect.forkDetach(Effect.ensuring(serve(queue), last), { startImmediately: true });
          yield* Fiber.interrupt(fiber);
        }
      });
      await Effect.runPromise(inFlight(() => lives));
      return stopped;
    },
  },

  populate: async (count) => {
    const counters: Queue[] = [];
    const start = Effect.gen(function* () {
      for (let index = 0; index < count; index += 1) counters.push(yield* startCounter());
    });
    await Effect.runPromise(start);
    const wake = Effect.gen(function* () {
      let handled = 0;
      for (const counter of counters) handled += yield* add(counter, 1);
      return handled;
    });
    return { wake: () => Effect.runPromise(wake) };
  },
};

async function withCounter(work: (counter: Queue, count: number) => Effect<void>): Promise<Run> {
  const counter = await Effect.runPromise(startCounter());
  return (count) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const before = yield* add(counter, 0);
        yield* work(counter, count);
        return (yield* add(counter, 0)) - before;
      }),
    );
}

function startCounter(): Effect<Queue> {
  return Effect.gen(function* () {
    const queue = yield* Queue.bounded(MAILBOX_CAPACITY);
    yield* Effect.forkDetach(serve(queue), { startImmediately: true });
    return queue;
  });
}

function serve(queue: Queue): Effect<never> {
  return Effect.gen(function* () {
    let sum = 0;
    for (;;) {
      const { amount, reply } = yield* Queue.take(queue);
      sum += amount;
      if (reply !== undefined) yield* Deferred.succeed(reply, sum);
    }
  });
}

/** Twice as fast as the same in a generator. For `serve` it is the other way round. */
function add(counter: Queue, amount: number): Effect<number> {
  return Effect.flatMap(Deferred.make(), (reply) =>
    Effect.andThen(Queue.offer(counter, { amount, reply }), Deferred.await(reply)),
  );
}

function inFlight(lane: () => Effect<void>): Effect<void> {
  return Effect.forEach(Array.from({ length: IN_FLIGHT }), lane, { concurrency: IN_FLIGHT, discard: true });
}
