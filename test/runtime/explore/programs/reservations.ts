/** Permits and reservations under every order of those who ask, wait, give up, lease and give back. */
import assert from "node:assert/strict";
import { Reservations } from "#runtime/buffers.ts";
import type { Result } from "#runtime/errors.ts";
import { type Overloaded, Permits } from "#runtime/permits.ts";
import type { Within } from "#runtime/ref.ts";
import { ExploredClock } from "#runtime/simulated/explored-clock.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import type { Check } from "#test/kit/aside.ts";
import { checkOf, exploreTo, type Programs } from "#test/runtime/explore/programs.ts";

const BYTES_MAX = 4;
const REQUESTS_MAX = 2;
const FOR_EVER = Number.POSITIVE_INFINITY;

export const PROGRAMS: Programs = {
  "reservations never exceed the quota, are granted in order, and all of it comes back": async () => {
    const orders = new Set<string>();
    const explored = await exploreTo("all", async (play) => {
      const clock = new ExploredClock(play);
      const bounds = { quotaBytes: BYTES_MAX, waitingMax: 2, shared: false, freeBytesMax: 0 };
      const reservations = new Reservations({ clock, ...bounds });
      const line = new Line();
      const inUse = new Map<string, number>();
      for (const [name, sizeBytes] of [
        ["a", 3],
        ["b", 2],
        ["c", 4],
      ] as const) {
        reserve(play, reservations, line, inUse, name, sizeBytes);
      }
      await play.interleave();

      assert.equal(line.entered.length, 3, "nobody waits for ever");
      line.isFair();
      const { reservedBytes, leasedBytes, orphanedBytes, waitingCount } = reservations;
      assert.deepEqual([reservedBytes, leasedBytes, orphanedBytes, waitingCount], [0, 0, 0, 0], "all of it comes back");
      orders.add(line.entered.join(""));
    });

    assert.equal(orders.size, 6, "each order of asking occurs");
    return explored;
  },

  "permits let in whoever fits when the first in line gives up or has waited, and nobody past the limit": async () => {
    const seen = new Set<string>();
    const explored = await exploreTo("all", async (play) => {
      const { permits, clock } = permitsIn(play);
      const line = new Line();
      const client = new AbortController();
      // It gives nothing back until the last one is let in beside it.
      take(play, permits, line, "a", 3, patient(), line.entry("c"));
      take(play, permits, line, "b", 4, { deadlineMs: 100, signal: client.signal });
      take(play, permits, line, "c", 1, patient());
      play.script("client", () => client.abort());
      await play.interleave();

      const patientOnes = [line.outcomes.get("a"), line.outcomes.get("c")];
      assert.deepEqual(patientOnes, ["entered", "entered"], "nobody waits for ever");
      line.isFair();
      isAtRest(permits);
      assert.equal(clock.armedCount, 0, "no timer is left");
      seen.add(String(line.outcomes.get("b")));
    });

    assert.deepEqual([...seen].sort(), ["entered", "gave-up", "waited"], "every outcome occurs");
    return explored;
  },

  "permits that become fewer keep nobody waiting for what there is no more": async () => {
    const seen = new Set<string>();
    const explored = await exploreTo("all", async (play) => {
      const { permits } = permitsIn(play);
      const line = new Line();
      take(play, permits, line, "a", 2, patient());
      take(play, permits, line, "b", 4, patient());
      take(play, permits, line, "c", 1, patient());
      play.script("fewer", () => permits.resize({ requestsMax: REQUESTS_MAX, bytesMax: 2 }));
      await play.interleave();

      assert.equal(line.outcomes.size, 3, "everybody has an answer");
      assert.deepEqual([line.outcomes.get("a"), line.outcomes.get("c")], ["entered", "entered"]);
      line.isFair();
      isAtRest(permits);
      seen.add(String(line.outcomes.get("b")));
    });

    assert.deepEqual([...seen].sort(), ["entered", "too-heavy"], "both outcomes occur");
    return explored;
  },
};

export const check: Check = checkOf(PROGRAMS);

/** Who asked and who was let in, in order. */
class Line {
  readonly asked: string[] = [];
  readonly entered: string[] = [];
  /** By name: `entered`, or why not. */
  readonly outcomes = new Map<string, string>();
  readonly #entries = new Map<string, () => void>();

  /** Settles when `name` is let in. */
  entry(name: string): Promise<void> {
    return new Promise((resolve) => void this.#entries.set(name, resolve));
  }

  async ask<Value>(name: string, asking: Promise<Result<Value, Overloaded>>): Promise<Value | undefined> {
    this.asked.push(name);
    const answer = await asking;
    assert(!this.outcomes.has(name), `${name} is answered once`);
    this.outcomes.set(name, answer.ok ? "entered" : answer.failure.reason);
    if (!answer.ok) return undefined;
    this.entered.push(name);
    this.#entries.get(name)?.();
    return answer.value;
  }

  /** Nobody who was let in has passed one who was let in later. */
  isFair(): void {
    const inOrder = this.asked.filter((name) => this.entered.includes(name));
    assert.deepEqual(this.entered, inOrder, "first come, first served");
  }
}

/** Reserves and leases; the request is over while a socket still sends what it has leased; that ends too. */
function reserve(
  play: Play,
  reservations: Reservations,
  line: Line,
  inUse: Map<string, number>,
  name: string,
  sizeBytes: number,
): void {
  const uses = (bytes: number): void => {
    inUse.set(name, bytes);
    const sum = [...inUse.values()].reduce((total, own) => total + own, 0);
    assert(sum <= BYTES_MAX, `${sum} bytes of ${BYTES_MAX} are in use`);
    assert(reservations.reservedBytes <= BYTES_MAX, "more is granted than there is");
  };
  const ends: (() => void)[] = [];
  play.script(
    name,
    async () => {
      const reservation = await line.ask(name, reservations.reserve({}, sizeBytes, patient()));
      assert(reservation !== undefined, "there is room in the line");
      uses(sizeBytes);
      ends.push(reservation.release, reservation.lease(1).release);
    },
    () => {
      uses(1);
      ends[0]?.();
    },
    () => {
      uses(0);
      ends[1]?.();
    },
  );
}

function permitsIn(play: Play): { readonly permits: Permits; readonly clock: ExploredClock } {
  const clock = new ExploredClock(play);
  const permits = new Permits({ clock, requestsMax: REQUESTS_MAX, bytesMax: BYTES_MAX, waitingMax: 2 });
  return { permits, clock };
}

/** Takes, and gives back in a step of its own, when `until` has settled. */
function take(
  play: Play,
  permits: Permits,
  line: Line,
  name: string,
  bytes: number,
  within: Within,
  until: Promise<void> = Promise.resolve(),
): void {
  let release: (() => void) | undefined;
  play.script(
    name,
    async () => {
      release = (await line.ask(name, permits.take({ requests: 1, bytes }, within, FOR_EVER)))?.release;
      const { held } = permits;
      assert(held.requests <= REQUESTS_MAX && held.bytes <= BYTES_MAX, "more is held than may be");
    },
    async () => {
      await until;
      release?.();
    },
  );
}

function isAtRest(permits: Permits): void {
  assert.deepEqual([permits.held, permits.waitingCount], [{ requests: 0, bytes: 0 }, 0], "all of it comes back");
}

function patient(): Within {
  return { deadlineMs: FOR_EVER, signal: new AbortController().signal };
}
