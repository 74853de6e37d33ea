/** The bus under every order of its publishers, its subscribers and their end, with a ring too small for them. */
import assert from "node:assert/strict";
import { Bus, type Received, type Subscription } from "#runtime/bus.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import type { Check } from "#test/kit/aside.ts";
import { checkOf, exploreTo, type Programs } from "#test/runtime/explore/programs.ts";

const CAPACITY = 2;
/** Of each publisher. */
const EVENTS = 2;

export const PROGRAMS: Programs = {
  "2 publishers of 2 events and 2 subscribers of 2 reads agree with a list in all 2520 interleavings": async () => {
    const lags = new Set<number>();
    const explored = await exploreTo("all", async (play) => {
      const scene = new Scene(play, 2);
      scene.read(2);
      await play.interleave();

      scene.drain();
      scene.agree();
      for (const { laggedCount } of scene.listeners) lags.add(laggedCount);
    });

    assert.equal(explored.runs, 2520, "8! / (2! 2! 2! 2!)");
    assert.deepEqual([...lags].sort(), [0, 1, 2], "every possible lag occurs");
    return explored;
  },

  "2 publishers and 2 subscribers that wait for all 4 events: none is missed, and every loss is counted": async () => {
    const lags = new Set<number>();
    const explored = await exploreTo({ usual: 1, long: "all" }, async (play) => {
      const scene = new Scene(play, 2);
      scene.listen(2 * EVENTS);
      await play.interleave();

      scene.drain();
      scene.agree();
      for (const { laggedCount } of scene.listeners) lags.add(laggedCount);
    });

    assert.deepEqual([...lags].sort(), [0, 1, 2], "every possible lag occurs");
    return explored;
  },

  "3 publishers of 2 events and 3 subscribers of 2 reads agree with a list": () =>
    exploreTo({ usual: 0, long: 3 }, async (play) => {
      const scene = new Scene(play, 3);
      scene.read(2);
      await play.interleave();

      scene.drain();
      scene.agree();
    }),

  "subscriptions that are closed at any time end whoever waits, once, with nothing lost that is not counted": () =>
    exploreTo({ usual: 1, long: "all" }, async (play) => {
      const scene = new Scene(play, 2);
      scene.listen(2);
      play.script("shutdown", ...scene.listeners.map((listener) => () => listener.close()));
      await play.interleave();

      for (const listener of scene.listeners) assert.equal(listener.isWaiting, false, "nobody waits for ever");
      scene.drain();
      scene.agree();
    }),
};

export const check: Check = checkOf(PROGRAMS);

/** A bus in this run, its publishers in line, and as many who listen. */
class Scene {
  readonly listeners: readonly Listener[];
  readonly #play: Play;
  readonly #published: string[] = [];
  readonly #publishers: readonly string[];
  readonly #metrics = new Metrics();

