/**
 * A node as it runs, on a disk and a clock of its own, so that these can be broken under it: a file system in memory that
 * fills up, system calls that fail (`strace`), a wall clock that jumps (`libfaketime`), and where it is wanted on a network of
 * its own. It needs root, on Linux.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Fault, FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import { isOfPackets, type OwnNetwork } from "#chaos/real/network/own-network.ts";
import { ProcessWorld } from "#chaos/real/process-world.ts";
import { TracedDisk } from "#chaos/real/traced-disk.ts";
import type { AtRest, Injection, Remains, World, WorldAnswer, WorldRequest } from "#chaos/world.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import { MiB, second } from "#runtime/units.ts";
import { provide } from "#test/kit/provide.ts";

/** Of the file system that the node is on. */
const DISK_BYTES: number = 1024 * MiB;
/** Whose disk is broken: it is where the store is. */
const CELL = "data";
/** How often a process looks at what time it is to be, s. */
const CLOCK_LOOK_S = 1;

const LIBRARIES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((arch) => `/usr/lib/${arch}/faketime/libfaketime.so.1`);

/** Why there is no such world here; undefined where there is. */
export async function osMissing(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "this takes root, on Linux";
  return await provide({ strace: "strace", faketime: "faketime", mount: "mount" });
}

export interface OsWorldOptions {
  /** An empty directory of its own. */
  readonly directory: string;
  readonly config: string;
  readonly random: Random;
  /** Whether clients come through gates, where connections break. */
  readonly isGated: boolean;
  /** The node's own, which is closed with it. Without one it is where we are. */
  readonly network: OwnNetwork | undefined;
  /** Whether producers publish. */
  readonly hasEvents?: boolean;
}

export class OsWorld implements World {
  readonly clock: Clock;
  readonly arrivesAtOnce = false;
  readonly #inner: ProcessWorld;
  readonly #directory: string;
  readonly #disk: string;
  readonly #network: OwnNetwork | undefined;
  /** Requests that were refused because there is no room. */
  #fullAnswers = 0;
  #clockS = 0;
  #traces = 0;

  constructor({ directory, config, random, hasEvents = false, isGated, network }: OsWorldOptions) {
    this.#directory = directory;
    this.#network = network;
    this.#disk = join(directory, "disk");
    mkdirSync(this.#disk);
    mustRun("mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", this.#disk);
    this.#setClock();
    const dataDirectory = join(this.#disk, "data");
    mkdirSync(dataDirectory);
    const env = {
      LD_PRELOAD: LIBRARIES.find(existsSync) ?? "",
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_TIMESTAMP_FILE: join(directory, "clock"),
      FAKETIME_CACHE_DURATION: `${CLOCK_LOOK_S}`,
    };
    this.#inner = new ProcessWorld({ dataDirectory, config, random, env, hasEvents, isGated, place: network?.place });
    this.clock = this.#inner.clock;
  }

  get events(): World["events"] {
    return this.#inner.events;
  }

  cannot(fault: Fault): string | undefined {
    switch (fault.kind) {
      case "disk-error":
      case "disk-slow":
      case "disk-full":
      case "clock-jump":
        return undefined;
      default:
        return this.#inner.cannot(fault);
    }
  }

  begin(): Promise<void> {
    return this.#inner.begin();
  }

  async request(request: WorldRequest): Promise<WorldAnswer | undefined> {
    const answer = await this.#inner.request(request);
    if (answer?.status === 507) this.#fullAnswers += 1;
    return answer;
  }

  async inject(fault: Fault): Promise<Injection> {
    if (this.#network !== undefined && isOfPackets(fault)) return await this.#network.inject(fault);
    switch (fault.kind) {
      case "disk-error":
        return await this.#traced((pid, trace) => TracedDisk.failing(pid, trace, fault));
      case "disk-slow":
        return await this.#traced((pid, trace) => TracedDisk.slow(pid, trace, fault.delayMs));
      case "disk-full":
        return this.#fill(fault);
      case "clock-jump":
        this.#clockS += Math.round(fault.byMs / second);
        this.#setClock();
        return happened(1);
      default:
        return await this.#inner.inject(fault);
    }
  }

  status(): Promise<NodeStatus | undefined> {
    return this.#inner.status();
  }

  atRest(): Promise<AtRest> {
    return this.#inner.atRest();
  }

  end(): Promise<Remains> {
    return this.#inner.end();
  }

  /** Whatever is left of it, at once. */
  async discard(): Promise<void> {
    await this.#inner.discard();
    await this.#network?.close();
    spawnSync("umount", ["-l", this.#disk]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #traced(attach: (pid: number, trace: string) => Promise<TracedDisk>): Promise<Injection> {
    const pid = await this.#inner.pidOf("cells", CELL);
    if (pid === 0) return happened(0);
    this.#traces += 1;
    const traced = await attach(pid, join(this.#directory, `trace-${this.#traces}`));
    return lasting(
      () => traced.release(),
      () => traced.effects,
    );
  }

  #fill({ freeBytes }: FaultOf<"disk-full">): Injection {
    const ballast = join(this.#disk, "ballast");
    const before = this.#fullAnswers;
    const { bavail, bsize } = statfsSync(this.#disk);
    fill(ballast, bavail * bsize - freeBytes);
    return lasting(
      () => rmSync(ballast, { force: true }),
      () => this.#fullAnswers - before,
    );
  }

  /** By so much the clock is off. */
  #setClock(): void {
    writeFileSync(join(this.#directory, "clock"), `${this.#clockS < 0 ? "-" : "+"}${Math.abs(this.#clockS)}\n`);
  }
}

/** The node writes meanwhile: what does not fit any more is full as well. */
function fill(path: string, sizeBytes: number): void {
  const block = new Uint8Array(1 * MiB);
  try {
    for (let left = sizeBytes; left > 0; left -= block.length) appendFileSync(path, block.subarray(0, left));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

function mustRun(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
}
