/** Packs in a bucket that stops answering in the middle of a large put. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import { must } from "#runtime/errors.ts";
import { MemoryBucket } from "#runtime/simulated/bucket.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { turns } from "#test/actors/storage/refused-reads.ts";
import { put, randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";
import { sourceOver } from "#test/kit/byte-source.ts";

it("storage (packs in a bucket): a put that an outage ends leaves its pack to the next (STO-61)", async () => {
  const bucket = new MemoryBucket();
  const disk = new BucketDisk({ bucket, random: seededRandom(7) });
  const outage = { cause: undefined, over: async () => undefined, watch: () => () => undefined };
  const kit = await startStorage({
    config: { packSealBytes: 64 * MiB },
    elsewhere: { disk, directory: "/", bucket: "http://packs/cepa", outage },
  });
  const packs = async (): Promise<readonly string[]> =>
    must(await disk.list("/packs"), "the packs are listed").map(({ name }) => name);
  must(await put(kit, randomBytes(3 * MiB, 1)), "it makes the pack");
  const before = await packs();
  const putsBefore = bucket.counts.put;
  // The first part of it gets there, and nothing from then on.
  bucket.fateOf = () => (bucket.counts.put > putsBefore + 1 ? "lost" : "answered");
  // What is under way to the bucket has failed before the client sends more.
  const source = sourceOver(randomBytes(40 * MiB, 2), {
    pieceBytes: () => 256 * KiB,
    failure: { code: "test.broken-off" },
    before: turns,
  });

  const failed = await kit.ref.call("putObject", { source }, within);
  bucket.fateOf = () => "answered";
  const next = await put(kit, randomBytes(3 * MiB, 3));

  assert.deepEqual(failed, { ok: false, failure: { code: "storage.write-failed", errno: "ETIMEDOUT" } });
  must(next, "the bucket answers again");
  assert.deepEqual(await packs(), before);
  await kit.actor.stop();
});
