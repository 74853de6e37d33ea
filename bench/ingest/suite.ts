/**
 * Events through a node, from a producer to where they last: committed to Postgres and acknowledged, beside the raw limit on the
 * same Redis and the same Postgres (`raw-main.ts`).
 *
 * Only work that is done counts: the time ends when nothing is unread or pending, and as many events more are in the table.
 * Producer, node, Redis and Postgres share the machine. Postgres syncs every commit.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openCache } from "#bench/cache.ts";
import { type Enrolled, enrol } from "#bench/ingest/enrolment.ts";
import { lags, watch } from "#bench/ingest/frontier.ts";
import type { Published, PublishOrder } from "#bench/ingest/publish-main.ts";
import { RAW_TABLE, type RawOrder } from "#bench/ingest/raw-limit.ts";
import { type Servers, startServers } from "#bench/ingest/servers.ts";
import { type Measurement, median, percentile } from "#bench/measurement.ts";
import { cpuSeconds, residentBytes } from "#bench/process-figures.ts";
import { type RunningNode, startNode } from "#bench/running-node.ts";
import { sideBySide } from "#bench/side-by-side.ts";
import { killedAtExit, TemporaryFolder } from "#bench/temporary.ts";
import { takeTurns } from "#bench/turns.ts";
import { assert, must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { openRedis } from "#runtime/real/redis.ts";
import { openSql } from "#runtime/real/sql.ts";
import { parseRedisUrl } from "#runtime/redis/address.ts";
import { Trimmer } from "#runtime/redis/group/trimmer.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Sql } from "#runtime/sql/sql.ts";
import { MiB, second } from "#runtime/units.ts";
import { newAuthority } from "#test/actors/auth/producer.ts";
import { patient } from "#test/kit/patient.ts";

export interface IngestOptions {
  readonly quick: boolean;
  /** Entries that wait when memory is measured. */
  readonly backlog: number;
}

const EVENTS = { stream: "events", group: "cepa", table: "ingest.event_ids" };
const RAW = { stream: "raw", group: "raw", table: RAW_TABLE };
/** With what is done and not trimmed yet: enough that nobody waits for the producer. */
const LENGTH_MAX = 60_000;
const SAMPLE_MS = 100;

/** Of a round of latencies. */
const LAG_SECONDS = 5;
const LAG_MS_MAX = 250;
const CELL_MIB_MAX = 300;

type Settings = Readonly<Record<string, string>>;
type Path = typeof EVENTS;

interface Scene {
  /** Of the cell. */
  readonly pid: number;
  readonly servers: Servers;
  readonly redis: Redis;
  readonly sql: Sql;
  readonly enrolled: Enrolled;
}

export async function* benchIngest({ quick, backlog }: IngestOptions): AsyncGenerator<Measurement> {
  const cache = openCache();
  const [rounds, count] = quick ? [1, 20_000] : [5, 100_000];
  await using servers = await startServers(cache);
  using folder = new TemporaryFolder(cache, "ingest-");
  const authority = await newAuthority();
  const authorityFile = join(folder.path, "producer_ca.pub");
  writeFileSync(authorityFile, `${authority.line}\n`);
  const settings: Settings = {
    CEPA_INGEST_ENABLED: "true",
    CEPA_AUTH_PRODUCER_AUTHORITY: authorityFile,
    CEPA_REDIS_URL: servers.redisUrl,
    CEPA_POSTGRES_URL: servers.postgresUrl,
  };
  const address = parseRedisUrl(servers.redisUrl);
  assert(typeof address !== "string", "the address of a Redis");
  const redis = openRedis({ address, silenceMs: 30 * second }, realClock, createRealRandom());
  must(await redis.ready(patient), "a connection");
  const sql = openSql({ url: servers.postgresUrl, connectionsMax: 1, statementTimeoutMs: 60 * second });
  try {
    const node = await startNode(cache, { settings });
    const scene: Scene = {
      pid: await workPid(node),
      servers,
      redis,
      sql,
      enrolled: await enrol(redis, servers.postgresUrl, authority),
    };
    must(await redis.call(["XGROUP", "CREATE", RAW.stream, RAW.group, "0", "MKSTREAM"], patient), "a group");
    const raw = await startRaw(servers);
    const life = new AbortController();
    const trimmer = new Trimmer({
      redis,
      stream: RAW.stream,
      clock: realClock,
      onTrouble: () => undefined,
      onSetBack: () => undefined,
    });
    const trimming = trimmer.run({ ...patient, signal: life.signal });
    const samples = yield* throughput(scene, raw.pid ?? 0, rounds, count);
    yield* latency(scene, Math.floor(median(samples) / 2), rounds);
    raw.kill();
    life.abort();
    await trimming;
    await node[Symbol.asyncDispose]();
    yield* memory(scene, settings, backlog);
  } finally {
    await redis.close();
    await sql.close();
  }
}

