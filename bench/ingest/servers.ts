/** A Postgres and a Redis as a node runs them, but outside of it, so that others can work with them too. */
import { join } from "node:path";
import { TemporaryFolder } from "#bench/temporary.ts";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { GiB } from "#runtime/units.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import { postgresServer, postgresUrl } from "#supervisor/root/servers/postgres-server.ts";
import { redisSecrets, redisServer, redisUrl } from "#supervisor/root/servers/redis-server.ts";
import { ServerChild } from "#supervisor/server/server-child.ts";

/** A backlog of 2 M entries takes some 2.5 GiB. */
const REDIS_BYTES: number = 8 * GiB;

export interface Servers extends AsyncDisposable {
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly redisSocket: string;
  /** Of the user whose name is in `redisUrl`. */
  readonly redisLogin: readonly [user: string, secret: string];
}

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};

export async function startServers(folder: string): Promise<Servers> {
  const directory = new TemporaryFolder(folder, "bench-servers-");
  const places = { data: join(directory.path, "data"), run: directory.path };
  const base = {
    disk: createRealDisk(),
    network: realNetwork,
    processes: createRealProcesses(),
    clock: realClock,
    random: createRealRandom(),
  };
  const programs = realPrograms(process.env["PATH"] ?? "", process.env["CEPA_PROVISION"] ?? "");
  const secrets = await redisSecrets(base, places);
  const { node } = must(secrets, "the secrets");
  const redis = redisServer({
    base,
    places,
    program: programs.redis,
    provide: programs.provideRedis,
    port: 0,
    memoryBytesMax: REDIS_BYTES,
    secrets,
    rights: { writes: [], reads: [] },
  });
  const postgres = postgresServer({ base, places, userId: process.getuid?.() ?? 0, programs: programs.postgres });
  const children = Object.entries({ redis, postgres }).map(
    ([name, program]) =>
      new ServerChild({ name, log: silent, processes: base.processes, clock: base.clock, ...program }),
  );
  // Timers of the runtime keep nothing alive.
  const alive = setInterval(() => undefined, 1000);
  const kill = (): void => {
    for (const child of children) child.kill();
  };
  process.prependOnceListener("exit", kill);
  for (const child of children) must(await child.start(), "a server");
  const url = redisUrl(places, { node });
  const [, user = "", secret = ""] = /\/\/([^:]*):([^@]*)@/.exec(url) ?? [];
  return {
    postgresUrl: postgresUrl(places),
    redisUrl: url,
    redisSocket: join(places.run, "redis.sock"),
    redisLogin: [user, secret],
    async [Symbol.asyncDispose]() {
      const ended = children.map(
        (child) =>
          new Promise<void>((resolve) => {
            child.onExit(() => resolve());
          }),
      );
      process.off("exit", kill);
      kill();
      await Promise.all(ended);
      clearInterval(alive);
      directory[Symbol.dispose]();
    },
  };
}
