/**
 * The disk on a bucket when requests are lost, come late, or are done unheard, and the process ends in between: what was
 * synced is there, and what came late changes nothing of what was written after it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import { must } from "#runtime/errors.ts";
import { type BucketFate, MemoryBucket } from "#runtime/simulated/bucket.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { bytesOf, codeOf } from "#test/runtime/seams/disk-suite.ts";

const fates: readonly BucketFate[] = ["done-unheard", "late", "lost"];

function diskOn(bucket: MemoryBucket, seed: number = 1): BucketDisk {
  return new BucketDisk({ bucket, random: seededRandom(seed) });
}

async function contentsOf(bucket: MemoryBucket, path: string): Promise<Uint8Array> {
  return must(await diskOn(bucket, 99).readFile(path), "reading");
}

/** A file with these bytes, synced and closed. */
async function durableFile(bucket: MemoryBucket, contents: Uint8Array): Promise<void> {
  must(await diskOn(bucket, 2).replaceFile("/file", contents), "making");
}

describe("disk (bucket): a sync that failed", () => {
  test("leaves the descriptor without trust, and a fresh one with what the bucket has", async () => {
    const bucket = new MemoryBucket();
    await durableFile(bucket, bytesOf("old"));
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "write"), "opening");
    must(await disk.write(descriptor, [bytesOf("new")], 0), "writing");
    bucket.fateOf = () => "lost";
    const failure = { code: "disk.broken", path: "/file", errno: "ETIMEDOUT" };

    assert.deepEqual(await disk.sync(descriptor), { ok: false, failure });
    bucket.fateOf = () => "answered";
    assert.deepEqual(await disk.sync(descriptor), { ok: false, failure }, "it is not tried again");
    assert.deepEqual(await disk.write(descriptor, [bytesOf("x")], 0), { ok: false, failure });
    assert.deepEqual(await disk.truncate(descriptor, 0), { ok: false, failure });
    must(await disk.close(descriptor), "closing");

    assert.deepEqual(must(await disk.readFile("/file"), "reading"), bytesOf("old"));
  });

  test("that takes effect late does not come on top of what was synced since", async () => {
    const bucket = new MemoryBucket();
    await durableFile(bucket, bytesOf("committed"));
    const first = diskOn(bucket);
    const broken = must(await first.open("/file", "write"), "opening");
    must(await first.write(broken, [bytesOf("DOUBTFUL AND LONG")], 4), "writing");
    bucket.fateOf = () => "late";
    assert.equal(codeOf(await first.sync(broken)), "disk.broken");
    bucket.fateOf = () => "answered";
    // Neither the same process nor the next one knows of it.
    for (const disk of [first, diskOn(bucket, 3)]) {
      const descriptor = must(await disk.open("/file", "write"), "opening again");
      const end = must(await disk.sizeBytes(descriptor), "size");
      must(await disk.write(descriptor, [bytesOf("+")], end), "writing");
      must(await disk.sync(descriptor), "syncing");
      must(await disk.close(descriptor), "closing");
    }

    bucket.arrive();

    assert.deepEqual(await contentsOf(bucket, "/file"), bytesOf("committed++"));
  });

  test("with a cut that takes effect late takes nothing away that was synced since", async () => {
    const bucket = new MemoryBucket();
    await durableFile(bucket, bytesOf("committed"));
    const first = diskOn(bucket);
    const broken = must(await first.open("/file", "write"), "opening");
    must(await first.truncate(broken, 2), "cutting");
    bucket.fateOf = () => "late";
    assert.equal(codeOf(await first.sync(broken)), "disk.broken");
    bucket.fateOf = () => "answered";
    const second = diskOn(bucket, 3);
    const descriptor = must(await second.open("/file", "write"), "opening again");
    must(await second.write(descriptor, [bytesOf("!")], 9), "writing");
    must(await second.sync(descriptor), "syncing");

    bucket.arrive();

    assert.deepEqual(await contentsOf(bucket, "/file"), bytesOf("committed!"));
    must(await second.close(descriptor), "closing");
    must(await first.close(broken), "closing");
  });

  test("of one extent among several tears, and keeps what was synced before", async () => {
    const bucket = new MemoryBucket();
    await durableFile(bucket, bytesOf("abcdef"));
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "write"), "opening");
    must(await disk.write(descriptor, [bytesOf("X")], 1), "writing");
    must(await disk.write(descriptor, [bytesOf("Y")], 4), "writing apart");
    bucket.fateOf = (key) => (/\.e\.1\.1$/.test(key) ? "lost" : "answered");

    assert.equal(codeOf(await disk.sync(descriptor)), "disk.broken");

    assert.deepEqual(await contentsOf(bucket, "/file"), bytesOf("abcdYf"));
    must(await disk.close(descriptor), "closing");
  });
});

