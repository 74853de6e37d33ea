/** The bus under every order of two publishers and two subscribers, with a ring too small for them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Bus, type Received } from "#runtime/bus.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { explore } from "#runtime/simulated/explore.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";

const CAPACITY = 2;
/** What is published, in the order of each publisher. */
const EVENTS = { p: ["p1", "p2"], q: ["q1", "q2"] };
const PUBLISHED = 4;

/** A bus in this run, its publishers in line, and a list of all that was published so far. */
function start(play: Play) {
  const metrics = new Metrics();
  const bus = new Bus<string>({ capacity: CAPACITY, clock: new ManualClock(), metrics });
  const published: string[] = [];
  for (const [name, events] of Object.entries(EVENTS)) {
    const publish = (event: string) => () => {
      published.push(event);
      bus.publish(event);
    };
    play.script(name, ...events.map(publish));
  }
  const counted = (name: string): number =>
    metrics
      .takeDeltas()
      .filter((delta) => delta.name === name)
      .reduce((sum, { value }) => sum + value, 0);
  return { bus, published, counted };
}

/** What one subscriber hears, held against the list of all events: of those before it, the ring keeps the last two. */
class Listener {
  readonly events: string[] = [];
  laggedCount = 0;
  readonly #published: readonly string[];
  /** Of the list: the first event that it has neither heard nor lost. */
  #at = 0;

  constructor(published: readonly string[]) {
    this.#published = published;
  }

  /** `publishedCount` is how long the list was when the bus handed the event out. */
  hear(received: Received<string> | undefined, publishedCount: number): void {
    const first = Math.max(this.#at, publishedCount - CAPACITY);
    if (first >= publishedCount) {
      assert.equal(received, undefined, "there is nothing to hear");
      return;
    }
    const event = this.#published[first];
    assert.deepEqual(received, { event, laggedCount: first - this.#at }, "the oldest that is kept, and the exact lag");
    this.#at = first + 1;
    this.events.push(event ?? "");
    this.laggedCount += received?.laggedCount ?? 0;
  }
}

function agree(listeners: readonly Listener[], counted: (name: string) => number): void {
  for (const { events, laggedCount } of listeners) {
    assert.equal(events.length + laggedCount, PUBLISHED, "published = received + lagged");
    for (const own of Object.values(EVENTS)) {
      const heard = events.filter((event) => own.includes(event));
      assert.deepEqual(heard, [...heard].sort(), "in the order of their publisher, and none twice");
    }
  }
  const laggedCount = listeners.reduce((sum, listener) => sum + listener.laggedCount, 0);
  assert.equal(counted("bus_lagged_total"), laggedCount, "lag is counted");
}

describe("explore: bus", () => {
  it("2 publishers of 2 events and 2 subscribers of 2 reads agree with a list in all 2520 interleavings", async () => {
    const lags = new Set<number>();
    const { runs } = await explore(async (play) => {
      const { bus, published, counted } = start(play);
      const listeners = ["r", "s"].map((name) => {
        const subscription = bus.subscribe();
        const listener = new Listener(published);
        const read = (): void => listener.hear(subscription.take(), published.length);
        play.script(name, read, read);
        return { listener, read };
      });
      await play.interleave();
      for (const { read } of listeners) for (let rest = 0; rest < PUBLISHED; rest += 1) read();

      const all = listeners.map(({ listener }) => listener);
      agree(all, counted);
      for (const { laggedCount } of all) lags.add(laggedCount);
    });

    assert.equal(runs, 2520, "8! / (2! 2! 2! 2!)");
    assert.deepEqual([...lags].sort(), [0, 1, 2], "every possible lag occurs");
  });

  it("subscribers that wait hear each event once, and the end, in every interleaving", async (test) => {
    const explored = await explore(async (play) => {
      const { bus, published, counted } = start(play);
      const subscriptions = ["r", "s"].map((name) => {
        const subscription = bus.subscribe();
        const listener = new Listener(published);
        const wait = async (): Promise<void> => {
          let publishedCount = published.length;
          // One that waits is handed the next event in the moment of its publication.
          const hasToWait = publishedCount === listener.events.length + listener.laggedCount;
          const waiting = subscription.next();
          if (hasToWait) publishedCount += 1;
          listener.hear(await waiting, publishedCount);
        };
        play.script(name, wait, wait);
        return { subscription, listener };
      });
      await play.interleave();
      for (const { subscription, listener } of subscriptions) {
        for (let rest = 0; rest < PUBLISHED; rest += 1) listener.hear(subscription.take(), published.length);
        subscription.close();
        assert.equal(await subscription.next(), undefined, "a closed subscription is at its end");
      }

      agree(
        subscriptions.map(({ listener }) => listener),
        counted,
      );
    });

    test.diagnostic(`${explored.runs} interleavings of at most ${explored.slotsMax} slots`);
  });
});
