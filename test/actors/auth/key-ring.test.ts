/** Keys that other nodes sign with: when they are looked for, and what that says of one that is not there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Directory } from "#actors/auth/directory/directory.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { KEY_LOOK_MS, KeyRing } from "#actors/auth/key-ring.ts";
import { Outside } from "#actors/auth/outside.ts";
import { type OwnKey, openSigningKey } from "#actors/auth/signing-key.ts";
import { must } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { within } from "#test/actors/auth/directory/scene.ts";
import { silentLog } from "#test/kit/actor.ts";

interface World {
  readonly clock: ManualClock;
  readonly ring: KeyRing;
  readonly counts: { asked: number };
  /** While it is there, what is asked waits for it, and then is answered as it was when it was asked. */
  slow: Promise<unknown> | undefined;
  /** Another node says that it signs with a key of this name. */
  say(kid: string): Promise<void>;
}

async function open(): Promise<World> {
  const clock = new ManualClock();
  const memory = new MemoryDirectory(seededRandom(1));
  const counts = { asked: 0 };
  const world = { slow: undefined as Promise<unknown> | undefined };
  const shareSigningKey: Directory["shareSigningKey"] = async (...given) => {
    counts.asked += 1;
    const answer = await memory.shareSigningKey(given[0], given[1], given[2]);
    await world.slow;
    return answer;
  };
  const directory = new Proxy<Directory>(memory, {
    get: (target, name) => (name === "shareSigningKey" ? shareSigningKey : Reflect.get(target, name)),
  });
  const seams = { clock, random: seededRandom(2), log: silentLog, metrics: new Metrics() };
  const outside = new Outside("postgres", directory, { ...seams, timeoutMs: () => 5000, onTrouble: () => undefined });
  const ring = new KeyRing(await keyOf(3), outside, clock);
  must(await ring.share(within), "share");
  const say = async (kid: string): Promise<void> => {
    const { publicKey } = await keyOf(kid.length);
    await memory.shareSigningKey({ kid, publicKey }, Math.floor(clock.wallMs()), 0);
  };
  return Object.assign(world, { clock, ring, counts, say });
}

async function keyOf(seed: number): Promise<OwnKey> {
  const key = await openSigningKey(new MemoryDisk(), seededRandom(seed), "/key.pem");
  assert(typeof key !== "string");
  return key;
}

/** In the middle of `KEY_LOOK_MS` after a look. */
async function justLooked(): Promise<World> {
  const world = await open();
  await world.clock.advance(KEY_LOOK_MS / 2);
  return world;
}

describe("auth: keys of other nodes", () => {
  it("are looked for before it is said that there are none, also where that was done just now (AUTH-8)", async () => {
    const { clock, ring, counts, say } = await justLooked();
    await say("another");

    const looked = ring.look(within);
    await clock.advance(KEY_LOOK_MS / 2 - 1);
    const before = ring.keys.has("another");
    await clock.advance(1);
    must(await looked, "look");

    assert.deepEqual([before, ring.keys.has("another"), counts.asked], [false, true, 2]);
  });

  it("are looked for at once where that is long ago", async () => {
    const { clock, ring, say } = await justLooked();
    await clock.advance(KEY_LOOK_MS);
    await say("another");

    must(await ring.look(within), "look");

    assert(ring.keys.has("another"));
  });

  it("are looked for once for all who wait", async () => {
    const { clock, ring, counts } = await justLooked();

    const looks = Array.from({ length: 100 }, () => ring.look(within));
    await clock.advance(KEY_LOOK_MS);
    for (const looked of await Promise.all(looks)) must(looked, "look");

    assert.equal(counts.asked, 2);
  });

  it("are looked for again by who asks while it is done: what was said meanwhile is not in that answer", async () => {
    const world = await justLooked();
    const { clock, ring, say, counts } = world;
    const { promise, resolve } = Promise.withResolvers<void>();
    world.slow = promise;
    const first = ring.look(within);
    await clock.advance(KEY_LOOK_MS / 2);
    await say("another");

    const second = ring.look(within);
    world.slow = undefined;
    resolve();
    must(await first, "look");
    const before = ring.keys.has("another");
    await clock.advance(KEY_LOOK_MS);
    must(await second, "look");

    assert.deepEqual([before, ring.keys.has("another"), counts.asked], [false, true, 3]);
  });

  it("are not looked for more often, whoever makes up names, and whatever comes of it (AUTH-8)", async () => {
    const { clock, ring, counts } = await open();
    counts.asked = 0;

    for (let at = 0; at < 10 * KEY_LOOK_MS; at += 1) {
      void ring.look(within);
      await clock.advance(1);
    }

    assert.equal(counts.asked, 10);
  });
});