/** Returns Cepa's samples. */
async function* throughput(
  scene: Scene,
  rawPid: number,
  rounds: number,
  count: number,
): AsyncGenerator<Measurement, readonly number[]> {
  const perCore = { cepa: [] as number[], raw: [] as number[] };
  const arm = async (path: Path, pid: number, counts: number[], many: number): Promise<number> => {
    const before = cpuSeconds(pid);
    const reached = await rateOf(scene, path, many);
    counts.push(many / (cpuSeconds(pid) - before));
    return reached;
  };
  // They warm up.
  await arm(EVENTS, scene.pid, [], count / 2);
  await arm(RAW, rawPid, [], count / 2);
  const { cepa = [], ...peers } = await takeTurns(
    {
      cepa: () => arm(EVENTS, scene.pid, perCore.cepa, count),
      "raw limit": () => arm(RAW, rawPid, perCore.raw, count),
    },
    rounds,
  );
  const targets = [{ least: 20_000 }, { least: 0.5, times: "raw limit" }];
  yield* sideBySide({ name: "ingest.events", unit: "/s", samples: cepa, peers, targets });
  const besides = { "raw limit": perCore.raw };
  yield* sideBySide({ name: "ingest.events-per-core", unit: "/s", samples: perCore.cepa, peers: besides });
  return cepa;
}

/** Events a second, from the first that was added to the last that was done. */
async function rateOf(scene: Scene, path: Path, count: number): Promise<number> {
  const before = await rowsIn(scene, path);
  const { published, looks } = await publish(scene, path, { count, rate: undefined, lengthMax: LENGTH_MAX });
  const firstMs = Math.min(...published.map(([ms]) => ms));
  const doneMs = looks.at(-1)?.atMs ?? Number.NaN;
  const written = (await rowsIn(scene, path)) - before;
  assert(written === count, `${written} of ${count} events are in ${path.table}`);
  return (count * second) / (doneMs - firstMs);
}

/** How long events take at a rate that both reach. */
async function* latency(scene: Scene, rate: number, rounds: number): AsyncGenerator<Measurement> {
  const medians = { cepa: [] as number[], raw: [] as number[] };
  const arm = async (path: Path, halves: number[]): Promise<number> => {
    const { published, looks } = await publish(scene, path, { count: rate * LAG_SECONDS, rate, lengthMax: undefined });
    const all = lags(published, looks);
    halves.push(percentile(all, 50));
    return percentile(all, 99);
  };
  const { cepa = [], ...peers } = await takeTurns(
    { cepa: () => arm(EVENTS, medians.cepa), "raw limit": () => arm(RAW, medians.raw) },
    rounds,
  );
  const besides = { "raw limit": medians.raw };
  yield* sideBySide({ name: "ingest.lag-p50-half", unit: "ms", samples: medians.cepa, peers: besides });
  yield* sideBySide({ name: "ingest.lag-p99-half", unit: "ms", samples: cepa, peers, targets: [{ most: LAG_MS_MAX }] });
}

/** Of the cell of a node that finds all of it there, while it works its way through. */
async function* memory(scene: Scene, settings: Settings, backlog: number): AsyncGenerator<Measurement> {
  await startPublisher(scene, EVENTS, { count: backlog, rate: undefined, lengthMax: undefined });
  await using node = await startNode(openCache(), { settings });
  let isDone = false;
  const looking = watch(scene.redis, EVENTS.stream, EVENTS.group, () => true).finally(() => {
    isDone = true;
  });
  let most = 0;
  while (!isDone) {
    most = Math.max(most, residentBytes(await workPid(node)) / MiB);
    await pause(SAMPLE_MS);
  }
  await looking;
  const name = `ingest.memory-backlog-${backlog}`;
  yield { name, value: most, unit: "MiB", target: `≤ ${CELL_MIB_MAX} MiB`, met: most <= CELL_MIB_MAX };
}

async function workPid(node: RunningNode): Promise<number> {
  const pid = (await node.status()).cells.find(({ name }) => name === "work")?.pid;
  assert(pid !== undefined && pid > 0, "the cell runs");
  return pid;
}

async function publish(scene: Scene, path: Path, order: Pick<PublishOrder, "count" | "rate" | "lengthMax">) {
  let published: Published | undefined;
  const looking = watch(scene.redis, path.stream, path.group, () => published !== undefined);
  published = await startPublisher(scene, path, order);
  return { published, looks: await looking };
}

async function startPublisher(
  { servers, enrolled }: Scene,
  { stream }: Path,
  order: Pick<PublishOrder, "count" | "rate" | "lengthMax">,
): Promise<Published> {
  const { redisSocket: socket, redisLogin: login } = servers;
  const whole: PublishOrder = { ...order, ...enrolled, socket, login, stream };
  const child = startMain("publish-main.ts", whole);
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
  });
  const [code] = await once(child, "close");
  assert(code === 0, `the producer ended with ${code}`);
  return JSON.parse(said) as Published;
}

async function startRaw({ redisSocket: socket, redisLogin: login, postgresUrl }: Servers) {
  const order: RawOrder = { socket, login, postgresUrl, stream: RAW.stream, group: RAW.group };
  const child = startMain("raw-main.ts", order);
  await once(child.stdout, "data");
  return child;
}

function startMain(file: string, order: unknown) {
  const path = join(import.meta.dirname, file);
  return killedAtExit(spawn(process.execPath, [path, JSON.stringify(order)], { stdio: ["ignore", "pipe", "inherit"] }));
}

async function rowsIn({ sql }: Scene, { table }: Path): Promise<number> {
  const [row] = must(await sql.query({ text: `select count(*) as n from ${table}`, values: [] }, patient), "a count");
  return Number(row?.["n"]);
}
