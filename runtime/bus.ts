/**
 * A lossy broadcast: one ring, one cursor per subscriber (seed 003 §2.2).
 *
 * Invariants:
 * - `publish` never waits and never fails;
 * - a subscriber sees events in the order they were published, and learns how many it missed;
 * - what a subscriber missed is counted: as lag when it learns of it, as overflow when the ring passed it.
 *
 * No correctness rests on it: what must arrive is a message.
 */
import type { Clock } from "#runtime/clock.ts";
import { assert } from "#runtime/errors.ts";
import type { Counter, Metrics } from "#runtime/telemetry/metrics.ts";

/** Events kept for slow subscribers (seed 003 §2.2). */
export const BUS_CAPACITY = 4096;
/** Shortest time between two `bus-overflow` announcements. */
export const BUS_OVERFLOW_INTERVAL_MS = 5000;

/** `capacity` is the events kept for slow subscribers, 4096 by default. */
export interface BusOptions {
  readonly capacity?: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Called at most once per `BUS_OVERFLOW_INTERVAL_MS` while events are being lost. */
  readonly onOverflow?: () => void;
}

/** An event as one subscriber gets it. */
export interface Received<Event> {
  readonly event: Event;
  /** Events that this subscriber lost just before this one. */
  readonly laggedCount: number;
}

/** One subscriber's place on a bus. It has one consumer, which takes or waits; `close` it when nobody reads on. */
export class Subscription<Event> {
  cursor: number;
  readonly #bus: Bus<Event>;
  #waiting: ((received: Received<Event> | undefined) => void) | undefined;
  #closed = false;

  constructor(bus: Bus<Event>, cursor: number) {
    this.#bus = bus;
    this.cursor = cursor;
  }

  /** The next event, if one is there; none once closed: what the ring passes is counted only for those who are there. */
  take(): Received<Event> | undefined {
    return this.#closed ? undefined : this.#bus.read(this);
  }

  /** Waits for the next event; undefined once closed. One waiter at a time. */
  next(): Promise<Received<Event> | undefined> {
    assert(this.#waiting === undefined, "a subscription has one consumer");
    const received = this.take();
    if (received !== undefined || this.#closed) return Promise.resolve(received);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Called by the bus after a publish. */
  wake(): void {
    const resolve = this.#waiting;
    if (resolve === undefined) return;
    this.#waiting = undefined;
    resolve(this.take());
  }

  close(): void {
    this.#closed = true;
    this.#bus.unsubscribe(this);
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.(undefined);
  }
}

/** The broadcast itself. Publishers never wait; a subscriber that is `capacity` events behind loses the oldest. */
export class Bus<Event> {
  readonly #ring: (Event | undefined)[];
  readonly #subscriptions = new Set<Subscription<Event>>();
  readonly #clock: Clock;
  readonly #onOverflow: () => void;
  readonly #lagged: Counter;
  readonly #dropped: Counter;
  #published = 0;
  #overflowAnnouncedMs = Number.NEGATIVE_INFINITY;

  constructor({ capacity = BUS_CAPACITY, clock, metrics, onOverflow = () => undefined }: BusOptions) {
    assert(Number.isInteger(capacity) && capacity > 0, "a bus keeps at least one event");
    this.#ring = new Array<Event | undefined>(capacity);
    this.#clock = clock;
    this.#onOverflow = onOverflow;
    this.#lagged = metrics.counter("bus_lagged_total", "Events that a subscriber learned it had missed.");
    this.#dropped = metrics.counter("bus_overflow_dropped_total", "Events overwritten before a subscriber read them.");
  }

  get capacity(): number {
    return this.#ring.length;
  }

  publish(event: Event): void {
    const overwritten = this.#published - this.capacity;
    this.#ring[this.#published % this.capacity] = event;
    this.#published += 1;
    let lost = 0;
    for (const subscription of this.#subscriptions) {
      if (subscription.cursor <= overwritten) lost += 1;
      subscription.wake();
    }
    if (lost > 0) this.#overflowed(lost);
  }

  /** Starts with the next event published. */
  subscribe(): Subscription<Event> {
    const subscription = new Subscription<Event>(this, this.#published);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  unsubscribe(subscription: Subscription<Event>): void {
    this.#subscriptions.delete(subscription);
  }

  /** For `Subscription` alone: reads at its cursor and moves it. */
  read(subscription: Subscription<Event>): Received<Event> | undefined {
    if (subscription.cursor === this.#published) return undefined;
    const oldest = Math.max(0, this.#published - this.capacity);
    const laggedCount = Math.max(0, oldest - subscription.cursor);
    if (laggedCount > 0) {
      this.#lagged.add(laggedCount);
      subscription.cursor = oldest;
    }
    const event = this.#ring[subscription.cursor % this.capacity];
    assert(event !== undefined, "the ring holds every event behind its head");
    subscription.cursor += 1;
    return { event, laggedCount };
  }

  #overflowed(lost: number): void {
    this.#dropped.add(lost);
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#overflowAnnouncedMs < BUS_OVERFLOW_INTERVAL_MS) return;
    this.#overflowAnnouncedMs = nowMs;
    this.#onOverflow();
  }
}
