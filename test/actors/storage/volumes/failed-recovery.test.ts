/** Volumes whose disks fail recovery otherwise than by refusing a place at once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest } from "#actors/domain/address.ts";
import { PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { diskFailure } from "#runtime/disk/disk-failure.ts";
import { fail, must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB, second } from "#runtime/units.ts";
import { collect } from "#test/actors/storage/collection/collection-kit.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, type StorageKit, startStorage } from "#test/actors/storage/storage-kit.ts";
import { facts, looked, pull, putBack, settled } from "#test/actors/storage/volumes/spread-kit.ts";
import { type Asked, watchedDisk } from "#test/actors/storage/volumes/watched-disk.ts";

const SIX = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
const volumes = { directories: SIX, erasure: { dataShards: 4, parityShards: 2 } } as const;
const config = { packSealBytes: 4 * MiB, writeQuotaBytes: 64 * MiB };
const PACK = "/v3/packs/00300001.pack";
const NAMED = `packs that cannot be read: ${PACK}; put back what they were, or move them away, and start the node again`;

interface Trouble {
  readonly isMeant: (asked: Asked) => boolean;
  readonly errno: string;
  readonly afterMs: number;
}

/** In the front of the pack. */
const SLOW: Trouble = {
  isMeant: ({ path, range }) => path === PACK && range !== undefined && range.from < PACK_FRONT_BYTES,
  errno: "EIO",
  afterMs: 30 * second,
};
const LOCKED: Trouble = { isMeant: ({ name, path }) => name === "open" && path === PACK, errno: "EACCES", afterMs: 0 };
const UNSYNCED: Trouble = {
  isMeant: ({ name, path }) => name === "syncDirectory" && path === "/v3/packs",
  errno: "EIO",
  afterMs: 0,
};

interface World {
  readonly kit: StorageKit;
  readonly stored: readonly Digest[];
  trouble: Trouble | undefined;
}

async function startSix(): Promise<World> {
  let world: World | undefined;
  const disk = watchedDisk(new MemoryDisk({ capacityBytes: 4 * GiB }), async (asked, begin) => {
    const trouble = world?.trouble;
    if (world === undefined || trouble?.isMeant(asked) !== true) return await begin();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.kit.clock.after(trouble.afterMs, resolve);
    if (trouble.afterMs > 0) await promise;
    return fail(diskFailure(trouble.errno, asked.path));
  });
  assert((await disk.makeDirectory("/pulled")).ok);
  const kit = await startStorage({ disk, volumes, config });
  const stored = [];
  for (const seed of [1, 2, 3]) stored.push(must(await put(kit, randomBytes(300 * KiB, seed)), "put").manifest);
  await settled(kit);
  world = { kit, stored, trouble: undefined };
  return world;
}

async function pass(kit: StorageKit, seconds: number, until: () => boolean = () => false): Promise<void> {
  for (let passed = 0; passed < seconds && !until(); passed += 1) {
    await kit.clock.advance(1 * second);
    for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Begins another life, or takes the volume away and gives it back. */
async function meet(world: World, trouble: Trouble, when: "start" | "return"): Promise<void> {
  const { kit } = world;
  if (when === "return") {
    await pull(kit, "/v3");
    await looked(kit);
    world.trouble = trouble;
    return await putBack(kit, "/v3");
  }
  kit.actor.kill("killed by the test");
  world.trouble = trouble;
  let started: unknown;
  void kit.actor.start().then((outcome) => {
    started = outcome;
  });
  await pass(kit, 60, () => started !== undefined);
  assert.deepEqual(started, { ok: true, value: undefined });
}

async function third(kit: StorageKit): Promise<readonly [state: string | undefined, problem: string | undefined]> {
  assert.equal(kit.actor.lifecycle, "running");
  const { state, problem } = (await facts(kit)).volumes[2] ?? {};
  return [state, problem];
}

async function assertHeld({ kit, stored }: World): Promise<void> {
  for (const manifest of stored) await mustRead(kit.ref, manifest, "an object");
}

describe("storage: a volume whose disk fails its recovery (STO-108)", () => {
  for (const when of ["start", "return"] as const) {
    it(`by being slow over a bad sector: is left out, and back without that pack when it is so again (${when})`, async () => {
      const world = await startSix();
      const { kit } = world;
      const life = kit.actor.incarnation + (when === "start" ? 1 : 0);
      await meet(world, SLOW, when);

      if (when === "return") await pass(kit, 10);
      await pass(kit, 10);
      const [state, problem] = await third(kit);
      assert.match(`${state}: ${problem}`, /^(failing: .*has not answered for 10 s|absent: .*ETIMEDOUT)/);
      assert.equal((await collect(kit, false)).blocked, "a volume is not there");
      await pass(kit, 100);
      assert.deepEqual(await third(kit), ["present", NAMED]);
      assert.equal((await collect(kit, false)).blocked, NAMED);
      assert((await put(kit, randomBytes(900 * KiB, 9))).ok);
      await assertHeld(world);
      assert.equal(kit.actor.incarnation, life);

      world.trouble = undefined;
      await kit.crash();
      assert.deepEqual(await third(kit), ["present", undefined]);
      await assertHeld(world);
    });

    for (const trouble of [LOCKED, UNSYNCED]) {
      it(`by ${trouble.errno}: is left out, and back when that is mended (${when})`, async () => {
        const world = await startSix();
        const { kit } = world;
        const life = kit.actor.incarnation + (when === "start" ? 1 : 0);
        await meet(world, trouble, when);

        await pass(kit, 30);
        const problem = `/v3 fails again and again (${trouble.errno}): nothing is written to it`;
        assert.deepEqual(await third(kit), ["failing", problem]);
        assert.equal((await collect(kit, false)).blocked, "a volume is not there");
        assert((await put(kit, randomBytes(900 * KiB, 9))).ok);
        await assertHeld(world);

        world.trouble = undefined;
        await pass(kit, 15);
        assert.deepEqual(await third(kit), ["present", undefined]);
        assert.equal((await settled(kit)).profile, "4+2");
        assert.equal((await collect(kit, false)).blocked, undefined);
        assert.equal(kit.actor.incarnation, life);
      });
    }
  }
});
