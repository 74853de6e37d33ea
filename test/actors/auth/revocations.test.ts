/** What is remembered of tokens, and for how long, against the changes of a directory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DIRECTORY_LIMITS } from "#actors/auth/directory/directory.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { Outside } from "#actors/auth/outside.ts";
import { CHANGED_MAX, type Moment, REVOCATION_POLL_MS, Revocations } from "#actors/auth/revocations.ts";
import { parseUuid } from "#actors/domain/uuid.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { AwayDirectory } from "#test/actors/auth/away-directory.ts";
import { Scene } from "#test/actors/auth/directory/scene.ts";
import { silentLog } from "#test/kit/actor.ts";
import { patient } from "#test/kit/patient.ts";

class World {
  readonly clock: ManualClock = new ManualClock();
  readonly away: AwayDirectory;
  readonly scene: Scene;
  readonly revocations: Revocations;
  lateMs: number = 1000;

  constructor(changesMax: number = DIRECTORY_LIMITS.changesMax) {
    const directory = new MemoryDirectory(seededRandom(1), { ...DIRECTORY_LIMITS, changesMax });
    this.away = new AwayDirectory(directory);
    this.scene = new Scene(directory);
    const outside = new Outside("postgres", this.away.directory, {
      clock: this.clock,
      random: seededRandom(2),
      log: silentLog,
      metrics: new Metrics(),
      timeoutMs: () => 100,
      onTrouble: () => undefined,
    });
    this.revocations = new Revocations(outside, this.clock, () => this.lateMs);
    void this.revocations.run(patient);
  }

  async poll(): Promise<void> {
    await this.clock.advance(REVOCATION_POLL_MS);
  }

  get moment(): Moment {
    const { now } = this.revocations;
    assert(now !== undefined, "changes are heard");
    return now;
  }

  isStillSo(moment: Moment, jti: string, fp: string, producerId: string): boolean {
    const sub = parseUuid(producerId);
    assert(sub !== undefined);
    return this.revocations.isStillSo(moment, { jti, fp, sub });
  }
}

const NOBODY = "00000000-0000-4000-8000-000000000000";

describe("auth: revocations", () => {
  it("are of a token, a key or a producer, and of no other (AUTH-9)", async () => {
    const world = new World();
    await world.poll();
    const { scene } = world;
    const a = await scene.approved("a");
    await world.poll();
    const before = world.moment;
    const seen = (): readonly boolean[] => [
      world.isStillSo(before, "t1", "a", a),
      world.isStillSo(before, "t2", "b", a),
      world.isStillSo(before, "t1", "b", NOBODY),
      world.isStillSo(before, "t2", "b", NOBODY),
    ];
    assert.deepEqual(seen(), [true, true, true, true]);

    await scene.revokeToken("t1");
    assert.deepEqual(seen(), [true, true, true, true], "before anybody has asked");
    await world.poll();
    assert.deepEqual(seen(), [false, true, false, true]);
    await scene.deregister("a");
    await world.poll();
    assert.deepEqual(seen(), [false, false, false, true]);
    assert.equal(world.isStillSo(world.moment, "t1", "a", a), true, "what is asked now is so");
    const between = world.moment;
    await scene.deny("a", a);
    await world.poll();
    assert.deepEqual(
      [world.isStillSo(between, "t3", "a", NOBODY), world.isStillSo(between, "t3", "b", a)],
      [false, true],
    );
  });

  it("leave nothing that was learnt just before one, also of several that are heard at once (AUTH-9)", async () => {
    const world = new World();
    await world.poll();
    for (const jti of ["1", "2", "3"]) await world.scene.revokeToken(jti);
    const before = world.moment;
    await world.poll();
    const after = world.moment;

    for (const jti of ["1", "2", "3"]) {
      assert.equal(world.isStillSo(before, jti, "a", NOBODY), false);
      assert.equal(world.isStillSo(after, jti, "a", NOBODY), true);
    }
  });

  it("may be missed for a second, and then nothing counts (AUTH-9)", async () => {
    const world = new World();
    await world.poll();
    const { moment } = world;
    world.away.isAway = true;
    await world.clock.advance(1000 - REVOCATION_POLL_MS - 1);
    assert.equal(world.isStillSo(moment, "t", "a", NOBODY), true);

    await world.clock.advance(REVOCATION_POLL_MS + 1);

    assert.equal(world.isStillSo(moment, "t", "a", NOBODY), false);
    assert.equal(world.revocations.now, undefined);
    world.away.isAway = false;
    await world.clock.advance(10_000);
    assert.equal(world.isStillSo(moment, "t", "a", NOBODY), true, "nothing has changed meanwhile");
  });

  it("may be missed for longer where that is wanted, and are heard when they can be (AUTH-9)", async () => {
    const world = new World();
    world.lateMs = 60_000;
    await world.poll();
    const { moment } = world;
    world.away.isAway = true;
    await world.scene.revokeToken("t");
    await world.clock.advance(59_000);
    assert.equal(world.isStillSo(moment, "t", "a", NOBODY), true);

    await world.clock.advance(2000);
    assert.equal(world.isStillSo(moment, "another", "a", NOBODY), false);
    world.away.isAway = false;
    await world.clock.advance(10_000);

    assert.equal(world.isStillSo(moment, "t", "a", NOBODY), false);
    assert.equal(world.isStillSo(moment, "another", "a", NOBODY), true);
  });

  it("that are kept no longer are of everything (AUTH-9)", async () => {
    const world = new World(2);
    await world.poll();
    const { moment } = world;
    for (const jti of ["1", "2", "3"]) await world.scene.revokeToken(jti);

    await world.poll();

    assert.equal(world.isStillSo(moment, "another", "a", NOBODY), false);
    assert.equal(world.isStillSo(world.moment, "another", "a", NOBODY), true);
  });

  it("that are too many to remember are of everything (AUTH-9)", async () => {
    const world = new World(2 * CHANGED_MAX);
    await world.poll();
    const { moment } = world;
    for (let count = 0; count <= CHANGED_MAX; count += 1) {
      await world.scene.revokeToken(`${count}`);
    }

    await world.poll();

    assert.equal(world.isStillSo(moment, "another", "a", NOBODY), false);
  });
});
