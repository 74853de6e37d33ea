/**
 * Redis as a child of the node: for the node itself a Unix socket in the run directory, for producers a port of the
 * loopback interface. It syncs its log once a second, and refuses writes at its limit of memory rather than drop anything.
 *
 * There are two users, and none without a password: the node, with one that is new with every start, and whoever is told
 * where to send what. Its files are written before a life where they are not as they should be.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import type { BaseEnv } from "#runtime/env.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { MiB, minute, second } from "#runtime/units.ts";
import type { ProducerRights } from "#supervisor/child-spec.ts";
import type { Places } from "#supervisor/root/places.ts";
import type { ServerPrograms } from "#supervisor/root/servers/programs.ts";
import { askSocket } from "#supervisor/server/ask-socket.ts";
import type { ProbeAnswer } from "#supervisor/server/readiness.ts";
import { runProgram } from "#supervisor/server/run-program.ts";
import type { Launch, ServerProgram } from "#supervisor/server/server-child.ts";

/** The first version that has everything that is asked of one: rights by selectors. */
export const REDIS_VERSION_MIN = 7;

/** Of a word of a command, such as the value of a field: more than an event may have. A larger one ends the connection. */
export const REDIS_WORD_BYTES_MAX: number = 2 * MiB;

/**
 * Of all connections, what they have sent and is not done yet, and answers that they have not taken. Past it the one with the
 * most that is not the node's is ended, and nothing of its command was done: so much at most is an entry, of words that are
 * each small enough. Answers to the node count too: some pages of `ingest.pageBytesMax`. A connection counts 37 KiB for its
 * first seconds, and some 2 KiB later.
 */
export const REDIS_CLIENTS_BYTES_MAX: number = 64 * MiB;

/** Longest time that installing one may take. */
export const PROVIDE_MS: number = 5 * minute;

const NODE_USER = "cepa";
const PRODUCER_USER = "producer";
const SECRET_BYTES = 32;
/** What it says of its port; its socket is in a directory that nobody else has. */
const TAKEN = /TCP listening socket .*Address already in use/;
const ENV = { PATH: "/usr/bin:/bin" };

export interface RedisPlace {
  readonly base: Pick<BaseEnv, "disk" | "network" | "processes" | "clock">;
  readonly places: Pick<Places, "data" | "run">;
  /** Path of a server, a link in the directory that it is given if it has to be; undefined where there is none. */
  readonly program: (folder: string) => string | undefined;
  /** What brings one where there is none. */
  readonly provide?: ServerPrograms["provideRedis"];
  /** Of the loopback interface; 0: none. */
  readonly port: number;
  readonly memoryBytesMax: number;
  /** Without them it is not begun. */
  readonly secrets: Result<RedisSecrets, DiskFailure>;
  readonly rights: ProducerRights;
}

export interface RedisSecrets {
  readonly node: string;
  readonly producer: string;
}

/** That of producers is kept: it is in what they are set up with. */
export async function redisSecrets(
  { disk, random }: Pick<BaseEnv, "disk" | "random">,
  { data }: Pick<Places, "data">,
): Promise<Result<RedisSecrets, DiskFailure>> {
  const secret = (): string => Buffer.from(random.bytes(SECRET_BYTES)).toString("hex");
  const path = join(data, "redis", "producer.secret");
  const found = await disk.readFile(path);
  if (found.ok) return ok({ node: secret(), producer: Buffer.from(found.value).toString("utf8").trim() });
  if (found.failure.code !== "disk.not-found") return found;
  const made = await disk.makeDirectory(join(data, "redis"));
  if (!made.ok) return made;
  const producer = secret();
  const written = await disk.replaceFile(path, Buffer.from(`${producer}\n`));
  return written.ok ? ok({ node: secret(), producer }) : written;
}

/** For the node, over the socket. */
export function redisUrl({ run }: Pick<Places, "run">, { node }: Pick<RedisSecrets, "node">): string {
  return `redis+unix://${NODE_USER}:${node}@${encodeURI(socketIn(run))}`;
}

/** For producers, over the port. */
export function producerUrl(port: number, { producer }: Pick<RedisSecrets, "producer">): string {
  return `redis://${PRODUCER_USER}:${producer}@127.0.0.1:${port}`;
}

