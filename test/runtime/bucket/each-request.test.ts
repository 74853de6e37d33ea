/**
 * The disk on a bucket, where one request fails: whatever it is done for, and whichever of them it is.
 *
 * Every operation is tried with its first request failing, then its second, until it needs no more. It then says so, what it was not
 * about is as it was, and the same operation comes to its end when the bucket answers again.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Bucket } from "#runtime/bucket/bucket.ts";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, must, type Result } from "#runtime/errors.ts";
import { MemoryBucket } from "#runtime/simulated/bucket.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

/** More requests than any of the operations makes. */
const REQUESTS_MAX = 60;

/** Hands on to another bucket; the request with the number `failing` is never answered, and nothing of it is done. */
class FailingBucket implements Bucket {
  readonly #inner: Bucket;
  /** Counted down by requests; the one that finds 1 fails. */
  failing = 0;

  constructor(inner: Bucket) {
    this.#inner = inner;
  }

  put: Bucket["put"] = (key, parts) => this.#ask(key, () => this.#inner.put(key, parts));
  read: Bucket["read"] = (key, into, position) => this.#ask(key, () => this.#inner.read(key, into, position));
  list: Bucket["list"] = (prefix, next) => this.#ask(prefix, () => this.#inner.list(prefix, next));
  remove: Bucket["remove"] = (keys) => this.#ask(keys[0] ?? "", () => this.#inner.remove(keys));

  async #ask<Value>(key: string, request: () => Promise<Value>) {
    this.failing -= 1;
    if (this.failing !== 0) return await request();
    return fail({ code: "bucket.unreachable", key, cause: "it does not answer", attemptCount: 1 });
  }
}

type Operation = (disk: BucketDisk) => Promise<Result<unknown, DiskFailure>>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  "makeDirectory of several": (disk) => disk.makeDirectory("/made/in/one"),
  "rename of a file": (disk) => disk.rename("/from/file", "/to/new"),
  "rename over another file": (disk) => disk.rename("/from/file", "/to/file"),
  "rename of a directory": (disk) => disk.rename("/from", "/to/directory"),
  "rename of a directory over an empty one": (disk) => disk.rename("/from", "/empty"),
  "remove of a file": (disk) => disk.remove("/from/file"),
  "removeTree of a directory": (disk) => disk.removeTree("/from"),
  "replaceFile of what is there": (disk) => disk.replaceFile("/from/file", Buffer.from("new")),
  "replaceFile of what is not": (disk) => disk.replaceFile("/from/new", Buffer.from("new")),
  "readFile of a file": (disk) => disk.readFile("/from/file"),
  "list of a directory": (disk) => disk.list("/from"),
};

/** A disk on which there is something, opened anew: it knows nothing of its bucket yet. */
async function opened() {
  const bucket = new FailingBucket(new MemoryBucket({ pageObjectsMax: 2 }));
  const before = new BucketDisk({ bucket, random: seededRandom(1) });
  for (const directory of ["/from/sub", "/to", "/empty", "/kept"])
    must(await before.makeDirectory(directory), directory);
  for (const path of ["/from/file", "/from/sub/file", "/to/file", "/kept/file"]) {
    must(await before.replaceFile(path, Buffer.from(path)), path);
  }
  return { bucket, disk: new BucketDisk({ bucket, random: seededRandom(2) }) };
}

describe("disk on a bucket: one request that fails", () => {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    it(`fails ${name}, and nothing else`, async (context) => {
      let failed = 0;
      for (let request = 1; ; request += 1) {
        assert(request < REQUESTS_MAX, "an operation has an end");
        const { bucket, disk } = await opened();
        bucket.failing = request;

        const result = await operation(disk);
        const wasMet = bucket.failing <= 0;

        bucket.failing = 0;
        if (!wasMet) {
          must(result, name);
          break;
        }
        if (!result.ok) {
          failed += 1;
          assert.equal(result.failure.code, "disk.broken", JSON.stringify(result.failure));
        }
        const kept = must(await disk.readFile("/kept/file"), "what it is not about");
        assert.equal(Buffer.from(kept).toString(), "/kept/file");
        const again = await operation(disk);
        // It may have been done before the request that failed.
        if (!again.ok) assert.match(again.failure.code, /^disk\.(not-found|broken)$/);
        must(await disk.list("/"), "the directory above all");
        assert.equal(disk.openCount, 0);
      }
      assert(failed > 0, "no request of it is needed");
      context.diagnostic(`${failed} requests that it cannot do without`);
    });
  }
});
