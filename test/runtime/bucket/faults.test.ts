/** The disk on a real S3 server behind a bad network, and with the server killed and started again. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import type { S3Options } from "#runtime/bucket/s3-bucket.ts";
import { must } from "#runtime/errors.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { randomBytes } from "#test/kit/objects.ts";
import { type Fault, FaultyProxy } from "#test/runtime/bucket/faulty-proxy.ts";
import { bucketAt, credentials, placeAt, S3Server } from "#test/runtime/bucket/s3-server.ts";
import { codeOf } from "#test/runtime/seams/disk-suite.ts";

const impatient = { deadlineMs: 400, attemptMs: 150 };

function diskAt(context: TestContext, port: number, options: Partial<S3Options> = {}): BucketDisk {
  return new BucketDisk({ bucket: bucketAt(context, port, "faults", options), random: createRealRandom() });
}

/** Appends and syncs, and reopens where that fails, as storage does. Answers with what was acknowledged. */
async function appendAll(disk: BucketDisk, count: number, begin = opened): Promise<Buffer> {
  let acknowledged: Buffer = Buffer.alloc(0);
  let descriptor = await begin(disk);
  for (let index = 0; index < count; index += 1) {
    const bytes = randomBytes(20 * KiB, index);
    const written = await disk.write(descriptor, [bytes], acknowledged.length);
    const synced = written.ok ? await disk.sync(descriptor) : written;
    if (synced.ok) acknowledged = Buffer.concat([acknowledged, bytes]);
    else {
      await disk.close(descriptor);
      descriptor = await cutBack(disk, acknowledged.length);
    }
  }
  must(await disk.close(descriptor), "closing");
  return acknowledged;
}

async function opened(disk: BucketDisk): Promise<number> {
  return must(await disk.open("/file", "create"), "opening");
}

/** With less time than a busy machine takes: at last. */
async function openedAtLast(disk: BucketDisk): Promise<number> {
  for (let attempt = 0; ; attempt += 1) {
    const opened = await disk.open("/file", "create");
    if (opened.ok) return opened.value;
    assert(attempt < 50, `it can be made: ${JSON.stringify(opened.failure)}`);
  }
}

async function cutBack(disk: BucketDisk, sizeBytes: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const opened = await disk.open("/file", "write");
    if (!opened.ok) continue;
    const cut = await disk.truncate(opened.value, sizeBytes);
    const synced = cut.ok ? await disk.sync(opened.value) : cut;
    if (synced.ok) return opened.value;
    await disk.close(opened.value);
  }
  assert.fail("it can be cut back at last");
}

describe("disk (real S3 server): a bad network", () => {
  const faults: readonly Fault[] = ["busy", "cut-request", "cut-answer", "silent"];
  for (const fault of faults) {
    it(`is borne while every third request meets it: ${fault}`, async (context) => {
      const server = await S3Server.start(context);
      const proxy = await FaultyProxy.start(context, () => server.port);
      let requests = 0;
      proxy.faultOf = () => {
        requests += 1;
        return requests % 3 === 0 ? fault : "none";
      };
      const disk = diskAt(context, proxy.port, { attemptMs: 100 });

      const acknowledged = await appendAll(disk, 12);

      assert.equal(acknowledged.length, 12 * 20 * KiB, "nothing fails");
      assert.deepEqual(
        Buffer.from(must(await diskAt(context, server.port).readFile("/file"), "reading")),
        acknowledged,
      );
      assert((proxy.counts.get(fault) ?? 0) > 5);
    });

    it(`that is so for longer than the deadline fails the sync, and loses nothing that was acknowledged: ${fault}`, async (context) => {
      const server = await S3Server.start(context);
      const proxy = await FaultyProxy.start(context, () => server.port);
      let puts = 0;
      proxy.faultOf = (method) => {
        if (method !== "PUT") return "none";
        puts += 1;
        return puts % 20 >= 10 ? fault : "none";
      };
      const disk = diskAt(context, proxy.port, { deadlineMs: 200, attemptMs: 150 });

      const acknowledged = await appendAll(disk, 40, openedAtLast);

      assert(acknowledged.length > 0 && acknowledged.length < 40 * 20 * KiB, "some syncs failed");
      assert.deepEqual(
        Buffer.from(must(await diskAt(context, server.port).readFile("/file"), "reading")),
        acknowledged,
      );
    });
  }

  it("says no at once where the server does", async (context) => {
    const server = await S3Server.start(context);
    const wrong = diskAt(context, server.port, { credentials: { ...credentials, secretAccessKey: "wrong" } });

    const failure = { code: "disk.broken", path: "/x", errno: "EACCES" };
    assert.deepEqual(await wrong.makeDirectory("/x"), { ok: false, failure });
  });

  it("is told apart from a server that is not there", async (context) => {
    const server = await S3Server.start(context);
    const disk = diskAt(context, server.port, impatient);
    await server.kill();

    const failure = { code: "disk.broken", path: "/x", errno: "ETIMEDOUT" };
    assert.deepEqual(await disk.readFile("/x"), { ok: false, failure });
    await server.startAgain();
    assert.equal(codeOf(await disk.readFile("/x")), "disk.not-found");
  });
});

