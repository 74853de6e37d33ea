/** The node that is soaked: as `cepa up` runs it, with its own Postgres and Redis, and a probe in each of its processes. */
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { residentBytes } from "#bench/process-figures.ts";
import { killedAtExit, TemporaryFolder } from "#bench/temporary.ts";
import { Afterwards } from "#chaos/real/afterwards.ts";
import { RealEvents } from "#chaos/real/real-events.ts";
import type { HeldByThread } from "#chaos/real/soak/probe.ts";
import { Probes } from "#chaos/real/soak/probes.ts";
import { fileCounts, isCounted } from "#chaos/soak/data-files.ts";
import { kindOf, type RestCounts } from "#chaos/soak/rest.ts";
import { passed } from "#chaos/world.ts";
import { assert } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { SQL_IDLE_MS } from "#runtime/real/sql.ts";
import { second } from "#runtime/units.ts";
import { startNode, type TestNode } from "#test/kit/node.ts";
import type { WorkNode } from "#test/kit/work-node.ts";

/** A cache that is small is full when it is warm, and what grows then is something else. */
const CONFIG = "[index]\ncacheBytesMax = 1048576\n";

/** Of a process, at rest. */
export interface HeldByProcess extends HeldByThread {
  readonly residentBytes: number;
}

export interface Look {
  readonly atMs: number;
  /** Of the root and of each cell, by name. */
  readonly held: Readonly<Record<string, HeldByProcess>>;
}

/** Connections on which nobody asks any more are closed by then, those to Postgres last, and those of whoever looks too. */
export const REST_MS: number = SQL_IDLE_MS + 5 * second;

export class SoakNode implements AsyncDisposable {
  readonly node: TestNode;
  readonly events: RealEvents;
  readonly work: WorkNode;
  readonly #probes: Probes;
  readonly #afterwards: Afterwards;
  readonly #startedMs = performance.now();

  private constructor(node: TestNode, events: RealEvents, probes: Probes, afterwards: Afterwards) {
    this.node = node;
    this.events = events;
    this.#probes = probes;
    this.#afterwards = afterwards;
    events.attach(node);
    const { work } = events;
    assert(work !== undefined, "it is attached");
    this.work = work;
  }

  static async start(): Promise<SoakNode> {
    // All of it is in one folder, its sockets too: it is removed whatever ends this.
    const folder = new TemporaryFolder(tmpdir(), "cepa-soak-");
    const dataDirectory = join(folder.path, "data");
    // Where this is killed there is nobody else to end the node, and with it its cells and servers.
    const afterwards = new Afterwards(folder.path, dataDirectory);
    try {
      return await SoakNode.#startIn(folder.path, dataDirectory, afterwards);
    } catch (error) {
      await afterwards.clean();
      throw error;
    }
  }

  static async #startIn(folder: string, dataDirectory: string, afterwards: Afterwards): Promise<SoakNode> {
    const events = await RealEvents.prepare(createRealRandom(), folder);
    const inside = (name: string): string => {
      const path = join(folder, name);
      mkdirSync(path, { mode: 0o700 });
      return path;
    };
    const probes = new Probes(inside("probes"));
    writeFileSync(join(inside("data"), "cepa.toml"), events.configWith(CONFIG));
    const env = { ...events.env, XDG_RUNTIME_DIR: inside("run") };
    const node = await startNode({ dataDirectory, env, command: probes.command(), onLaunch: killedAtExit });
    return new SoakNode(node, events, probes, afterwards);
  }

  get url(): string {
    return this.node.url;
  }

  get ageMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** By name: those of the node itself, and those of its servers. */
  async pids(): Promise<{
    readonly own: Readonly<Record<string, number>>;
    readonly servers: Readonly<Record<string, number>>;
  }> {
    const { cells, servers } = await this.node.status();
    const byName = (rows: typeof cells) => Object.fromEntries(rows.map(({ name, pid }) => [name, pid]));
    return { own: { root: this.node.ready.pid, ...byName(cells) }, servers: byName(servers) };
  }

  async look(): Promise<Look> {
    const held: Record<string, HeldByProcess> = {};
    for (const [name, pid] of Object.entries((await this.pids()).own)) {
      held[name] = { ...(await this.#probes.heldBy(pid)), residentBytes: residentBytes(pid) };
    }
    return { atMs: performance.now(), held };
  }

  /** By what they are. */
  files(): Readonly<Record<string, number>> {
    return fileCounts(filesIn(this.node.dataDirectory));
  }

  /**
   * Descriptors by what they are, and threads, of the node and its servers, and files in its data directory, once nobody asks
   * anything of it.
   */
  async rest(): Promise<RestCounts> {
    const { own, servers } = await this.pids();
    await passed({ clock: realClock }, REST_MS);
    const counts: Record<string, Readonly<Record<string, number>>> = {};
    for (const [name, pid] of Object.entries(own)) counts[name] = { ...descriptorsBy(pid), threads: threadsOf(pid) };
    // Redis begins a thread more when its log is first written anew: that is Redis's.
    for (const [name, pid] of Object.entries(servers)) counts[name] = descriptorsBy(pid);
    return { ...counts, "the data directory": this.files() };
  }

  /** Of everything that ever ran. */
  async restarts(): Promise<readonly string[]> {
    const { cells, servers, actors } = (await this.node.status()) as unknown as Readonly<
      Record<"cells" | "servers" | "actors", readonly { readonly name: string; readonly restarts: number }[]>
    >;
    return [...cells, ...servers, ...actors].filter(({ restarts }) => restarts > 0).map(({ name }) => name);
  }

  /** What is left of it when it has gone down: nothing. */
  async end(): Promise<readonly string[]> {
    await this.events.detach();
    const code = await this.node.stop();
    const pids = this.node.livingPids();
    return [
      ...(code === 0 ? [] : [`it ended with ${code ?? "a signal"}`]),
      ...(pids.length === 0 ? [] : [`processes ${pids.join(", ")}`]),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.events.detach();
    await this.node.killAll();
    await this.events.discard();
    await this.#afterwards.clean();
  }
}

function threadsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** Paths within `directory`. Servers make and remove folders whenever they like: theirs are not looked into. */
function* filesIn(directory: string, within = ""): Generator<string> {
  for (const entry of readdirSync(join(directory, within), { withFileTypes: true })) {
    const path = join(within, entry.name);
    if (!isCounted(path)) continue;
    if (entry.isDirectory()) yield* filesIn(directory, path);
    else yield path;
  }
}

/** Descriptors by what they are. */
function descriptorsBy(pid: number): Record<string, number> {
  const folder = `/proc/${pid}/fd`;
  const counts: Record<string, number> = {};
  for (const name of readdirSync(folder)) {
    const kind = descriptorKind(join(folder, name));
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Undefined where it was closed meanwhile. */
function descriptorKind(path: string): string | undefined {
  try {
    return kindOf(readlinkSync(path));
  } catch {
    return undefined;
  }
}
