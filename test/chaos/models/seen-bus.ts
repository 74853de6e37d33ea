/**
 * A real bus, its subscribers, and what is seen of them: at rest, or in the middle of calls that follow each other without an
 * await.
 *
 * Events are their own numbers. While events are lost the bus says so at its own pace, and each time one is published in
 * answer, from within: as a node announces it.
 */
import assert from "node:assert/strict";
import type { BusLook, SeenSubscriber } from "#chaos/models/bus-run.ts";
import { Bus, type Received, type Subscription } from "#runtime/bus.ts";
import type { Clock } from "#runtime/clock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";

export interface SeenBusOptions {
  readonly capacity: number;
  readonly clock: Clock;
  /** Of those who may come. */
  readonly names: readonly string[];
  /** Whether an overflow is announced on the bus itself. */
  readonly announces: boolean;
}

export class SeenBus {
  readonly looks: BusLook[] = [];
  readonly #bus: Bus<number>;
  readonly #metrics = new Metrics();
  readonly #counted = new Map<string, number>();
  readonly #listeners: ReadonlyMap<string, Listener>;
  #publishedCount = 0;

  constructor({ capacity, clock, names, announces }: SeenBusOptions) {
    const onOverflow = (): void => {
      if (!announces) return;
      this.look({ rests: false });
      this.publish();
    };
    this.#bus = new Bus({ capacity, clock, metrics: this.#metrics, onOverflow });
    this.#listeners = new Map(names.map((name) => [name, new Listener(name)]));
    this.look({ rests: true });
  }

  look({ rests }: { readonly rests: boolean }): void {
    for (const { name, value } of this.#metrics.takeDeltas())
      this.#counted.set(name, (this.#counted.get(name) ?? 0) + value);
    this.looks.push({
      rests,
      published: this.#publishedCount,
      dropped: this.#counted.get("bus_overflow_dropped_total") ?? 0,
      learned: this.#counted.get("bus_lagged_total") ?? 0,
      subscribers: [...this.#listeners.values()].map((listener) => listener.seen()),
    });
  }

  publish(): void {
    this.#publishedCount += 1;
    this.#bus.publish(this.#publishedCount);
  }

  subscribe(name: string): void {
    this.listener(name).subscribe(this.#bus.subscribe(), this.#publishedCount);
  }

  listener(name: string): Listener {
    const listener = this.#listeners.get(name);
    assert(listener !== undefined, `${name} is one of those who may come`);
    return listener;
  }
}

export class Listener {
  readonly #name: string;
  #subscription: Subscription<number> | undefined;
  #isWaiting = false;
  #isClosed = false;
  #first = 0;
  #heard = 0;
  #heardCount = 0;
  #lagged = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get place(): SeenSubscriber["place"] {
    if (this.#subscription === undefined) return "away";
    if (this.#isWaiting) return "waiting";
    return this.#isClosed ? "closed" : "reading";
  }

  subscribe(subscription: Subscription<number>, publishedCount: number): void {
    this.#subscription = subscription;
    this.#first = publishedCount;
    this.#heard = publishedCount;
  }

  take(): void {
    this.#hear(this.#subscription?.take());
  }

  async next(): Promise<void> {
    this.#isWaiting = true;
    const received = await this.#subscription?.next();
    this.#isWaiting = false;
    this.#hear(received);
  }

  close(): void {
    this.#isClosed = true;
    this.#subscription?.close();
  }

  seen(): SeenSubscriber {
    return {
      name: this.#name,
      place: this.place,
      cursor: this.#subscription?.cursor ?? 0,
      first: this.#first,
      heard: this.#heard,
      heardCount: this.#heardCount,
      lagged: this.#lagged,
    };
  }

  #hear(received: Received<number> | undefined): void {
    if (received === undefined) return;
    this.#heard = received.event;
    this.#heardCount += 1;
    this.#lagged += received.laggedCount;
  }
}
