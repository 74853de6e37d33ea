/** Bugs of the bus that are seen because its model does not allow what comes of them. */
import type { Plant } from "#test/kit/planted.ts";

const bySeed = {
  file: "runtime/bus.ts",
  check: { file: "test/chaos/models/bus-run.test.ts", test: "are runs of its model, by seed" },
  says: "the last of these is no consequence of those before",
} as const;

const inEveryOrder = {
  ...bySeed,
  check: {
    ...bySeed.check,
    test: "are runs of its model, in every order of a few calls within a few preemptions",
  },
} as const;

export const BUS_PLANTS: readonly Plant[] = [
  {
    ...bySeed,
    name: "what the ring passes is not counted",
    from: "this.#dropped.add(lost);",
    to: "",
  },
  {
    ...bySeed,
    name: "what the ring passes is counted, whoever has read it",
    from: "if (subscription.cursor <= overwritten) lost += 1;",
    to: "if (overwritten >= 0) lost += 1;",
  },
  {
    ...bySeed,
    name: "what a subscriber learns it has missed is not counted",
    from: "this.#lagged.add(laggedCount);",
    to: "",
  },
  {
    ...bySeed,
    name: "what a subscriber has missed is counted, and it is not told",
    from: "return { event, laggedCount };",
    to: "return { event, laggedCount: 0 };",
  },
  {
    ...bySeed,
    name: "a full ring drops the newest for a slow subscriber, and not the oldest",
    from: "this.#ring[this.#published % this.capacity] = event;",
    to: "const isLate = [...this.#subscriptions].some(({ cursor }) => cursor <= overwritten);\n    if (!isLate) this.#ring[this.#published % this.capacity] = event;",
  },
  {
    ...bySeed,
    name: "a publisher waits for a slow subscriber",
    from: "const overwritten = this.#published - this.capacity;",
    to: "const overwritten = this.#published - this.capacity;\n    if ([...this.#subscriptions].some(({ cursor }) => cursor <= overwritten)) return void this.#clock.after(10_000, () => this.publish(event));",
  },
  {
    ...bySeed,
    name: "a publication wakes nobody",
    from: "      subscription.wake();",
    to: "",
  },
  {
    ...inEveryOrder,
    name: "a publication wakes nobody, in some order",
    from: "      subscription.wake();",
    to: "",
  },
  {
    ...bySeed,
    name: "who waits is woken when the publisher has gone on",
    from: "      subscription.wake();",
    to: "      queueMicrotask(() => subscription.wake());",
  },
  {
    ...bySeed,
    name: "who is woken is given the event once more",
    from: "resolve(this.take());",
    to: "resolve(this.take());\n    this.cursor -= 1;",
  },
  {
    ...bySeed,
    name: "who comes later is given what was before",
    from: "new Subscription<Event>(this, this.#published);",
    to: "new Subscription<Event>(this, Math.max(0, this.#published - 1));",
  },
  {
    ...bySeed,
    name: "a closed subscription is read on, and what it learns was not counted",
    from: "return this.#closed ? undefined : this.#bus.read(this);",
    to: "return this.#bus.read(this);",
  },
  {
    ...inEveryOrder,
    name: "a closed subscription is read on",
    from: "return this.#closed ? undefined : this.#bus.read(this);",
    to: "return this.#bus.read(this);",
  },
  {
    ...bySeed,
    name: "who waits is not told of the end",
    from: "resolve?.(undefined);",
    to: "",
  },
  {
    ...bySeed,
    name: "losses of those who have closed are counted on",
    from: "this.#bus.unsubscribe(this);",
    to: "",
  },
];
