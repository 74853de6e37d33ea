/** A real node on a temporary data directory, started as `cepa up` starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { askAdmin } from "#cli/admin.ts";
import { findNode, type NodeRecord } from "#cli/find-node.ts";
import { parseStatus, type TreeStatus } from "#cli/node-status.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";

const LAUNCHER = join(import.meta.dirname, "..", "cepa");
/** Longest wait for the ready line. */
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

/**
 * `folder` is where the temporary data directory is made: the disk that is measured. With `volumes` so many of them are in
 * the data directory; `settings` are further variables of its environment.
 */
export async function startNode(
  folder: string,
  {
    volumes = 0,
    settings = {},
  }: { readonly volumes?: number; readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<RunningNode> {
  const data = mkdtempSync(join(folder, "bench-data-"));
  const directories = Array.from({ length: volumes }, (_, at) => join(data, `v${at + 1}`));
  const onVolumes = volumes === 0 ? {} : { CEPA_STORAGE_VOLUMES: directories.join(",") };
  const root = spawn(LAUNCHER, ["up", "--data", data, "--http", "127.0.0.1:0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...onVolumes, ...settings },
  });
  const url = await readyUrl(root);
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
    async [Symbol.asyncDispose]() {
      await end(root, record);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

const EMPTY: TreeStatus = { cells: [], actors: [], unavailable: [] };

async function readyUrl(root: ChildProcess): Promise<string> {
  const timer = setTimeout(() => root.kill("SIGKILL"), READY_TIMEOUT_MS);
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
