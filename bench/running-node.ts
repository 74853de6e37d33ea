/** A real node on a temporary data directory, started as `cepa up` starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { killedAtExit, TemporaryFolder } from "#bench/temporary.ts";
import { askAdmin } from "#cli/admin.ts";
import { findNode, type NodeRecord } from "#cli/find-node.ts";
import { parseStatus, type TreeStatus } from "#cli/node-status.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";

const LAUNCHER = join(import.meta.dirname, "..", "cepa");
/** Longest wait for the ready line, unless another is said. */
const READY_TIMEOUT_MS = 30_000;

export interface RunningNode extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Of the root. */
  readonly pid: number;
  /** Its data directory. */
  readonly data: string;
  kill(target: string): Promise<void>;
  status(): Promise<TreeStatus>;
}

export interface NodeOptions {
  /** So many of them are in the data directory. */
  readonly volumes?: number;
  /** Further variables of its environment. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Longest wait for the ready line: a node is not ready before its store is whole. */
  readonly readyTimeoutMs?: number;
}

/** `folder` is where the temporary data directory is made: the disk that is measured. */
export async function startNode(folder: string, options: NodeOptions = {}): Promise<RunningNode> {
  const directory = dataDirectory(folder);
  try {
    const node = await startOn(directory.path, options);
    return {
      ...node,
      async [Symbol.asyncDispose]() {
        await node[Symbol.asyncDispose]();
        directory[Symbol.dispose]();
      },
    };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

/** One that outlives its nodes. */
export function dataDirectory(folder: string): TemporaryFolder {
  return new TemporaryFolder(folder, "bench-data-");
}

/** On a data directory that stays. */
export async function startOn(
  data: string,
  { volumes = 0, settings = {}, readyTimeoutMs = READY_TIMEOUT_MS }: NodeOptions = {},
): Promise<RunningNode> {
  const directories = Array.from({ length: volumes }, (_, at) => join(data, `v${at + 1}`));
  const onVolumes = volumes === 0 ? {} : { CEPA_STORAGE_VOLUMES: directories.join(",") };
  const root = killedAtExit(
    spawn(LAUNCHER, ["up", "--data", data, "--http", "127.0.0.1:0", "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...onVolumes, ...settings },
    }),
  );
  const url = await readyUrl(root, readyTimeoutMs);
  const record = must(findNode({ data }), "the node that was just started is found");
  return {
    url,
    port: Number(new URL(url).port),
    pid: record.pid,
    data,
    kill: async (target) => {
      must(await askAdmin(record, { command: "kill", target }), `killing ${target}`);
    },
    status: async () => parseStatus(must(await askAdmin(record, { command: "status" }), "status")) ?? EMPTY,
    [Symbol.asyncDispose]: () => end(root, record),
  };
}

/** Of the cell that holds the store. */
export async function dataPid(node: Pick<RunningNode, "status">): Promise<number> {
  const pid = (await node.status()).cells.find(({ name }) => name === "data")?.pid;
  if (pid === undefined) throw new Error("there is no data cell");
  return pid;
}

const EMPTY: TreeStatus = { cells: [], servers: [], actors: [], unavailable: [] };

async function readyUrl(root: ChildProcess, timeoutMs: number): Promise<string> {
  const timer = setTimeout(() => root.kill("SIGKILL"), timeoutMs);
  try {
    if (root.stdout === null) throw new Error("the node has no output");
    for await (const line of createInterface({ input: root.stdout })) {
      const said = parseJson(line);
      if (isRecord(said) && said["event"] === "ready" && typeof said["http"] === "string") {
        root.stdout.resume();
        return said["http"];
      }
    }
    throw new Error("the node ended before it was ready");
  } finally {
    clearTimeout(timer);
  }
}

async function end(root: ChildProcess, record: NodeRecord): Promise<void> {
  const exited = root.exitCode === null && root.signalCode === null ? once(root, "exit") : undefined;
  const asked = await askAdmin(record, { command: "down" });
  if (!asked.ok) root.kill("SIGTERM");
  await exited;
}
