/** What is over is removed now and then: when, how much at once, and that no request comes back by it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { Outside } from "#actors/auth/outside.ts";
import { OVER_KEPT_MS, PRUNE_BATCH_MAX, PRUNE_MS, PRUNE_PAUSE_MS, Pruner } from "#actors/auth/pruner.ts";
import { must } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { hour, second } from "#runtime/units.ts";
import { AwayDirectory } from "#test/actors/auth/away-directory.ts";
import { grantOf, Scene, within } from "#test/actors/auth/directory/scene.ts";
import { newProducer } from "#test/actors/auth/producer.ts";
import { startAuth } from "#test/actors/auth/start-auth.ts";
import { silentLog } from "#test/kit/actor.ts";
import { patient } from "#test/kit/patient.ts";

const day = 24 * hour;

class World {
  readonly clock: ManualClock = new ManualClock();
  readonly metrics: Metrics = new Metrics();
  readonly away: AwayDirectory;
  readonly scene: Scene;
  readonly #end = new AbortController();
  readonly #jtis: string[] = [];

  constructor(seed = 1) {
    const { clock, metrics } = this;
    this.away = new AwayDirectory(new MemoryDirectory(seededRandom(1)));
    this.scene = new Scene(this.away.directory);
    const random = seededRandom(seed);
    const seams = { clock, random, log: silentLog, metrics, timeoutMs: () => 100, onTrouble: () => undefined };
    const pruner = new Pruner({
      directory: new Outside("postgres", this.away.directory, seams),
      clock,
      random,
      metrics,
    });
    void pruner.run({ ...patient, signal: this.#end.signal });
  }

  /** Tokens of one producer that are over now. */
  async give(count: number): Promise<void> {
    const producerId = await this.scene.approved("a");
    const expiresAt = Math.floor(this.clock.wallMs() / second);
    while (this.#jtis.length < count) {
      this.#jtis.push(`t${this.#jtis.length}`);
      const grant = { ...grantOf(this.#jtis.at(-1) ?? "", "a", producerId), issuedAt: expiresAt - 1, expiresAt };
      must(await this.away.directory.issue(grant, undefined, within), "a token");
    }
  }

  /** How many of those are there. */
  async count(): Promise<number> {
    return Object.keys(await this.scene.tokens(...this.#jtis)).length;
  }

  /** How often it was tried. */
  get triedCount(): number {
    return this.away.asked.filter((name) => name === "prune").length;
  }

  /** From timer to timer. */
  async untilTried(): Promise<void> {
    for (const { triedCount } = this; this.triedCount === triedCount; ) {
      const { nextDueMs } = this.clock;
      assert(nextDueMs !== undefined, "it will be tried");
      await this.clock.advance(nextDueMs - this.clock.nowMs());
    }
  }

  end(): void {
    this.#end.abort();
  }
}

describe("auth: what is over", () => {
  it("is kept for thirty days, and gone soon after that (AUTH-23)", async () => {
    const world = new World();
    await world.give(3);

    const longestMs = 2 * PRUNE_MS;
    world.clock.jumpWall(30 * day - longestMs);
    await world.clock.advance(longestMs);
    const before = await world.count();
    await world.clock.advance(longestMs + second);

    assert.deepEqual([before, await world.count(), OVER_KEPT_MS], [3, 0, 30 * day]);
  });

  it("goes a batch at a time, one soon after the other, and is counted (AUTH-25)", async () => {
    const world = new World();
    await world.give(2 * PRUNE_BATCH_MAX + 1);
    world.clock.jumpWall(OVER_KEPT_MS + second);
    await world.untilTried();
    const counts = [await world.count()];
    for (let batch = 0; batch < 3; batch += 1) {
      await world.clock.advance(PRUNE_PAUSE_MS);
      counts.push(await world.count());
    }

    assert.deepEqual(counts, [PRUNE_BATCH_MAX + 1, 1, 0, 0]);
    assert.equal(world.triedCount, 3, "one that is not full is the last");
    const pruned = world.metrics.takeDeltas().find(({ name }) => name === "auth_pruned_total");
    assert.match(JSON.stringify(pruned), /token.*1001/);
  });

  it("stays where the directory is away, and goes when it is back", async () => {
    const world = new World();
    await world.give(1);
    world.clock.jumpWall(OVER_KEPT_MS + second);
    world.away.isAway = true;
    await world.clock.advance(2 * PRUNE_MS);
    world.away.isAway = false;
    const before = await world.count();
    await world.clock.advance(2 * PRUNE_MS);

    assert.deepEqual([before, await world.count()], [1, 0]);
  });

  it("is looked for at times of its own by every node, and every two minutes or so (AUTH-25)", async () => {
    const gapsOf = async (seed: number): Promise<readonly number[]> => {
      const world = new World(seed);
      const gaps: number[] = [];
      while (gaps.length < 50) {
        const sinceMs = world.clock.nowMs();
        await world.untilTried();
        gaps.push(world.clock.nowMs() - sinceMs);
      }
      world.end();
      return gaps;
    };

    const [some, others] = [await gapsOf(1), await gapsOf(2)];

    assert([...some, ...others].every((gap) => gap <= 2 * PRUNE_MS));
    const gapMs = some.reduce((sum, gap) => sum + gap, 0) / some.length;
    assert(gapMs > PRUNE_MS / 2 && gapMs < 1.5 * PRUNE_MS, `${gapMs} ms`);
    assert.notDeepEqual(some, others);
    assert(new Set(some).size > 40);
  });

  it("is looked for no more when the life has ended", async () => {
    const world = new World();
    await world.untilTried();
    world.end();
    const { triedCount } = world;
    await world.clock.advance(4 * PRUNE_MS);

    assert.equal(world.triedCount, triedCount);
  });
});

describe("auth: its pruner", () => {
  it("runs for as long as auth does (AUTH-25)", async () => {
    const away = new AwayDirectory(new MemoryDirectory(seededRandom(1)));
    const auth = await startAuth({ directory: away.directory });
    while (!away.asked.includes("prune")) {
      assert(auth.started.clock.nowMs() < 2 * PRUNE_MS);
      await auth.started.clock.advance(5 * second);
    }
  });
});

describe("auth: requests that were forgotten", () => {
  it("come to nothing again, also when Redis has forgotten their nonces (AUTH-4, AUTH-24)", async () => {
    const auth = await startAuth();
    const { producer, producerId } = await auth.approved();
    const leave = { action: "deregister", ...(await producer.sign({ action: "deregister" })) };
    await auth.sent("fdc:register", leave);
    await auth.register(await producer.sign({ action: "register" }));
    const exchange = await producer.sign({ producer_id: producerId, action: "exchange" });
    assert.notEqual((await auth.exchange(producerId, exchange))?.["token"], undefined);
    const active = async () => must(await auth.directory.list("active", 9, undefined, within), "list");
    const replayed = async (): Promise<unknown> => {
      auth.jump(OVER_KEPT_MS + 2 * hour);
      const nowMs = Math.floor(auth.started.clock.wallMs());
      must(await auth.directory.prune(nowMs + 400 * day, 1000, within), "pruned");
      await auth.sent("fdc:register", leave);
      const token = (await auth.exchange(producerId, exchange))?.["token"];
      return { token, active: (await active()).map((key) => key.producerId) };
    };

    const whileApproved = await replayed();
    const successor = await newProducer(auth.authority);
    await auth.register(await successor.sign({ producer_id: producerId, action: "register" }));
    await auth.review("approve", successor, producerId);
    const whileSuperseded = [await replayed(), await replayed()];

    const nothing = { token: undefined, active: [producerId] };
    assert.deepEqual([whileApproved, ...whileSuperseded], [nothing, nothing, nothing]);
  });
});
