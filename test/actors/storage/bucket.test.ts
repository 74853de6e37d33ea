/**
 * Storage with its packs in a bucket of a real S3 server; catalog and lock are on the machine's disk.
 *
 * Packs have 2 MiB here, uploads fill several, and the server is a process that is killed.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { BUCKET_WAIT_MS, type PackPlace } from "#actors/storage/packs/pack-place.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import { Outage, S3_OUTAGE_MS, S3_PROBE_AWAY_MS, S3_PROBE_PAUSE_MS } from "#runtime/bucket/outage.ts";
import type { S3Options } from "#runtime/bucket/s3-bucket.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { type RealStorage, startRealStorage } from "#test/actors/storage/real-storage.ts";
import { put, REAL_MS, whole, within } from "#test/actors/storage/storage-kit.ts";
import { eventually } from "#test/kit/node.ts";
import { randomBytes } from "#test/kit/objects.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { FaultyProxy } from "#test/runtime/bucket/faulty-proxy.ts";
import { bucketAt, S3Server } from "#test/runtime/bucket/s3-server.ts";

const sizes = [0, 1, 64 * KiB + 1, 700 * KiB, 1 * MiB + 1, 6 * MiB];
const objects: readonly Buffer[] = sizes.map((size, seed) => randomBytes(size, seed));

interface World {
  readonly directory: string;
  readonly port: number;
  readonly options?: Partial<S3Options>;
}

/** Whole, and closed with the test at the latest. Each has a disk of its own: nothing of the life before is in memory. */
async function opened(context: TestContext, { directory, port, options }: World): Promise<RealStorage> {
  const bucket = bucketAt(context, port, "cepa", options);
  const { outage } = bucket;
  const disk = new BucketDisk({ bucket, random: createRealRandom() });
  const elsewhere = { disk, directory: "/", bucket: "http://packs/cepa", outage };
  const kit = await startRealStorage(directory, { elsewhere });
  context.after(() => kit.close());
  await whole(kit, REAL_MS);
  return kit;
}

async function putAll(kit: RealStorage): Promise<readonly StoredObject[]> {
  const stored: StoredObject[] = [];
  for (const bytes of objects) {
    const one = await put(kit, bytes);
    assert(one.ok, JSON.stringify(one));
    stored.push(one.value);
  }
  return stored;
}

async function mustHoldAll(kit: RealStorage, stored: readonly StoredObject[]): Promise<void> {
  for (const [index, { manifest }] of stored.entries()) {
    const got = await mustRead(kit.ref, manifest, `object ${index}`);
    assert.equal(Buffer.compare(got, objects[index] ?? Buffer.alloc(0)), 0, `object ${index} is what was put`);
  }
}

