/** A real Redis for the tests of one file, in a directory of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { must } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { findPort } from "#runtime/real/free-port.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { openRedis } from "#runtime/real/redis.ts";
import { parseRedisUrl, type RedisAddress } from "#runtime/redis/address.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import { MiB, second } from "#runtime/units.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import { producerUrl, redisSecrets, redisServer, redisUrl } from "#supervisor/root/servers/redis-server.ts";
import { ServerChild } from "#supervisor/server/server-child.ts";
import { patient } from "#test/kit/patient.ts";
import { provide } from "#test/kit/provide.ts";
import { silent } from "#test/supervisor/kit.ts";

/** Why there is none here; undefined where there is. */
export const redisMissing: string | undefined = await provide({ "redis-check-rdb": "redis-tools" });

export interface TestRedis {
  /** Of the node's user, over the socket. */
  readonly url: string;
  readonly port: number;
  /** Of that user. */
  readonly secret: string;
  /** Over the port, for a user who may add to the stream `events` and read `fdc:*`. */
  readonly producerUrl: string;
  readonly pid: () => number;
  /** A connection that serves, for as long as the tests of the file run. */
  open(options?: { readonly url?: string; readonly silenceMs?: number }): Promise<Redis>;
  /** SIGKILL to all of it; settles when nothing of it is left. */
  kill(): Promise<void>;
  /** After `kill`. With settings that the node's own does not have. */
  start(settings?: Readonly<Record<string, string>>): Promise<void>;
}

/** It ends when the tests of the file have. */
export async function startRedis(): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), "cepa-test-"));
  const random: Random = createRealRandom();
  const base = {
    disk: createRealDisk(),
    network: realNetwork,
    processes: createRealProcesses(),
    clock: realClock,
    random,
  };
  const places = { data: join(directory, "data"), run: directory };
  const secrets = await redisSecrets(base, places);
  const known = must(secrets, "the secrets");
  const port = must(await findPort("127.0.0.1", 0), "a port");
  const program = redisServer({
    base,
    places,
    program: realPrograms(process.env["PATH"] ?? "").redis,
    port,
    memoryBytesMax: 64 * MiB,
    secrets,
    rights: { writes: ["events"], reads: ["fdc:*"] },
  });
  let more: readonly string[] = [];
  const prepare: typeof program.prepare = async () => {
    const launch = await program.prepare();
    return typeof launch === "string" ? launch : { ...launch, args: [...launch.args, ...more] };
  };
  const { processes, clock } = base;
  const child = new ServerChild({ name: "redis", log: silent, processes, clock, ...program, prepare });
  // Timers of the runtime keep nothing alive.
  const alive = setInterval(() => undefined, 1000);
  let onExit: () => void = () => undefined;
  child.onExit(() => onExit());
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      onExit = resolve;
      child.kill();
    });
  const start: TestRedis["start"] = async (settings = {}) => {
    more = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    must(await child.start(), "Redis");
  };
  const url = redisUrl(places, known);
  const opened: Redis[] = [];
  after(async () => {
    await Promise.all(opened.map((redis) => redis.close()));
    if (child.pid !== 0) await kill();
    clearInterval(alive);
    await rm(directory, { recursive: true, force: true });
  });
  await start();
  return {
    url,
    port,
    secret: known.node,
    producerUrl: producerUrl(port, known),
    pid: () => child.pid,
    async open(options = {}) {
      const redis = openRedis(
        { address: addressOf(options.url ?? url), silenceMs: options.silenceMs ?? 5 * second },
        clock,
        random,
      );
      opened.push(redis);
      must(await redis.ready(patient), "a connection");
      return redis;
    },
    kill,
    start,
  };
}

export function addressOf(url: string): RedisAddress {
  const address = parseRedisUrl(url);
  if (typeof address === "string") throw new Error(`no address: ${address}`);
  return address;
}
