/** What the disk on a bucket does beyond the seam: its memory, its merging, and what it asks of the bucket. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Bucket } from "#runtime/bucket/bucket.ts";
import { BucketDisk, UNSYNCED_BYTES_MAX } from "#runtime/bucket/bucket-disk.ts";
import { EXTENT_BYTES_MAX, MERGE_RUN } from "#runtime/bucket/merge-plan.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { Defect, must, ok } from "#runtime/errors.ts";
import { MemoryBucket } from "#runtime/simulated/bucket.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { bytesOf, codeOf } from "#test/runtime/seams/disk-suite.ts";

/** A bucket whose puts, or reads, wait while `gate` is there. */
class GatedBucket extends MemoryBucket implements Bucket {
  putGate: Promise<void> | undefined;
  readGate: Promise<void> | undefined;

  override async put(key: string, parts: readonly Uint8Array[]): ReturnType<Bucket["put"]> {
    await this.putGate;
    return await super.put(key, parts);
  }

  override async read(key: string, into: Uint8Array, position: number): ReturnType<Bucket["read"]> {
    await this.readGate;
    return await super.read(key, into, position);
  }
}

function diskOn(bucket: Bucket): BucketDisk {
  return new BucketDisk({ bucket, random: seededRandom(1) });
}

/** Lets everything go on that can. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("disk (bucket): memory", () => {
  it("takes writes up to the limit while the bucket does not answer, and the next one when it does", async () => {
    const bucket = new GatedBucket();
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "create"), "opening");
    const { promise, resolve } = Promise.withResolvers<void>();
    bucket.putGate = promise;
    const piece = new Uint8Array(1 * MiB);

    for (let at = 0; at < UNSYNCED_BYTES_MAX; at += piece.length)
      must(await disk.write(descriptor, [piece], at), "writing");
    let isDone = false;
    const further = disk.write(descriptor, [bytesOf("x")], UNSYNCED_BYTES_MAX).then((written) => {
      isDone = true;
      return written;
    });
    await turns();
    assert.equal(isDone, false);

    bucket.putGate = undefined;
    resolve();
    must(await further, "writing further");
    must(await disk.sync(descriptor), "syncing");
    assert.equal(must(await disk.sizeBytes(descriptor), "size"), UNSYNCED_BYTES_MAX + 1);
    must(await disk.close(descriptor), "closing");
  });

  it("is given to the bucket early, in whole extents, so that the sync of a large file has little left", async () => {
    const bucket = new MemoryBucket();
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "create"), "opening");
    const piece = new Uint8Array(256 * KiB);

    for (let at = 0; at < 4 * EXTENT_BYTES_MAX; at += piece.length)
      must(await disk.write(descriptor, [piece], at), "writing");
    await turns();

    assert.deepEqual(
      bucket.keys.flatMap((key) => /\.e\.\w+\.(\w+)$/.exec(key)?.[1] ?? []),
      new Array(4).fill(EXTENT_BYTES_MAX.toString(16)),
    );
    must(await disk.close(descriptor), "closing");
  });

  it("does not answer a sync before the bucket has", async () => {
    const bucket = new GatedBucket();
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "create"), "opening");
    const { promise, resolve } = Promise.withResolvers<void>();
    bucket.putGate = promise;
    must(await disk.write(descriptor, [bytesOf("x")], 0), "writing");
    let isDone = false;
    const syncing = disk.sync(descriptor).then((synced) => {
      isDone = true;
      return synced;
    });

    await turns();
    assert.equal(isDone, false);
    resolve();
    must(await syncing, "syncing");
    must(await disk.close(descriptor), "closing");
  });
});

describe("disk (bucket): merging", () => {
  const append = async (disk: BucketDisk, descriptor: number, index: number): Promise<void> => {
    must(await disk.write(descriptor, [new Uint8Array(100).fill(index)], index * 100), "writing");
    must(await disk.sync(descriptor), "syncing");
  };

  it("does not disturb a read under way, whose objects go", async () => {
    const bucket = new GatedBucket();
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "create"), "opening");
    for (let index = 0; index < MERGE_RUN - 1; index += 1) await append(disk, descriptor, index);
    const { promise, resolve } = Promise.withResolvers<void>();
    bucket.readGate = promise;
    const into = new Uint8Array(300);
    const reading = disk.read(descriptor, into, 200);
    bucket.readGate = undefined;

    await append(disk, descriptor, MERGE_RUN - 1);
    assert.equal(bucket.keys.filter((key) => key.includes(".e.")).length, 1, "all extents are one");
    resolve();

    assert.equal(must(await reading, "reading"), 300);
    assert.deepEqual([into[0], into[100], into[200]], [2, 3, 4]);
    must(await disk.close(descriptor), "closing");
  });

  it("that fails in between changes nothing, and the next sync does it", async () => {
    const bucket = new MemoryBucket();
    const disk = diskOn(bucket);
    const descriptor = must(await disk.open("/file", "create"), "opening");
    for (let index = 0; index < MERGE_RUN - 1; index += 1) await append(disk, descriptor, index);
    bucket.fateOf = (key) => (key.includes(".h.") ? "lost" : "answered");
    await append(disk, descriptor, MERGE_RUN - 1);
    const contents = async (): Promise<Uint8Array> => must(await diskOn(bucket).readFile("/file"), "reading");
    bucket.fateOf = () => "answered";
    const before = await contents();

    await append(disk, descriptor, MERGE_RUN);

    assert.equal(before.length, MERGE_RUN * 100);
    const after = await contents();
    assert.deepEqual(after.subarray(0, before.length), before);
    assert.equal(after.length, (MERGE_RUN + 1) * 100);
    assert(bucket.keys.filter((key) => key.includes(".e.")).length <= 2);
    must(await disk.close(descriptor), "closing");
  });
});

describe("disk (bucket): names", () => {
  it("that a key cannot hold are refused", async () => {
    const disk = diskOn(new MemoryBucket());

    const strange = ["/a b", "/..", "/a/../b", `/${"x".repeat(256)}`, `/${"long/".repeat(120)}`, "/ü"];
    for (const path of strange) {
      assert.deepEqual(await disk.open(path, "create"), {
        ok: false,
        failure: { code: "disk.broken", path, errno: "EINVAL" },
      });
    }
    assert.equal(codeOf(await disk.replaceFile(`/${"x".repeat(255)}`, bytesOf("x"))), "ok");
  });

  it("do not tell of changes: to watch one is a defect", () => {
    const disk: Disk = diskOn(new MemoryBucket());
    assert.throws(() => disk.watch("/file", () => undefined), Defect);
  });

  it("of a file that is open follow it over a rename", async () => {
    const disk = diskOn(new MemoryBucket());
    const descriptor = must(await disk.open("/one", "create"), "opening");
    must(await disk.write(descriptor, [bytesOf("before")], 0), "writing");
    must(await disk.rename("/one", "/two"), "renaming");

    must(await disk.write(descriptor, [bytesOf(" and after")], 6), "writing");
    must(await disk.close(descriptor), "closing");

    assert.deepEqual(must(await disk.readFile("/two"), "reading"), bytesOf("before and after"));
    assert.equal(codeOf(await disk.readFile("/one")), "disk.not-found");
  });
});

describe("disk (bucket): a list of many pages", () => {
  /** Says of its objects only what is asked, and remembers of how many it was. */
  class WatchedBucket extends MemoryBucket implements Bucket {
    readonly askedAtPage: number[] = [];
    #askedCount = 0;
    isReversed = false;

    constructor() {
      super({ pageObjectsMax: 4 });
    }

    override async list(prefix: string, next?: string): ReturnType<Bucket["list"]> {
      this.askedAtPage.push(this.#askedCount);
      const page = must(await super.list(prefix, next), "listing");
      const watched = page.objects.map(({ key, sizeBytes }) => {
        const tell = (): number => {
          this.#askedCount += 1;
          return sizeBytes;
        };
        return Object.defineProperty({ key, sizeBytes }, "sizeBytes", { get: tell });
      });
      return ok({ ...page, objects: this.isReversed ? watched.toReversed() : watched });
    }
  }

  async function filled(): Promise<WatchedBucket> {
    const bucket = new WatchedBucket();
    const disk = diskOn(bucket);
    must(await disk.makeDirectory("/packs/inner"), "a directory is made");
    for (const name of ["a", "b", "c", "d", "e"]) {
      const descriptor = must(await disk.open(`/packs/${name}`, "create"), "opening");
      for (let part = 0; part < 3; part += 1) {
        must(await disk.write(descriptor, [new Uint8Array(100)], part * 100), "writing");
        must(await disk.sync(descriptor), "syncing");
      }
      must(await disk.close(descriptor), "closing");
    }
    bucket.askedAtPage.length = 0;
    return bucket;
  }

  it("makes out what a page says before it asks for the next: no long work is left for the end", async () => {
    const bucket = await filled();

    const listed = must(await diskOn(bucket).list("/packs"), "listing");

    assert.deepEqual(
      listed.map(({ name, kind, sizeBytes }) => [name, kind, sizeBytes]),
      [...["a", "b", "c", "d", "e"].map((name) => [name, "file", 300]), ["inner", "directory", 0]],
    );
    const { askedAtPage } = bucket;
    assert(askedAtPage.length >= 5);
    for (const [page, count] of askedAtPage.entries()) {
      assert(page === 0 || count > (askedAtPage[page - 1] ?? 0), askedAtPage.join());
    }
  });

  it("refuses one that is not in order, as if it could not be read: parts of a file are another file", async () => {
    const bucket = await filled();
    bucket.isReversed = true;

    assert.equal(codeOf(await diskOn(bucket).list("/packs")), "disk.broken");
  });
});
