/** The reserve of the disk, while writes come faster than the disk is asked. Time is manual. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SPACE_AGE_MS_MAX, Space } from "#actors/storage/space.ts";
import { fail, ok } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

const reserveBytes = 20;

function setUp() {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const facts = { freeBytes: 100, askedCount: 0 };
  disk.space = async () => {
    facts.askedCount += 1;
    return ok({ freeBytes: facts.freeBytes, totalBytes: 1000 });
  };
  return { disk, facts, clock, space: new Space(disk, "/data", clock, () => reserveBytes) };
}

describe("storage: space", () => {
  it("keeps the reserve although all that is written comes between two questions", async () => {
    const { facts, space } = setUp();

    let admittedCount = 0;
    for (let write = 0; write < 50; write += 1) {
      if (!(await space.admit(7)).ok) continue;
      admittedCount += 1;
      facts.freeBytes -= 7;
    }

    assert.equal(admittedCount, Math.floor(80 / 7));
    assert(facts.freeBytes >= reserveBytes);
  });

  it("counts what was admitted and not written until it asks again", async () => {
    const { facts, space } = setUp();

    assert((await space.admit(50)).ok);
    facts.freeBytes -= 50;
    const refused = await space.admit(31);
    const fits = await space.admit(30);

    assert.deepEqual(refused, { ok: false, failure: { code: "storage.full", freeBytes: 50, reserveBytes } });
    assert(fits.ok);
    assert.equal(facts.askedCount, 2);
  });

  it("asks no more than once in a while where there is room", async () => {
    const { facts, clock, space } = setUp();

    for (let write = 0; write < 10; write += 1) assert((await space.admit(1)).ok);
    assert.equal(facts.askedCount, 1);
    await clock.advance(SPACE_AGE_MS_MAX);
    assert((await space.admit(1)).ok);

    assert.equal(facts.askedCount, 2);
  });

  it("takes no writes of a disk that does not say how full it is, and says why until it does", async () => {
    const { disk, clock, space } = setUp();
    const asked = disk.space;
    disk.space = async (path) => fail({ code: "disk.broken", path, errno: "ENODEV" });
    const failure = { code: "storage.write-failed", errno: "ENODEV" };
    assert.deepEqual(await space.admit(0), { ok: false, failure });
    assert.deepEqual(await space.fits(0), { ok: false, failure });

    disk.space = asked;
    await clock.advance(SPACE_AGE_MS_MAX);
    assert((await space.admit(1)).ok);
    const refused = await space.admit(1000);
    assert.equal(refused.ok ? undefined : refused.failure.code, "storage.full");
  });
});
