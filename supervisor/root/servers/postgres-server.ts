/**
 * Postgres as a child of the node: its own cluster in the data directory, reached by a Unix socket in the run directory
 * and by nothing else, with `fsync` as it is by default: on.
 *
 * It refuses to run as root, and processes of a server that was killed may stay for a while and keep the next one from
 * starting. In a user and process namespace of its own it is nobody's root, and all of it ends with its first process. A
 * system that does not give such namespaces to who is not root anyway runs it as it is.
 */
import { join } from "node:path";
import type { BaseEnv } from "#runtime/env.ts";
import type { Within } from "#runtime/ref.ts";
import { minute, second } from "#runtime/units.ts";
import type { Places } from "#supervisor/root/places.ts";
import { askSocket } from "#supervisor/server/ask-socket.ts";
import type { ProbeAnswer } from "#supervisor/server/readiness.ts";
import { runProgram } from "#supervisor/server/run-program.ts";
import type { Launch, ServerProgram } from "#supervisor/server/server-child.ts";

/** Longest time that making the cluster may take. */
export const INITDB_MS: number = 1 * minute;
/** Connections that the server takes. */
export const POSTGRES_CONNECTIONS_MAX = 32;

const USER = "cepa";
const DATABASE = "postgres";
/** Part of the socket's name; no port is listened on. */
const PORT = 5432;
const UNSHARE = "/usr/bin/unshare";
/** Of a user that is root inside of nothing: the overflow id, which every Linux has. */
const NOBODY = 65_534;
const CLUSTER_OPTIONS = ["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"];
const ENV = { PATH: "/usr/bin:/bin", LC_ALL: "C" };

export interface PostgresPlace {
  readonly base: Pick<BaseEnv, "disk" | "network" | "processes" | "clock">;
  readonly places: Pick<Places, "data" | "run">;
  readonly userId: number;
  /** Directory of `postgres` and `initdb`; undefined where there is none. */
  readonly programs: () => string | undefined;
}

/** With `psql` and with every client: user and database are the node's own, and the directory says who may connect. */
export function postgresUrl({ run }: Pick<Places, "run">): string {
  return `postgresql://${USER}@/${DATABASE}?host=${encodeURIComponent(run)}`;
}

export function postgresServer({ base, places, userId, programs }: PostgresPlace): ServerProgram {
  const { disk, network, processes, clock } = base;
  const directory = join(places.data, "postgres");
  const cluster = join(directory, "cluster");
  const settings = Object.entries(settingsOf(places)).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

  const prepare = async (): Promise<Launch | string> => {
    const folder = programs();
    if (folder === undefined) return "there is no Postgres here for this machine: give postgres.url that of another";
    const confined = await confinement(userId, base);
    const problem = await makeCluster(inside(confined, join(folder, "initdb")));
    return problem ?? inside(confined, join(folder, "postgres"), "-D", cluster, ...settings);
  };

  /** A cluster appears whole or not at all. */
  const makeCluster = async (initdb: Launch): Promise<string | undefined> => {
    const there = await disk.list(cluster);
    if (there.ok) return undefined;
    if (there.failure.code !== "disk.not-found") return `cannot read ${cluster}: ${there.failure.code}`;
    const fresh = join(directory, "new");
    const made = await disk.makeDirectory(directory);
    if (!made.ok) return `cannot use ${directory}: ${made.failure.code}`;
    const removed = await disk.removeTree(fresh);
    if (!removed.ok) return `cannot remove ${fresh}: ${removed.failure.code}`;
    const args = [...initdb.args, "--pgdata", fresh, ...CLUSTER_OPTIONS];
    const { problem } = await runProgram({ ...initdb, args, timeoutMs: INITDB_MS }, processes, clock);
    if (problem !== undefined) return problem;
    const renamed = await disk.rename(fresh, cluster);
    if (!renamed.ok) return `cannot rename ${fresh}: ${renamed.failure.code}`;
    const synced = await disk.syncDirectory(directory);
    return synced.ok ? undefined : `cannot sync ${directory}: ${synced.failure.code}`;
  };

  const socket = join(places.run, `.s.PGSQL.${PORT}`);
  return {
    prepare,
    // The fast one: it waits for no client.
    stopSignal: "SIGINT",
    readiness: {
      probe: (within) => servesPostgres(network, socket, within),
      tryTimeoutMs: 2 * second,
      pauseMs: 50,
      // What it takes to read its log back, it says that it starts, and is not counted.
      triesMax: 1200,
    },
  };
}

function settingsOf({ run }: Pick<Places, "run">): Readonly<Record<string, string>> {
  return {
    listen_addresses: "",
    unix_socket_directories: quoted(run),
    unix_socket_permissions: "0700",
    port: String(PORT),
    max_connections: String(POSTGRES_CONNECTIONS_MAX),
    jit: "off",
    // Not in /dev/shm: there a server that is killed would leave its own for good. Files of the cluster are its successor's to
    // remove. Next to nothing is in them: what processes share fits into memory that is set aside when it starts.
    dynamic_shared_memory_type: "mmap",
    min_dynamic_shared_memory: "16MB",
  };
}

function inside(confined: readonly string[], ...program: readonly string[]): Launch {
  const [command = "", ...args] = [...confined, ...program];
  return { command, args, env: ENV };
}

/** What runs a program as nobody's root, in a process namespace that ends with it. */
async function confinement(
  userId: number,
  { processes, clock }: Pick<BaseEnv, "processes" | "clock">,
): Promise<readonly string[]> {
  const mapped = userId === 0 ? [`--map-user=${NOBODY}`, `--map-group=${NOBODY}`] : ["--map-current-user"];
  const args = ["--user", ...mapped, "--pid", "--fork", "--kill-child"];
  const tried = await runProgram(
    { command: UNSHARE, args: [...args, "/bin/true"], env: ENV, timeoutMs: 5 * second },
    processes,
    clock,
  );
  return tried.problem === undefined ? [UNSHARE, ...args] : [];
}

/** The directory as an entry of a list: Postgres cuts those at commas, and takes quotes. */
function quoted(directory: string): string {
  return `"${directory.replaceAll('"', '""')}"`;
}

/** As a client begins. It is asked who we are (`R`) where it serves, and told off (`E`) while it starts or ends. */
function servesPostgres(network: BaseEnv["network"], path: string, within: Within): Promise<ProbeAnswer> {
  const words = Buffer.from(`user\0${USER}\0database\0${DATABASE}\0\0`);
  const question = Buffer.alloc(8 + words.length);
  question.writeInt32BE(question.length, 0);
  question.writeInt32BE(0x0003_0000, 4);
  question.set(words, 8);
  return askSocket(network, path, question, answerOf, within);
}

/** It asks who we are, or refuses: with 57P03 it reads its log back first. */
function answerOf(text: string): ProbeAnswer | undefined {
  if (text.startsWith("E")) return text.includes("\0C57P03\0") ? "starting" : hasEnded(text) ? false : undefined;
  return text === "" ? undefined : text.startsWith("R");
}

/** The last field of an error is followed by an empty one. */
function hasEnded(text: string): boolean {
  return text.endsWith("\0\0");
}