describe("storage (packs in a bucket): objects", () => {
  it("come back as they were, over a restart of the node and of the server (STO-1, STO-60)", async (context) => {
    const server = await S3Server.start(context);
    const world = { directory: await tempDirectory(context), port: server.port };
    const first = await opened(context, world);
    const stored = await putAll(first);
    await mustHoldAll(first, stored);
    await first.close();
    await server.kill();
    await server.startAgain();

    const second = await opened(context, world);

    await mustHoldAll(second, stored);
    const facts = await second.ref.call("describe", {}, within);
    assert(facts.ok && facts.value.packCount > 3, "uploads filled several packs");
    assert.equal(facts.value.damagedChunkCount, 0);
  });

  it("do not begin with a key that the server refuses, and the bucket and the key are named (STO-60)", async (context) => {
    const server = await S3Server.start(context);
    const credentials = { accessKeyId: "S3RVER", secretAccessKey: "another" };
    const directory = await tempDirectory(context);

    const said = await opened(context, { directory, port: server.port, options: { credentials } }).then(String, String);

    assert.match(said, /http:\/\/packs\/cepa \(storage\.s3\).* AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY .*EACCES/s);
  });

  it("wait for a bucket that is away when they start, and are told that it is (STO-61)", async (context) => {
    const server = await S3Server.start(context);
    const bucket = bucketAt(context, server.port, "cepa", { deadlineMs: 500 });
    await server.kill();
    const watched: (() => void)[] = [];
    const outage: PackPlace["outage"] & { cause: string | undefined } = {
      cause: "ECONNREFUSED",
      over: async (waitMs) => {
        assert.equal(waitMs, BUCKET_WAIT_MS);
        await server.startAgain();
      },
      watch: (watcher) => {
        watched.push(watcher);
        return () => undefined;
      },
    };
    const disk = new BucketDisk({ bucket, random: createRealRandom() });

    const elsewhere = { disk, directory: "/", bucket: "http://packs/cepa", outage };
    const kit = await startRealStorage(await tempDirectory(context), { elsewhere });
    context.after(() => kit.close());
    await whole(kit, REAL_MS);

    const health = [kit.actor.health];
    outage.cause = undefined;
    for (const watcher of watched) watcher();
    health.push(kit.actor.health);
    assert.deepEqual(health, [
      { state: "degraded", reason: "the bucket http://packs/cepa does not answer: ECONNREFUSED" },
      { state: "ready", reason: undefined },
    ]);
  });

  it("end at once when they are told to while they wait for their bucket (STO-110)", async (context) => {
    const clock = new ManualClock();
    const outage = new Outage({ clock, probe: async () => "ECONNREFUSED" });
    const elsewhere = { disk: new MemoryDisk(), directory: "/", bucket: "http://packs/cepa", outage };
    const kit = await startRealStorage(await tempDirectory(context), { elsewhere });
    context.after(() => kit.close());
    await kit.actor.stop();
    outage.doubt();
    await clock.advance(S3_OUTAGE_MS);

    const starting = kit.actor.start();
    await new Promise((resolve) => setImmediate(resolve));
    const { lifecycle } = kit.actor;
    const gone = await kit.actor.stop();

    assert.deepEqual([lifecycle, gone, (await starting).ok], ["starting", { clean: true }, false]);
  });

  it("come back when the machine with the catalog is lost (STO-9, STO-62)", async (context) => {
    const server = await S3Server.start(context);
    const port = server.port;
    const first = await opened(context, { directory: await tempDirectory(context), port });
    const stored = await putAll(first);
    await first.close();

    const second = await opened(context, { directory: await tempDirectory(context), port });

    await mustHoldAll(second, stored);
  });

  it("that were acknowledged are all there when the server was killed in the middle of puts (STO-1, STO-61)", async (context) => {
    const server = await S3Server.start(context);
    // Enough for a server that has just started.
    const options = { deadlineMs: 2000, attemptMs: 1500 };
    const directory = await tempDirectory(context);
    const world = { directory, port: server.port, options };
    const first = await opened(context, world);
    const acknowledged: { readonly stored: StoredObject; readonly bytes: Buffer }[] = [];
    let refusedCount = 0;
    let seed = 100;
    const putting = async (sizeBytes: number): Promise<void> => {
      for (let count = 0; count < 5; count += 1) {
        seed += 1;
        const bytes = randomBytes(sizeBytes, seed);
        const one = await put(first, bytes);
        if (!one.ok) {
          refusedCount += 1;
          return;
        }
        acknowledged.push({ stored: one.value, bytes });
        // The fifth that is acknowledged is the sign: the others are under way.
        if (acknowledged.length === 5) await server.kill();
      }
    };

    await Promise.all([putting(3 * MiB), putting(300 * KiB), putting(5 * KiB), putting(2 * MiB)]);
    assert(refusedCount > 0 && acknowledged.length >= 5, "some puts met the dead server");
    await server.startAgain();
    // It may have counted as away, and counts as back with the next probe.
    const waitMs = S3_PROBE_PAUSE_MS + S3_PROBE_AWAY_MS;
    await eventually(waitMs, "the bucket is back", () => first.actor.health.state === "ready");
    const after = randomBytes(1 * MiB, 7);
    const again = await put(first, after);
    assert(again.ok, `the same life goes on when the server is back: ${JSON.stringify(again)}`);
    acknowledged.push({ stored: again.value, bytes: after });
    for (const { stored, bytes } of acknowledged) {
      assert.deepEqual(Buffer.from(await mustRead(first.ref, stored.manifest, "in the same life")), bytes);
    }
    await first.close();
    rmSync(join(directory, "catalog"), { recursive: true });

    const second = await opened(context, world);

    for (const { stored, bytes } of acknowledged) {
      assert.deepEqual(Buffer.from(await mustRead(second.ref, stored.manifest, "in the next life")), bytes);
    }
  });

  it("are put and read through a network that fails every fifth request (STO-1, STO-61)", async (context) => {
    const server = await S3Server.start(context);
    const proxy = await FaultyProxy.start(context, () => server.port);
    const faults = ["busy", "cut-request", "cut-answer", "silent"] as const;
    let requests = 0;
    proxy.faultOf = () => {
      requests += 1;
      return requests % 5 === 0 ? (faults[(requests / 5) % faults.length] ?? "none") : "none";
    };
    const options = { attemptMs: 120 };
    const world = { directory: await tempDirectory(context), port: proxy.port, options };
    const first = await opened(context, world);

    const stored = await putAll(first);
    await mustHoldAll(first, stored);
    await first.close();

    await mustHoldAll(await opened(context, world), stored);
    for (const fault of faults) assert((proxy.counts.get(fault) ?? 0) > 0, `there was ${fault}`);
  });
});
