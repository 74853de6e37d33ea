/** What a server of the node needs before it begins, on a disk that fails and without its program: each says what is wrong. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SpawnSpec, ThisProcess } from "#runtime/processes.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { type DiskOperation, MemoryDisk } from "#runtime/simulated/disk.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { SimulatedProcesses } from "#runtime/simulated/processes.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { MiB } from "#runtime/units.ts";
import { postgresServer } from "#supervisor/root/servers/postgres-server.ts";
import { redisSecrets, redisServer } from "#supervisor/root/servers/redis-server.ts";

const places = { data: "/data", run: "/run" };

/** A machine with these programs, and without `unshare`. */
function machine(programs: Readonly<Record<string, (self: ThisProcess, spec: SpawnSpec) => void>>) {
  const scheduler = seededScheduler(seededRandom(7));
  const disk = new MemoryDisk();
  const processes = new SimulatedProcesses({ scheduler, programs });
  return { base: { disk, network: new SimulatedNetwork({ scheduler }), processes, clock: new ManualClock() }, disk };
}

/** What `initdb` leaves. */
function makesCluster(disk: () => MemoryDisk): (self: ThisProcess, spec: SpawnSpec) => void {
  return (self, { args }) => {
    const fresh = args[args.indexOf("--pgdata") + 1] ?? "";
    // A simulated exit throws, so that nothing comes after it.
    void disk()
      .makeDirectory(fresh)
      .then(() => self.exit(0))
      .catch(() => undefined);
  };
}

function postgres(folder: string = "/pg") {
  const made: { disk?: MemoryDisk } = {};
  const initdb = makesCluster(() => made.disk ?? assert.fail());
  const { base, disk } = machine({ "/pg/initdb": initdb });
  made.disk = disk;
  return { disk, server: postgresServer({ base, places, userId: 0, programs: () => folder }) };
}

describe("postgres: what it needs before it begins (SUP-33)", () => {
  it("is a cluster, made once, and a program that is not confined where the system cannot do that", async () => {
    const { disk, server } = postgres();

    const first = await server.prepare();
    // Made before: nothing is asked of the disk but what is there.
    for (const operation of ["makeDirectory", "rename", "removeTree"] as const) disk.failNext(operation, "EIO");
    const second = await server.prepare();

    assert(typeof first !== "string", String(first));
    assert.deepEqual(second, first);
    assert.equal(first.command, "/pg/postgres");
    assert.deepEqual(first.args.slice(0, 2), ["-D", "/data/postgres/cluster"]);
    assert.equal((await disk.list("/data/postgres/cluster")).ok, true);
  });

  it("is a program for this machine", async () => {
    const { base } = machine({});
    const server = postgresServer({ base, places, userId: 0, programs: () => undefined });

    assert.match(String(await server.prepare()), /^there is no Postgres here .* give postgres\.url/);
  });

  it("is a program that makes a cluster", async () => {
    assert.match(String(await postgres("/elsewhere").server.prepare()), /^\/elsewhere\/initdb: ENOENT$/);
  });

  const failing: readonly (readonly [operation: DiskOperation, said: RegExp])[] = [
    ["list", /^cannot read \/data\/postgres\/cluster: disk\.broken$/],
    ["makeDirectory", /^cannot use \/data\/postgres: disk\.broken$/],
    ["removeTree", /^cannot remove \/data\/postgres\/new: disk\.broken$/],
    ["rename", /^cannot rename \/data\/postgres\/new: disk\.broken$/],
    ["syncDirectory", /^cannot sync \/data\/postgres: disk\.broken$/],
  ];
  for (const [operation, said] of failing) {
    it(`is a disk: ${operation} that fails is told`, async () => {
      const { disk, server } = postgres();
      disk.failNext(operation, "EIO");

      assert.match(String(await server.prepare()), said);
    });
  }
});

/** A Redis that says `version` of itself, or nothing that can be brought, and what it ends with. */
async function redis({ version = "Redis server v=7.0.15", code = 0, path = "/bin/redis" } = {}) {
  const { base, disk } = machine({
    "/bin/redis": (self, spec) => {
      spec.onOutput?.(Buffer.from(`${version}\n`), "stdout");
      self.exit(code);
    },
  });
  const secrets = await redisSecrets({ disk, random: seededRandom(3) }, places);
  const rights = { writes: ["events"], reads: ["fdc:resp:*"] };
  const place = { base, places, port: 0, memoryBytesMax: 64 * MiB, secrets, rights };
  return { disk, place, server: redisServer({ ...place, program: () => path || undefined }) };
}

describe("redis: what it needs before it begins (SUP-34)", () => {
  it("is its configuration and its users, written where they would change", async () => {
    const { disk, server } = await redis();

    const first = await server.prepare();
    disk.failNext("replaceFile", "EIO");
    const second = await server.prepare();

    assert.deepEqual(first, {
      command: "/bin/redis",
      args: ["/data/redis/redis.conf"],
      env: { PATH: "/usr/bin:/bin" },
    });
    assert.deepEqual(second, first);
    assert.equal((await disk.readFile("/data/redis/users.acl")).ok, true);
  });

  it("is a disk that takes them", async () => {
    const { disk, server } = await redis();
    disk.failNext("replaceFile", "EIO");

    assert.equal(await server.prepare(), "cannot write /data/redis/redis.conf: disk.broken");
  });

  for (const [what, options, said] of [
    ["a program", { path: "" }, /^there is no redis-server here: apt-get install redis-tools, or give redis\.url/],
    ["one that begins", { path: "/bin/other" }, /^\/bin\/other: ENOENT$/],
    ["one that ends well", { code: 3 }, /^\/bin\/redis: /],
    [
      "a version that has rights by selectors",
      { version: "Redis server v=6.2.7" },
      /is v=6\.2\.7; version 7\.0 or later/,
    ],
    ["a Redis", { version: "something else" }, /is no Redis; version 7\.0 or later is needed$/],
  ] as const) {
    it(`is ${what}`, async () => {
      const { server } = await redis({ path: "/bin/redis", ...options });

      assert.match(String(await server.prepare()), said);
    });
  }

  it("is the secret of producers", async () => {
    const { place, disk } = await redis();
    disk.failNext("readFile", "EIO");
    const secrets = await redisSecrets({ disk, random: seededRandom(3) }, places);

    const said = await redisServer({ ...place, secrets, program: () => "/bin/redis" }).prepare();

    assert.equal(said, "cannot keep the secret of producers in /data/redis: disk.broken");
  });
});

describe("redis: the secret of producers (SUP-34)", () => {
  it("is the same at the next start, and the node's own is another one each time", async () => {
    const [disk, random] = [new MemoryDisk(), seededRandom(9)];
    const [first, second] = [
      await redisSecrets({ disk, random }, places),
      await redisSecrets({ disk, random }, places),
    ];

    assert(first.ok && second.ok);
    assert.equal(second.value.producer, first.value.producer);
    assert.notEqual(second.value.node, first.value.node);
  });

  for (const operation of ["readFile", "makeDirectory", "replaceFile"] as const) {
    it(`is not there where ${operation} fails`, async () => {
      const disk = new MemoryDisk();
      disk.failNext(operation, "EIO");

      const kept = await redisSecrets({ disk, random: seededRandom(3) }, places);

      assert.equal(kept.ok ? undefined : kept.failure.code, "disk.broken");
    });
  }
});