describe("disk (bucket): a server that is not atomic", () => {
  test("leaves the front of an extent that nobody was told of, and the file is as before", async () => {
    const bucket = new MemoryBucket();
    await durableFile(bucket, bytesOf("before"));
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "write"), "opening");
    must(await disk.write(descriptor, [bytesOf("behind it")], 6), "writing");
    bucket.fateOf = (key) => (key.includes(".e.") ? "done-unheard" : "answered");
    assert.equal(codeOf(await disk.sync(descriptor)), "disk.broken");
    for (const key of bucket.keys.filter((one) => one.endsWith(".e.6.9"))) bucket.tear(key, 5);

    assert.deepEqual(await contentsOf(bucket, "/file"), bytesOf("before"));
    must(await disk.close(descriptor), "closing");
  });
});

describe("disk (bucket): removal", () => {
  test("is one object: whatever else is not done, the file is gone, and a late head does not bring it back", async () => {
    const bucket = new MemoryBucket();
    await durableFile(bucket, bytesOf("x"));
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "write"), "opening");
    must(await disk.write(descriptor, [bytesOf("y")], 1), "writing");
    bucket.fateOf = () => "late";
    assert.equal(codeOf(await disk.sync(descriptor)), "disk.broken");
    must(await disk.close(descriptor), "closing");
    bucket.fateOf = (key) => (key.endsWith(".x") ? "answered" : "lost");

    must(await disk.remove("/file"), "removing");
    bucket.arrive();

    assert.equal(codeOf(await disk.readFile("/file")), "disk.not-found");
    bucket.fateOf = () => "answered";
    const next = diskOn(bucket, 4);
    must(await next.makeDirectory("/other"), "a life begins");
    assert.deepEqual(must(await next.list("/"), "listing"), [{ name: "other", kind: "directory", sizeBytes: 0 }]);
    assert.deepEqual(
      bucket.keys.filter((key) => key.startsWith("file/")),
      [],
      "the next life sweeps",
    );
  });

  test("that fails leaves the file whole", async () => {
    const bucket = new MemoryBucket();
    await durableFile(bucket, bytesOf("whole"));
    const disk = diskOn(bucket);
    bucket.fateOf = (key) => (key.endsWith(".x") ? "lost" : "answered");

    assert.equal(codeOf(await disk.remove("/file")), "disk.broken");

    assert.deepEqual(await contentsOf(bucket, "/file"), bytesOf("whole"));
  });

  test("of a file that is open is for good, whatever its last user syncs", async () => {
    const bucket = new MemoryBucket();
    const disk = diskOn(bucket);
    must(await disk.replaceFile("/file", bytesOf("some bytes")), "making");
    const descriptor = must(await disk.open("/file", "write"), "opening");
    must(await disk.remove("/file"), "removing");

    must(await disk.truncate(descriptor, 4), "cutting");
    must(await disk.sync(descriptor), "syncing");

    const into = new Uint8Array(9);
    assert.equal(must(await disk.read(descriptor, into, 0), "reading"), 4);
    assert.equal(codeOf(await diskOn(bucket, 5).readFile("/file")), "disk.not-found");
    must(await disk.close(descriptor), "closing");
    assert.deepEqual(
      bucket.keys.filter((key) => key.startsWith("file/") && !key.endsWith(".x")),
      [],
      "the last close takes its objects away",
    );
  });

  test("and a new file of the same name share nothing", async () => {
    const bucket = new MemoryBucket();
    const disk = diskOn(bucket);
    must(await disk.replaceFile("/file", bytesOf("the one before")), "making");
    bucket.fateOf = (key) => (key.endsWith(".x") ? "answered" : "lost");
    must(await disk.remove("/file"), "removing");
    bucket.fateOf = () => "answered";

    const descriptor = must(await disk.open("/file", "create-new"), "making again");
    must(await disk.write(descriptor, [bytesOf("B")], 3), "writing");
    must(await disk.close(descriptor), "closing");

    assert.deepEqual(await contentsOf(bucket, "/file"), new Uint8Array([0, 0, 0, 66]));
  });
});

