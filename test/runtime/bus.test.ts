/** The bus: it never waits, keeps order, and says what was missed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BUS_CAPACITY, BUS_OVERFLOW_INTERVAL_MS, Bus, type Subscription } from "#runtime/bus.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";

function start(capacity = 3) {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const overflows: number[] = [];
  const bus = new Bus<number>({ capacity, clock, metrics, onOverflow: () => overflows.push(clock.nowMs()) });
  const counted = (name: string): number => {
    const deltas = metrics.takeDeltas().filter((delta) => delta.name === name);
    return deltas.reduce((sum, { value }) => sum + value, 0);
  };
  return { clock, bus, overflows, counted };
}

/** Everything that is there to take, as `[event, laggedCount]`. */
function drain(subscription: Subscription<number>): readonly (readonly [number, number])[] {
  const received: [number, number][] = [];
  for (let next = subscription.take(); next !== undefined; next = subscription.take()) {
    received.push([next.event, next.laggedCount]);
  }
  return received;
}

describe("bus: publish and take", () => {
  it("gives each subscriber every event since it subscribed, in order", () => {
    const { bus } = start();
    bus.publish(0);
    const early = bus.subscribe();
    bus.publish(1);
    const late = bus.subscribe();
    bus.publish(2);

    assert.deepEqual(drain(early), [
      [1, 0],
      [2, 0],
    ]);
    assert.deepEqual(drain(late), [[2, 0]]);
    assert.deepEqual(drain(late), []);
  });

  it("keeps as many events as the capacity, and drops the oldest at one more", () => {
    const { bus, counted } = start(3);
    const subscription = bus.subscribe();
    for (const event of [1, 2, 3]) bus.publish(event);
    const atLimit = drain(subscription);
    for (const event of [4, 5, 6, 7]) bus.publish(event);

    assert.deepEqual(atLimit, [
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    assert.deepEqual(drain(subscription), [
      [5, 1],
      [6, 0],
      [7, 0],
    ]);
    assert.equal(counted("bus_lagged_total"), 1);
  });

  it("counts every overwritten event once per subscriber that had not read it", () => {
    const { bus, counted } = start(2);
    bus.subscribe();
    bus.subscribe();

    for (const event of [1, 2, 3, 4]) bus.publish(event);

    assert.equal(counted("bus_overflow_dropped_total"), 4);
  });

  it("has the capacity of the specification by default", () => {
    const bus = new Bus<number>({ clock: new ManualClock(), metrics: new Metrics() });

    assert.equal(bus.capacity, BUS_CAPACITY);
    assert.equal(BUS_CAPACITY, 4096);
  });

  it("agrees with an array of all events and a cursor for each subscriber", () => {
    const steps = fc.array(fc.constantFrom("publish", "publish", "take-0", "take-1"), { maxLength: 100, size: "max" });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps, (capacity, script) => {
        const { bus } = start(capacity);
        const subscriptions = [bus.subscribe(), bus.subscribe()];
        const cursors = [0, 0];
        let published = 0;
        for (const step of script) {
          if (step === "publish") {
            bus.publish(published);
            published += 1;
            continue;
          }
          const who = step === "take-0" ? 0 : 1;
          const cursor = cursors[who] ?? 0;
          const oldest = Math.max(cursor, published - capacity);
          const expected = oldest < published ? { event: oldest, laggedCount: oldest - cursor } : undefined;
          assert.deepEqual(subscriptions[who]?.take(), expected);
          if (expected !== undefined) cursors[who] = oldest + 1;
        }
      }),
    );
  });
});

describe("bus: overflow", () => {
  it("is announced at most once per interval", async () => {
    const { clock, bus, overflows } = start(1);
    bus.subscribe();

    for (const event of [1, 2, 3]) bus.publish(event);
    await clock.advance(BUS_OVERFLOW_INTERVAL_MS - 1);
    bus.publish(4);
    await clock.advance(1);
    bus.publish(5);

    assert.deepEqual(overflows, [0, BUS_OVERFLOW_INTERVAL_MS]);
  });

  it("is nobody's concern where nobody subscribes", () => {
    const { bus, overflows, counted } = start(1);

    for (const event of [1, 2, 3]) bus.publish(event);

    assert.deepEqual(overflows, []);
    assert.equal(counted("bus_overflow_dropped_total"), 0);
  });
});

describe("bus: next", () => {
  it("waits for an event, and ends with the subscription", async () => {
    const { bus } = start();
    const subscription = bus.subscribe();

    const first = subscription.next();
    bus.publish(1);
    const second = subscription.next();
    subscription.close();

    assert.deepEqual(await first, { event: 1, laggedCount: 0 });
    assert.equal(await second, undefined);
    assert.equal(await subscription.next(), undefined);
  });

  it("has one consumer", () => {
    const subscription = start().bus.subscribe();
    void subscription.next();

    assert.throws(() => subscription.next(), /one consumer/);
  });

  it("gives nothing more, however it is asked, once the subscription is closed", async () => {
    const { bus, counted } = start(1);
    const subscription = bus.subscribe();
    bus.publish(1);
    subscription.close();
    bus.publish(2);

    assert.equal(subscription.take(), undefined);
    assert.equal(await subscription.next(), undefined);
    assert.equal(counted("bus_lagged_total"), 0, "nobody learns of a loss that was not counted");
  });

  it("of a closed subscription costs a publisher nothing and counts no loss", () => {
    const { bus, counted } = start(1);
    bus.subscribe().close();

    bus.publish(1);
    bus.publish(2);

    assert.equal(counted("bus_overflow_dropped_total"), 0);
  });
});
