/** Where the settings say that the packs are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkBucketConfig } from "#actors/storage/packs/bucket-config.ts";
import { findPackPlace, problemWithCredentials, withoutFiles } from "#actors/storage/packs/pack-place.ts";
import type { BucketPlace } from "#runtime/bucket/place.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { Scope } from "#runtime/scope.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

const inDirectory = { s3: "", s3Style: "path", s3Region: "us-east-1" };
const kept = { amnesia: false };
const inBucket = { ...inDirectory, s3: "https://s3.example.org/packs/node" };

/** What an actor is given, in a process with this environment; `places` are those that were asked for. */
function envWith(env: Readonly<Record<string, string>>) {
  const places: BucketPlace[] = [];
  const real = createRealProcesses();
  const processes = { ...real, self: { ...real.self, env } };
  const exchanges = async (place: BucketPlace) => {
    places.push(place);
    return { send: async () => assert.fail("nothing is sent"), close: () => undefined };
  };
  return { places, env: { clock: realClock, random: createRealRandom(), processes, exchanges } };
}

describe("storage: where the packs are (STO-60)", () => {
  it("is the data directory, unless a bucket is named", async () => {
    const { env, places } = envWith({});

    assert.equal(await findPackPlace(inDirectory, env, new Scope()), undefined);
    assert.deepEqual(places, []);
  });

  it("is the bucket of the URL, with credentials from the environment", async () => {
    const { env, places } = envWith({ AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" });

    const found = await findPackPlace(inBucket, env, new Scope());

    assert.equal(found?.directory, "/");
    assert.deepEqual(
      places.map(({ host, root, prefix, isSecure }) => ({ host, root, prefix, isSecure })),
      [{ host: "s3.example.org", root: "/packs", prefix: "node/", isSecure: true }],
    );
  });

  it("is not to be had without credentials, and what is missing is said", async () => {
    const half = envWith({ AWS_ACCESS_KEY_ID: "id" }).env;
    const whole = envWith({ AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" }).env;

    const said = problemWithCredentials(inBucket, half) ?? "";
    assert.match(
      said,
      /^there are no credentials for https:\/\/s3\.example\.org\/packs\/node \(storage\.s3\): set AWS_/,
    );
    assert.deepEqual(
      [problemWithCredentials(inBucket, whole), problemWithCredentials(inDirectory, half)],
      [undefined, undefined],
    );
  });

  for (const [s3, says] of [
    ["packs", "must be a URL"],
    ["ftp://host/packs", "must be a URL"],
    ["https://a:b@host/packs", "must not hold credentials"],
    ["https://host/packs?x=1", "without ? and #"],
    ["https://host", "must name a bucket"],
    ["https://host/packs/%20", "letters, digits"],
  ] as const) {
    it(`is refused as ${s3}: ${says}`, () => {
      assert(checkBucketConfig({ ...inBucket, s3 }, kept)?.includes(says));
    });
  }

  it("is refused in amnesia mode, which takes a directory", () => {
    assert.match(checkBucketConfig(inBucket, { amnesia: true }) ?? "", /is not for amnesia mode/);
    assert.equal(checkBucketConfig(inDirectory, { amnesia: true }), undefined);
  });

  it("is accepted where it is a bucket's, or empty", () => {
    assert.equal(checkBucketConfig(inBucket, kept), undefined);
    assert.equal(checkBucketConfig(inDirectory, kept), undefined);
    assert.equal(
      checkBucketConfig({ ...inBucket, s3: "http://packs.host:9000", s3Style: "virtual-host" }, kept),
      undefined,
    );
  });
});

describe("storage: threads, for packs that are not on this machine", () => {
  it("read no file by its path: another one may have it here", async () => {
    const disk = new MemoryDisk();
    await disk.replaceFile("/00000001.pack", Buffer.from("another store's"));
    const cpu = withoutFiles(inlineCpu({ disk }));
    const within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

    const range = { path: "/00000001.pack", position: 0, lengthBytes: 5 };
    const digested = await cpu.run("digestFileRange", range, within);
    const other = await cpu.run("digest", { bytes: Buffer.from("x") }, within);

    assert(!digested.ok && digested.failure.code === "pool.task-failed");
    assert.deepEqual(other, { ok: true, value: cpu.digest(Buffer.from("x")) });
  });
});