export function redisServer(place: RedisPlace): ServerProgram {
  const { base, places, program, provide, secrets, rights } = place;
  const { disk, network, processes, clock } = base;
  const directory = join(places.data, "redis");
  const [config, users] = [join(directory, "redis.conf"), join(directory, "users.acl")];

  const prepare = async (): Promise<Launch | string> => {
    if (!secrets.ok) return `cannot keep the secret of producers in ${directory}: ${secrets.failure.code}`;
    let command = program(places.run);
    if (command === undefined && provide !== undefined) {
      const { said, problem } = await runProgram({ ...provide, timeoutMs: PROVIDE_MS }, processes, clock);
      // What it says last is what a person can do.
      if (problem !== undefined) return `there is no redis-server here: ${said.split(" | ").at(-1) || problem}`;
      command = program(places.run);
    }
    if (command === undefined) {
      return "there is no redis-server here: apt-get install redis-tools, or give redis.url that of another";
    }
    const asked = { command, args: ["--version"], env: ENV, timeoutMs: 5 * second };
    const { said, problem } = await runProgram(asked, processes, clock);
    if (problem !== undefined) return problem;
    const [version, major] = /\bv=(\d+)[.\d]*/.exec(said) ?? [];
    if (!(Number(major) >= REDIS_VERSION_MIN)) {
      return `${command} is ${version ?? "no Redis"}; version ${REDIS_VERSION_MIN}.0 or later is needed`;
    }
    const files = [
      [config, settingsText(place, directory, users)],
      [users, usersText(secrets.value, rights)],
    ] as const;
    for (const [path, text] of files) {
      const found = await disk.readFile(path);
      // On a full disk it begins with what is there.
      if (found.ok && Buffer.from(text).equals(found.value)) continue;
      const written = await disk.replaceFile(path, Buffer.from(text));
      if (!written.ok) return `cannot write ${path}: ${written.failure.code}`;
    }
    return { command, args: [config], env: ENV };
  };

  const socket = socketIn(places.run);
  return {
    prepare,
    adviceOn: (lastWords) => (TAKEN.test(lastWords) ? adviceOnTaken(place.port) : undefined),
    stopSignal: "SIGTERM",
    readiness: {
      probe: (within) => servesRedis(network, socket, secrets.ok ? secrets.value.node : "", within),
      tryTimeoutMs: 2 * second,
      pauseMs: 50,
      // While it reads its log back, at some 100 MB/s, it says that it starts, and is not counted.
      triesMax: 1200,
    },
  };
}

function adviceOnTaken(port: number): string {
  const setting = "redis.port (CEPA_REDIS_PORT)";
  return `another program has port ${port} of 127.0.0.1: end it, or set ${setting} to another port, or to 0 for a free one`;
}

function settingsText({ places, port, memoryBytesMax }: RedisPlace, directory: string, users: string): string {
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    unixsocket: socketIn(places.run),
    unixsocketperm: "700",
    dir: directory,
    aclfile: users,
    appendonly: "yes",
    appendfsync: "everysec",
    save: "",
    maxmemory: String(memoryBytesMax),
    "maxmemory-policy": "noeviction",
    // Redis takes half a GiB by itself, and the reader of such a field has it in memory before it knows how large it is.
    "proto-max-bulk-len": String(REDIS_WORD_BYTES_MAX),
    "maxmemory-clients": String(REDIS_CLIENTS_BYTES_MAX),
    daemonize: "no",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} "${value.replaceAll(/["\\]/g, "\\$&")}"\n`)
    .join("");
}

/** A producer adds to the streams that are read here, reads its answers, and can find out nothing else. */
function usersText({ node, producer }: RedisSecrets, { writes, reads }: ProducerRights): string {
  const hash = (secret: string): string => `#${createHash("sha256").update(secret).digest("hex")}`;
  const may = (commands: string, mode: "R" | "W", keys: readonly string[]): string =>
    `(${commands} ${keys.map((key) => `%${mode}~${key}`).join(" ")})`;
  const writing = may("+xadd", "W", writes);
  const reading = may("+xread +xrange", "R", reads);
  const users = [
    // Nobody can log in as this one, but Redis itself is it while it reads its log at a start. Were it allowed nothing, Redis 7
    // would pass over all transactions in the log without a word: what was done as one, and what readers of groups were given,
    // would be lost with every restart (redis/redis#14541).
    "default off ~* &* +@all",
    `${NODE_USER} on ${hash(node)} ~* &* +@all`,
    `${PRODUCER_USER} on ${hash(producer)} -@all +ping +hello +quit +client|setname ${writing} ${reading}`,
  ];
  return users.map((user) => `user ${user}\n`).join("");
}

function socketIn(run: string): string {
  return join(run, "redis.sock");
}

/**
 * It is asked as the node's user: whoever has not said who he is is told only that, also while it loads, and a PING is answered
 * only when it has.
 */
function servesRedis(network: BaseEnv["network"], path: string, secret: string, within: Within): Promise<ProbeAnswer> {
  const answerOf = (text: string): ProbeAnswer | undefined => {
    if (!/\r\n.*\r\n/s.test(text)) return undefined;
    return text.startsWith("+OK\r\n-LOADING ") ? "starting" : text === "+OK\r\n+PONG\r\n";
  };
  return askSocket(network, path, Buffer.from(`AUTH ${NODE_USER} ${secret}\r\nPING\r\n`), answerOf, within);
}
