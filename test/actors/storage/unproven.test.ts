/**
 * Puts while damage is known, and a moment without descriptors: what cannot be read now is not relied upon, and what is
 * written in its place counts (STO-1, STO-4).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LINK_LOST } from "#actors/storage/packs/pack-write.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { mustHold, refuseReads, sizes, stored, turns } from "#test/actors/storage/refused-reads.ts";
import { type StorageKit, sourceOf, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { randomBytes } from "#test/kit/objects.ts";

const small = randomBytes(2000, 1);

interface Damaged {
  readonly kit: StorageKit;
  /** From then on damage is known, though not that of `bytes`. */
  learn(): Promise<void>;
  /** Without descriptors no pack can be read. */
  starve(isStarved: boolean): void;
}

/** `bytes` are stored, and so is another object. Both are damaged, which nobody knows. */
async function damaged(bytes: Uint8Array): Promise<Damaged> {
  const kit = await startStorage();
  let isStarved = false;
  refuseReads(kit.disk, (path) => isStarved && path.endsWith(".pack"), "EMFILE");
  const other = await stored(kit, small);
  await stored(kit, bytes);
  for (const wanted of [bytes.subarray(1000, 1032), small.subarray(0, 32)]) await turn(kit, wanted);
  return {
    kit,
    learn: async () => assert(!((await readObject(kit.ref, other.manifest)) instanceof Uint8Array)),
    starve: (is) => {
      isStarved = is;
    },
  };
}

async function turn({ disk }: StorageKit, wanted: Uint8Array): Promise<void> {
  let count = 0;
  for (const name of (await sizes(disk)).keys()) {
    const read = await disk.readFile(`/data/packs/${name}`);
    assert(read.ok);
    const at = Buffer.from(read.value).indexOf(wanted);
    if (at < 0) continue;
    disk.flipByte(`/data/packs/${name}`, at);
    count += 1;
  }
  assert.equal(count, 1);
}

describe("storage: a put that cannot read what it would refer to", () => {
  for (const sizeBytes of [3000, 1500 * KiB]) {
    it(`writes all of ${sizeBytes} bytes again, which are stored and damaged`, async () => {
      const bytes = randomBytes(sizeBytes, 2);
      const { kit, learn, starve } = await damaged(bytes);

      await learn();
      starve(true);
      const again = await stored(kit, bytes);
      starve(false);

      assert.equal(again.known, false);
      await mustHold(kit, [again], [Buffer.from(bytes)]);
    });
  }

  it("is refused where it was cut before any damage was known, and cannot look now", async () => {
    const base = randomBytes(5 * MiB, 2);
    const { kit, learn, starve } = await damaged(base);
    const bytes = Buffer.concat([base, randomBytes(1000, 3)]);
    const gate = Promise.withResolvers<void>();
    const source = sourceOf(bytes);
    let givenBytes = 0;
    const held: ByteSource = {
      get failure() {
        return source.failure;
      },
      read: async (into) => {
        if (givenBytes >= base.length) await gate.promise;
        const count = await source.read(into);
        givenBytes += Math.max(0, count);
        return count;
      },
      cancel: (reason) => source.cancel(reason),
    };
    const putting = kit.ref.call("putObject", { source: held }, within);
    await turns();
    await learn();
    starve(true);
    gate.resolve();

    const refused = await putting;
    starve(false);

    assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: LINK_LOST } });
    await mustHold(kit, [await stored(kit, bytes)], [bytes]);
  });

  it("writes the chunks of a new object that it shares with a damaged one", async () => {
    const base = randomBytes(5 * MiB, 2);
    const { kit, learn, starve } = await damaged(base);
    const bytes = Buffer.concat([base, randomBytes(1000, 3)]);

    await learn();
    starve(true);
    const fresh = await stored(kit, bytes);
    starve(false);

    await mustHold(kit, [fresh], [bytes]);
  });
});