  constructor(play: Play, count: number) {
    this.#play = play;
    const bus = new Bus<string>({ capacity: CAPACITY, clock: new ManualClock(), metrics: this.#metrics });
    this.#publishers = ["p", "q", "o"].slice(0, count);
    for (const name of this.#publishers) {
      const publish = (_: unknown, at: number) => () => {
        this.#published.push(`${name}${at}`);
        bus.publish(`${name}${at}`);
      };
      play.script(name, ...Array.from({ length: EVENTS }, publish));
    }
    const names = ["r", "s", "t"].slice(0, count);
    this.listeners = names.map((name) => new Listener(name, bus.subscribe(), this.#published, count * EVENTS));
  }

  /** Each takes what is there so often. */
  read(times: number): void {
    for (const listener of this.listeners) {
      this.#play.script(listener.name, ...Array.from({ length: times }, () => () => listener.take()));
    }
  }

  /** Each waits for the next event so often, or until there is none to come. */
  listen(times: number): void {
    for (const listener of this.listeners) {
      const next = async (): Promise<void> => (listener.isAtEnd ? undefined : await listener.next());
      this.#play.script(listener.name, ...Array.from({ length: times }, () => next));
    }
  }

  /** Everybody reads all that is left. */
  drain(): void {
    for (const listener of this.listeners) for (let rest = 0; rest <= CAPACITY; rest += 1) listener.take();
  }

  agree(): void {
    for (const { events, passedCount, leftCount, cameCount } of this.listeners) {
      assert.equal(
        events.length + passedCount + leftCount,
        cameCount,
        "published = received + passed by the ring + left",
      );
      for (const publisher of this.#publishers) {
        const heard = events.filter((event) => event.startsWith(publisher));
        assert.deepEqual(heard, [...heard].sort(), "in the order of their publisher, and none twice");
      }
    }
    const deltas = this.#metrics.takeDeltas();
    const counted = (name: string): number =>
      deltas.filter((delta) => delta.name === name).reduce((sum, { value }) => sum + value, 0);
    const laggedCount = this.listeners.reduce((sum, listener) => sum + listener.laggedCount, 0);
    assert.equal(counted("bus_lagged_total"), laggedCount, "lag is counted");
    const droppedCount = this.listeners.reduce((sum, listener) => sum + listener.passedCount, 0);
    assert.equal(counted("bus_overflow_dropped_total"), droppedCount, "what the ring passed is counted");
  }
}

/** What one subscriber hears, held against the list of all events: of those before it, the ring keeps the last two. */
class Listener {
  readonly name: string;
  readonly events: string[] = [];
  laggedCount = 0;
  isWaiting = false;
  readonly #subscription: Subscription<string>;
  readonly #published: readonly string[];
  /** Events that there will be in all. */
  readonly #toCome: number;
  /** Of the list: the first event that it has neither heard nor lost. */
  #at = 0;
  /** How long the list was when it was closed: what comes then is neither heard nor lost. */
  #closedAt: number | undefined;

  constructor(name: string, subscription: Subscription<string>, published: readonly string[], toCome: number) {
    this.name = name;
    this.#toCome = toCome;
    this.#subscription = subscription;
    this.#published = published;
  }

  /** It has heard or lost all that there will be. */
  get isAtEnd(): boolean {
    return this.#at === this.#toCome;
  }

  /** How long the list is for it. */
  get #endsAt(): number {
    return this.#closedAt ?? this.#published.length;
  }

  /** Lost to the ring while it was there, whether it has learned of it or not. */
  get passedCount(): number {
    return this.laggedCount + Math.max(0, this.#endsAt - CAPACITY - this.#at);
  }

  /** Kept for it when it was closed. */
  get leftCount(): number {
    return this.#closedAt === undefined ? 0 : Math.min(CAPACITY, this.#closedAt - this.#at);
  }

  /** Published while it was there. */
  get cameCount(): number {
    return this.#endsAt;
  }

  take(): void {
    this.#hear(this.#subscription.take(), this.#published.length);
  }

  /** Waits for the next event, or for the end. */
  async next(): Promise<void> {
    // One that waits is handed the next event in the moment of its publication.
    const heardCount = this.#published.length;
    const hasToWait = this.#at === heardCount;
    this.isWaiting = true;
    const received = await this.#subscription.next();
    this.isWaiting = false;
    if (this.#closedAt !== undefined && received === undefined) return;
    this.#hear(received, hasToWait ? heardCount + 1 : heardCount);
  }

  close(): void {
    this.#closedAt = this.#published.length;
    this.#subscription.close();
  }

  /** `publishedCount` is how long the list was when the bus handed the event out. */
  #hear(received: Received<string> | undefined, publishedCount: number): void {
    const first = Math.max(this.#at, publishedCount - CAPACITY);
    if (first >= publishedCount || this.#closedAt !== undefined) {
      assert.equal(received, undefined, "there is nothing to hear");
      return;
    }
    const event = this.#published[first];
    const laggedCount = first - this.#at;
    assert.deepEqual(received, { event, laggedCount }, "the oldest that is kept, and the exact lag");
    this.#at = first + 1;
    this.events.push(event ?? "");
    this.laggedCount += laggedCount;
  }
}