describe("disk (real S3 server): a server that is killed", () => {
  it("has all that was synced when it is back, also of a large file whose puts were cut off", async (context) => {
    const server = await S3Server.start(context);
    const disk = diskAt(context, server.port, { deadlineMs: 2000, attemptMs: 1000 });
    const synced = randomBytes(20 * MiB, 1);
    const descriptor = must(await disk.open("/file", "create"), "opening");
    must(await disk.write(descriptor, [synced], 0), "writing");
    must(await disk.sync(descriptor), "syncing");
    must(await disk.write(descriptor, [randomBytes(30 * MiB, 2)], synced.length), "writing more");

    const syncing = disk.sync(descriptor);
    await server.kill();
    assert.equal(codeOf(await syncing), "disk.broken");
    await disk.close(descriptor);
    await server.startAgain();

    const again = await cutBack(disk, synced.length);
    const into = new Uint8Array(synced.length + 1);
    assert.equal(must(await disk.read(again, into, 0), "reading"), synced.length);
    assert.equal(Buffer.compare(into.subarray(0, -1), synced), 0);
    must(await disk.close(again), "closing");
  });
});

describe("disk (real S3 server): the protocol", () => {
  it("lists more files than a page holds, and finds the parts of one that has more", async (context) => {
    const server = await S3Server.start(context);
    const bucket = bucketAt(context, server.port, "faults");
    const disk = new BucketDisk({ bucket, random: createRealRandom() });
    must(await disk.makeDirectory("/many"), "making");
    const keys = Array.from({ length: 1100 }, (_, index) => `many/f${index}/`);
    for (let from = 0; from < keys.length; from += 50) {
      await Promise.all(keys.slice(from, from + 50).map(async (key) => must(await bucket.put(key, []), "putting")));
    }

    assert.equal(must(await disk.list("/many"), "listing").length, 1100);
    must(await disk.removeTree("/many"), "removing");
    assert.equal(codeOf(await disk.list("/many")), "disk.not-found");
  });

  it("is spoken in virtual-host style too", async (context) => {
    // This server wants the bucket in what is signed, which the protocol's own example does not have.
    const server = await S3Server.start(context, { checksSignatures: false });
    const { port } = server;
    const host = "packs.s3.amazonaws.com";
    const place = { ...placeAt(port, "vhost"), host, root: "" };
    const disk = diskAt(context, port, { place });

    must(await disk.replaceFile("/file", Buffer.from("by host")), "making");

    const other = new BucketDisk({ bucket: bucketAt(context, port, "vhost"), random: createRealRandom() });
    assert.deepEqual(Buffer.from(must(await other.readFile("/file"), "reading")).toString(), "by host");
  });

  it("merges what is synced often, and leaves no objects behind", async (context) => {
    const server = await S3Server.start(context);
    const bucket = bucketAt(context, server.port, "faults");
    const disk = new BucketDisk({ bucket, random: createRealRandom() });

    const acknowledged = await appendAll(disk, 100);

    const page = must(await bucket.list("file/"), "listing");
    assert(page.objects.length < 40, `${page.objects.length} objects`);
    assert.deepEqual(Buffer.from(must(await diskAt(context, server.port).readFile("/file"), "reading")), acknowledged);
  });
});
