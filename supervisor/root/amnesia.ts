/**
 * Amnesia mode, before anything of the node is made: whether it is asked for, whether this machine and this process can
 * forget, and where in memory the node lives. From then on it is a node like any other, on another data directory.
 *
 * - The directory stands in for the one that the user named, which is only read, for its configuration. Clients find the one
 *   by the other, so two nodes of one name are refused, whichever of them forgets.
 * - What killed nodes of this user have left in memory is removed first.
 * - Nothing is changed outside of a file system in memory, also where the answer is no.
 */
import { join } from "node:path";
import { memoryHome, memoryHomePrefix, memoryPlaces } from "#runtime/config/memory-home.ts";
import { wipe } from "#runtime/disk/wipe.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { type CannotRun, cannotRun } from "#supervisor/root/cannot-run.ts";
import { readConfig } from "#supervisor/root/found-config.ts";
import type { Machine } from "#supervisor/root/machine.ts";
import type { NodeConfig } from "#supervisor/root/node.ts";
import type { RootOptions } from "#supervisor/root/options.ts";
import { isOtherAlive, readRecord } from "#supervisor/root/other-node.ts";
import { holdsSockets, type Places, placesOf, runIn } from "#supervisor/root/places.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

/** A file system in memory with less room is passed over: storage keeps back the larger part of it. */
export const MEMORY_HOME_BYTES_MIN: number = 320 * MiB;
/** Shorter dumps are none: the kernel makes none that is shorter than a page (and none at all where the limit is 1). */
export const CORE_BYTES_MAX = 4096;
/** Set by the launcher when it has done what it can for this mode. */
const PREPARED = "CEPA_PREPARED";
/** What of the environment has Node write files. The launcher takes it away. */
const WRITERS = ["NODE_OPTIONS", "NODE_V8_COVERAGE", "NODE_REDIRECT_WARNINGS"];

export interface Moving {
  readonly seams: RootSeams;
  readonly machine: Machine;
  /** What the configuration is of. */
  readonly tree: NodeSpec;
  /** As they came. */
  readonly args: readonly string[];
}

/** The options to run with. In amnesia mode its directory is there, private, and claimed by nobody yet. */
export async function moveToMemory(options: RootOptions, moving: Moving): Promise<Result<RootOptions, CannotRun>> {
  const { seams, machine } = moving;
  const wanted = await wantedMode(options, moving);
  if (!wanted.ok) return wanted;
  const { amnesia, allowSwap } = wanted.value;
  if (!amnesia) return await withoutTwin(options, homesOf(options, seams), moving);

  const prepared = prepare(moving);
  if (!prepared.ok) return prepared;
  const swaps = allowSwap ? [] : machine.swaps();
  if (swaps.length > 0) {
    const why = `this machine may write memory to its swap (${swaps.join(", ")})`;
    return refuse(`${why}; swapoff it, or set node.allowSwap = true where what it holds is encrypted`);
  }
  const alone = await withoutTwin(options, [options.namedDirectory, ...homesOf(options, seams)], moving);
  if (!alone.ok) return alone;
  await removeLeftovers(options, moving);
  const home = await findHome(options, moving);
  return home.ok ? ok({ ...options, amnesia: true, dataDirectory: home.value }) : home;
}

/** The command line can only ask for it: what the configuration wants is not taken back there. */
async function wantedMode(options: RootOptions, { seams, tree }: Moving): Promise<Result<NodeConfig, CannotRun>> {
  const found = await readConfig(seams.base, options, tree);
  if (!found.ok) return found;
  const { node } = found.value.root;
  return ok({ ...node, amnesia: node.amnesia || options.amnesia });
}

/** What this process inherited cannot all be changed from inside: the launcher does it, and starts the node anew. */
function prepare({ seams, machine, args }: Moving): Result<void, CannotRun> {
  const { env } = seams.base.processes.self;
  const trace = traceLeft(machine, env);
  if (trace === undefined) return ok();
  if (env[PREPARED] === undefined) machine.becomeLauncher([...args.filter((arg) => arg !== "--amnesia"), "--amnesia"]);
  return refuse(`${trace}; start the node with ./cepa up --amnesia, from a shell that can change that`);
}

