/** What the operator allows the store to hold (STO-27). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ByteSource } from "#runtime/byte-source.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { turns } from "#test/actors/storage/refused-reads.ts";
import {
  packBytes,
  put,
  randomBytes,
  type StorageKit,
  sourceOf,
  startStorage,
  within,
} from "#test/actors/storage/storage-kit.ts";

function code(answer: { readonly ok: boolean; readonly failure?: { readonly code: string } }): string {
  return answer.failure?.code ?? "ok";
}

async function storedBytes({ ref }: StorageKit): Promise<number> {
  const facts = await ref.call("describe", {}, within);
  assert(facts.ok);
  return facts.value.packBytes;
}

describe("storage: storedBytesMax", () => {
  it("takes puts up to nine tenths of it and none beyond, also of unknown size, and serves reads", async () => {
    const kit = await startStorage({ config: { storedBytesMax: 10 * MiB, packSealBytes: 1 * MiB } });
    let stored = 0;
    for (let number = 0; number < 20; number += 1) {
      const answer = await put(kit, randomBytes(600 * KiB, number), number % 2 === 0 ? { sizeBytes: 600 * KiB } : {});
      if (answer.ok) stored += 1;
      else assert.equal(answer.failure.code, "storage.limit-reached");
    }

    assert(stored >= 13 && stored <= 15, `${stored}`);
    assert(
      (await packBytes(kit.disk)) <= 9 * MiB + 20 * KiB,
      "records and fronts of packs are over the objects' bytes",
    );
    // The last one that is full may still be about to be sealed.
    await turns();
    assert.equal(await storedBytes(kit), await packBytes(kit.disk));
    assert.equal(code(await put(kit, randomBytes(100 * MiB, 99).subarray(0, 20 * MiB))), "storage.limit-reached");
    assert.equal(code(await put(kit, randomBytes(600 * KiB, 0))), "storage.limit-reached");
  });

  it("counts uploads that are under way, and gives back what one that fails was to take", async () => {
    const kit = await startStorage({ config: { storedBytesMax: 10 * MiB, packSealBytes: 64 * MiB } });
    const source = sourceOf(randomBytes(6 * MiB, 1), 64 * KiB, 5 * MiB);
    const reached = Promise.withResolvers<void>();
    const goesOn = Promise.withResolvers<void>();
    let leftBytes = 5 * MiB;
    const paused: ByteSource = {
      read: async (into) => {
        if (leftBytes === 0) reached.resolve();
        if (leftBytes === 0) await goesOn.promise;
        const count = await source.read(into);
        leftBytes -= Math.max(0, count);
        return count;
      },
      cancel: (reason) => source.cancel(reason),
      get failure() {
        return source.failure;
      },
    };
    const failing = kit.ref.call("putObject", { source: paused }, within);
    await reached.promise;
    const beside = await kit.ref.call("putObject", { source: sourceOf(randomBytes(6 * MiB, 2)) }, within);
    goesOn.resolve();
    assert.equal(code(await failing), "storage.source-failed");

    assert.equal(code(beside), "storage.limit-reached");
    assert.equal(code(await put(kit, randomBytes(6 * MiB, 2))), "ok");
  });

  for (const sizeBytes of [24 * MiB, undefined]) {
    it(`counts what puts write to volumes, with its redundancy, and once (${sizeBytes === undefined ? "of unknown size" : "known"})`, async () => {
      const directories = ["/v1", "/v2", "/v3", "/v4", "/v5", "/v6"];
      const kit = await startStorage({
        disk: new MemoryDisk({ capacityBytes: 4 * GiB }),
        volumes: { directories, erasure: { dataShards: 4, parityShards: 2 } },
        config: { storedBytesMax: 44 * MiB, writeQuotaBytes: 64 * MiB },
      });
      const options = sizeBytes === undefined ? {} : { sizeBytes };

      assert.equal(code(await put(kit, randomBytes(24 * MiB, 1), options)), "ok");

      assert((await storedBytes(kit)) >= 36 * MiB);
      assert.equal(code(await put(kit, randomBytes(1 * MiB, 2))), "ok");
      assert.equal(code(await put(kit, randomBytes(2 * MiB, 3))), "storage.limit-reached");
    });
  }

  it("is left again by removing and collecting", async () => {
    const kit = await startStorage({ config: { storedBytesMax: 4 * MiB, packSealBytes: 1 * MiB } });
    const large = await put(kit, randomBytes(3 * MiB, 1));
    assert(large.ok);
    assert.equal(code(await put(kit, randomBytes(1 * MiB, 2))), "storage.limit-reached");
    const { manifest } = large.value;
    assert((await kit.ref.call("removeObject", { manifest }, within)).ok);
    assert((await kit.ref.call("collectGarbage", { emptyTrash: true }, within)).ok);
    for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));

    assert.equal(code(await put(kit, randomBytes(1 * MiB, 2))), "ok");
  });
});

describe("storage: packsMax", () => {
  it("takes no put while there are more packs than nine tenths of it", async () => {
    const kit = await startStorage({ config: { packsMax: 20, packSealBytes: 64 * KiB } });
    let stored = 0;
    let last = "ok";
    for (let number = 0; number < 40 && last === "ok"; number += 1) {
      last = code(await put(kit, randomBytes(70 * KiB, number)));
      if (last === "ok") stored += 1;
    }

    assert.equal(last, "storage.limit-reached");
    assert(stored >= 18 && stored <= 20, `${stored}`);
  });
});