describe("disk (bucket): replaceFile", () => {
  test("that is cut off anywhere leaves the old file or the new one", async () => {
    const seen = new Set<string>();
    for (let cutAt = 0; cutAt < 6; cutAt += 1) {
      for (const fate of fates) {
        const bucket = new MemoryBucket();
        await durableFile(bucket, bytesOf("old"));
        const disk = diskOn(bucket);
        must(await disk.makeDirectory("/begun"), "a life begins");
        let requests = 0;
        bucket.fateOf = () => {
          requests += 1;
          return requests <= cutAt ? "answered" : fate;
        };
        const replaced = await disk.replaceFile("/file", bytesOf("new"));
        bucket.arrive(true);
        bucket.fateOf = () => "answered";
        const found = Buffer.from(await contentsOf(bucket, "/file")).toString();
        if (replaced.ok) assert.equal(found, "new");
        seen.add(found);
      }
    }

    assert.deepEqual([...seen].sort(), ["new", "old"]);
  });
});

type Step =
  | { readonly kind: "write"; readonly at: number; readonly length: number }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "sync" }
  | { readonly kind: "reopen" }
  | { readonly kind: "crash" }
  | { readonly kind: "arrive" };

const at = fc.nat({ max: 300 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("write" as const), at, length: fc.integer({ min: 1, max: 90 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const), at }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("sync" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("arrive" as const) }) },
);

describe("disk (bucket): any sequence of writes, cuts, syncs and crashes on a bad network (property)", () => {
  test("what was synced, or seen after a start and synced over, is what a later life reads", () => {
    return fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40, size: "max" }),
        fc.infiniteStream(fc.nat({ max: 11 })),
        async (steps, luck) => {
          const bucket = new MemoryBucket({ pageObjectsMax: 5 });
          await durableFile(bucket, new Uint8Array(0));
          const draw = (): BucketFate => fates[luck.next().value ?? 11] ?? "answered";
          let seed = 10;
          let disk = diskOn(bucket, seed);
          let descriptor: number | undefined;
          /** What is in memory, and undefined where it is not certain. */
          let written: number[] = [];
          /** What the bucket must have, whatever comes late: undefined where nothing was synced since a failure. */
          let certain: number[] | undefined = [];
          let isChanged = false;
          let stamp = 0;
          const reopen = async (isCrash: boolean): Promise<void> => {
            bucket.fateOf = () => "answered";
            if (!isCrash && descriptor !== undefined) await disk.close(descriptor);
            if (isCrash) {
              seed += 1;
              disk = diskOn(bucket, seed);
            }
            descriptor = must(await disk.open("/file", "write"), "opening");
            const size = must(await disk.sizeBytes(descriptor), "size");
            const bytes = new Uint8Array(size);
            must(await disk.read(descriptor, bytes, 0), "reading");
            if (certain !== undefined) assert.deepEqual([...bytes], certain);
            written = [...bytes];
            isChanged = false;
            bucket.fateOf = draw;
          };
          await reopen(true);
          for (const one of steps) {
            if (descriptor === undefined) continue;
            if (one.kind === "arrive") bucket.arrive(stamp % 2 === 0);
            else if (one.kind === "write") {
              stamp = (stamp % 250) + 1;
              const wrote = await disk.write(descriptor, [new Uint8Array(one.length).fill(stamp)], one.at);
              if (!wrote.ok) continue;
              while (written.length < one.at) written.push(0);
              written.splice(one.at, one.length, ...new Array<number>(one.length).fill(stamp));
              certain = undefined;
              isChanged = true;
            } else if (one.kind === "cut") {
              const size = written.length;
              if (!(await disk.truncate(descriptor, one.at)).ok) continue;
              written = Array.from({ length: one.at }, (_, index) => written[index] ?? 0);
              if (size === one.at) continue;
              certain = undefined;
              isChanged = true;
            } else if (one.kind === "sync") {
              const synced = await disk.sync(descriptor);
              // A sync of nothing says nothing of what a failed one may have left on its way.
              if (synced.ok && isChanged) certain = [...written];
              isChanged = false;
              if (!synced.ok) await reopen(false);
            } else await reopen(one.kind === "crash");
          }
          bucket.arrive();
          await reopen(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