function traceLeft(machine: Machine, env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (machine.coreBytesMax() >= CORE_BYTES_MAX) return "a crash would leave its memory in a core dump";
  const cache = machine.compileCache();
  if (cache !== undefined && !machine.isMemory(cache)) return `Node keeps compiled code in ${cache}`;
  const writer = WRITERS.find((name) => (env[name] ?? "") !== "");
  return writer === undefined ? undefined : `${writer} may have Node write files`;
}

/** Two nodes of one name would take each other's clients. What is not private is not ours, and is not asked. */
async function withoutTwin(
  options: RootOptions,
  directories: readonly string[],
  { seams, machine }: Moving,
): Promise<Result<RootOptions, CannotRun>> {
  const { base } = seams;
  for (const directory of directories) {
    const isNamed = directory === options.namedDirectory;
    if (!isNamed && !machine.isPrivate(directory)) continue;
    const places = placesIn(directory, !isNamed, seams);
    if (!(await isOtherAlive(base, places))) continue;
    const { pid } = await readRecord(base.disk, places.record);
    const who = `another node${isNamed ? "" : " in amnesia mode"}${pid === undefined ? "" : ` (process ${pid})`}`;
    const name = options.namedDirectory;
    const next = `stop it with cepa down --data ${name}, or give --data another directory`;
    return cannotRun("lock.taken", `${who} already runs as ${name}: ${next}`);
  }
  return ok(options);
}

/** Nobody holds the lock of what a killed node has left. */
async function removeLeftovers(options: RootOptions, { seams, machine }: Moving): Promise<void> {
  const { disk, locks } = seams.base;
  for (const place of memoryPlaces(factsOf(options, seams))) {
    const listed = machine.isMemory(place) ? await disk.list(place) : ok([]);
    for (const { name } of listed.ok ? listed.value : []) {
      const directory = join(place, name);
      if (!name.startsWith(memoryHomePrefix(seams.userId)) || !machine.isPrivate(directory)) continue;
      const locked = await locks.acquire(placesIn(directory, true, seams).lock, { waitMs: 0 });
      if (!locked.ok) continue;
      await wipe(disk, directory);
      locked.value.release();
    }
  }
}

async function findHome(options: RootOptions, { seams, machine }: Moving): Promise<Result<string, CannotRun>> {
  const facts = factsOf(options, seams);
  const reasons: string[] = [];
  for (const place of memoryPlaces(facts)) {
    const home = memoryHome(place, facts);
    const problem = machine.isMemory(place) ? await problemWith(place, home, seams) : "not in memory";
    if (problem === undefined) return ok(home);
    reasons.push(`${place}: ${problem}`);
  }
  const wanted = `mount a tmpfs of at least ${MEMORY_HOME_BYTES_MIN / MiB} MiB there, or give --data a directory on one`;
  return refuse(`there is no place in memory for it (${reasons.join("; ")}); ${wanted}`);
}

/** Makes the directory. A ramfs has no size, and is as large as the memory. */
async function problemWith(place: string, home: string, seams: RootSeams): Promise<string | undefined> {
  if (!holdsSockets(runIn(home))) return "the path is too long for sockets";
  const space = await seams.base.disk.space(place);
  if (!space.ok) return space.failure.code;
  const { freeBytes, totalBytes } = space.value;
  if (totalBytes > 0 && freeBytes < MEMORY_HOME_BYTES_MIN) return `only ${Math.floor(freeBytes / MiB)} MiB free`;
  const made = seams.ensurePrivateDirectory(home);
  return made.ok ? undefined : made.failure.cause;
}

function homesOf(options: RootOptions, seams: RootSeams): readonly string[] {
  const facts = factsOf(options, seams);
  return memoryPlaces(facts).map((place) => memoryHome(place, facts));
}

function factsOf({ namedDirectory }: RootOptions, { base, userId, digest }: RootSeams) {
  const runtimeDirectory = base.processes.self.env["XDG_RUNTIME_DIR"];
  return { dataDirectory: namedDirectory, runtimeDirectory, userId, digest };
}

function placesIn(dataDirectory: string, amnesia: boolean, { base, userId, digest }: RootSeams): Places {
  const runtimeDirectory = base.processes.self.env["XDG_RUNTIME_DIR"] || undefined;
  return placesOf({ dataDirectory, runtimeDirectory, amnesia, userId, digest });
}

function refuse(message: string): Result<never, CannotRun> {
  return fail({ code: "supervisor.amnesia-refused", message: `the node cannot promise to forget: ${message}` });
}
