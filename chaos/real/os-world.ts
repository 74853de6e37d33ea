/**
 * A node as it runs, on a disk and a clock of its own, so that these can be broken under it: a file system that fills up, whose
 * bytes decay, and whose power goes; system calls that fail (`strace`), a wall clock that jumps and drifts (`libfaketime`),
 * memory that runs out, and where it is wanted on a network of its own. It needs root, on Linux.
 */
import { appendFileSync, mkdirSync, rmSync, statfsSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Decay } from "#chaos/disk/decay.ts";
import { cutsPower, type Fault, type FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import { Afterwards } from "#chaos/real/afterwards.ts";
import { CUT_ERRNO, CutWrites } from "#chaos/real/cut-writes.ts";
import { decayOnDisk } from "#chaos/real/decay-on-disk.ts";
import { MemoryLimit, memoryLimitMissing } from "#chaos/real/memory-limit.ts";
import { isOfPackets, type OwnNetwork } from "#chaos/real/network/own-network.ts";
import { OsClock } from "#chaos/real/os-clock.ts";
import { OsDisk } from "#chaos/real/os-disk.ts";
import { ProcessWorld } from "#chaos/real/process-world.ts";
import { TracedCalls } from "#chaos/real/traced-calls.ts";
import {
  type AtRest,
  type Injection,
  passed,
  type Remains,
  type World,
  type WorldAnswer,
  type WorldRequest,
} from "#chaos/world.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import { MiB, second } from "#runtime/units.ts";
import { provideCutDisk } from "#test/kit/cut-disk.ts";
import { provide } from "#test/kit/provide.ts";

/** Whose disk is broken: it is where the store is. */
const CELL = "data";
const HAND_ON = pathToFileURL(join(import.meta.dirname, "..", "..", "test", "kit", "hand-on.ts")).href;
/** Between two looks for a cell that is starting. */
const LOOK_MS = 100;
/** Longest wait for an operation at which the node is to end. */
const POINT_MS_MAX: number = 10 * second;

/** Why there is no such world here; undefined where there is. For faults that cut the power it takes more. */
export async function osMissing(faults: readonly Fault[] = []): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "this takes root, on Linux";
  const missing = await provide({
    strace: "strace",
    faketime: "faketime",
    mount: "mount",
    prlimit: "util-linux",
  });
  return missing ?? (faults.some(cutsPower) ? await provideCutDisk() : undefined);
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
  /** With power that can be cut, if one of them does. */
  readonly faults: readonly Fault[];
}

export class OsWorld implements World {
  readonly clock: Clock;
  readonly arrivesAtOnce = false;
  readonly #inner: ProcessWorld;
  readonly #directory: string;
  readonly #disk: OsDisk;
  readonly #wallClock: OsClock;
  readonly #data: string;
  readonly #random: Random;
  readonly #afterwards: Afterwards;
  readonly #network: OwnNetwork | undefined;
  /** Requests that were refused because there is no room. */
  #fullAnswers = 0;
  #attempts = 0;
  /** Settles when the node is started again that was ended last. */
  #ended: Promise<void> = Promise.resolve();
  #discarded: Promise<void> | undefined;

  private constructor(options: OsWorldOptions, disk: OsDisk, afterwards: Afterwards) {
    const { directory, config, random, hasEvents = false, isGated, network } = options;
    this.#directory = directory;
    this.#disk = disk;
    this.#random = random;
    this.#afterwards = afterwards;
    this.#network = network;
    this.#wallClock = new OsClock(directory);
    const dataDirectory = join(disk.directory, "data");
    this.#data = dataDirectory;
    const faked = this.#wallClock.env;
    const { NODE_OPTIONS = "" } = process.env;
    // A root hands none of this to its cells by itself.
    const handed = {
      CEPA_HAND_ON: Object.keys(faked).join(","),
      NODE_OPTIONS: `${NODE_OPTIONS} --import=${HAND_ON}`.trim(),
    };
    const env = { ...faked, ...handed };
    const place = network?.place;
    this.#inner = new ProcessWorld({
      dataDirectory,
      folder: directory,
      config,
      random,
      env,
      hasEvents,
      isGated,
      place,
    });
    this.clock = this.#inner.clock;
  }

  static async make(options: OsWorldOptions): Promise<OsWorld> {
    const { directory, faults } = options;
    const disk = await OsDisk.make(directory, faults.some(cutsPower));
    return new OsWorld(options, disk, new Afterwards(directory, join(disk.directory, "data")));
  }

  get events(): World["events"] {
    return this.#inner.events;
  }

  cannot(fault: Fault): string | undefined {
    switch (fault.kind) {
      case "disk-error":
      case "disk-slow":
      case "disk-full":
      case "bit-flip":
      case "clock-jump":
      case "clock-drift":
      case "cpu-stall":
        return undefined;
      case "short-write":
        return fault.errno === CUT_ERRNO ? undefined : `the system cuts writes with ${CUT_ERRNO} alone`;
      case "kill-node":
      case "kill-at-operation":
        return fault.power && !this.#disk.canCut ? this.#inner.cannot(fault) : undefined;
      case "torn-write":
        return this.#disk.canCut ? undefined : this.#inner.cannot(fault);
      case "memory-pressure":
        return memoryLimitMissing();
      default:
        return this.#inner.cannot(fault);
    }
  }

  async begin(): Promise<void> {
    await this.#disk.powerOn();
    mkdirSync(this.#data);
    await this.#inner.begin();
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
        return await this.#traced(CELL, (pid, trace) => TracedCalls.failing(pid, trace, fault));
      case "disk-slow":
        return await this.#traced(CELL, (pid, trace) => TracedCalls.slow(pid, trace, fault.delayMs));
      case "disk-full":
        return this.#fill(fault);
      case "bit-flip":
        return this.#flipBits(fault);
      case "short-write":
        return await this.#cutWrites(fault);
      case "kill-node":
        return await this.#alone(() => this.#killNode(fault));
      case "torn-write":
        return await this.#alone(() => this.#tearWrite(fault));
      case "kill-at-operation":
        return await this.#alone(() => this.#killAt(fault));
      case "clock-jump":
        return await this.#wallClock.jump(fault, this.#inner);
      case "clock-drift":
        return this.#wallClock.drift(fault, this.#inner);
      case "cpu-stall":
        return await this.#traced(fault.cell, (pid, trace) => TracedCalls.stalled(pid, trace, fault.forMs));
      case "memory-pressure":
        return await this.#limitMemory(fault);
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
    this.#discarded ??= this.#discard();
    await this.#discarded;
  }

  async #discard(): Promise<void> {
    try {
      await this.#inner.discard();
      await this.#network?.close();
    } finally {
      await this.#disk.discard();
      await this.#afterwards.clean();
    }
  }

  async #traced(cell: string, attach: (pid: number, trace: string) => Promise<TracedCalls>): Promise<Injection> {
    const pid = await this.#pidOf(cell);
    if (pid === 0) return happened(0);
    const traced = await attach(pid, this.#newTrace());
    return lasting(
      async () => void (await traced.release()),
      () => traced.effects,
    );
  }

  /** A cell that another fault has ended is waited for. 0 where it does not come. */
  async #pidOf(cell: string): Promise<number> {
    const untilMs = this.clock.nowMs() + POINT_MS_MAX;
    let pid = await this.#inner.pidOf("cells", cell);
    for (; pid === 0 && this.clock.nowMs() < untilMs; pid = await this.#inner.pidOf("cells", cell)) {
      await passed(this, LOOK_MS);
    }
    return pid;
  }

  #newTrace(): string {
    this.#attempts += 1;
    return join(this.#directory, `trace-${this.#attempts}`);
  }

  /** One end of the node at a time: the next one comes when it is started again, which may take longer than the plan thinks. */
  async #alone(end: () => Promise<Injection>): Promise<Injection> {
    const before = this.#ended;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    await before;
    const { heal, effects } = await end();
    return lasting(() => heal().finally(resolve), effects);
  }

  /** The processes first: what they have written last is in the memory of the system, and goes with the power. */
  async #killNode({ power, ...fault }: FaultOf<"kill-node">): Promise<Injection> {
    const killed = await this.#inner.inject({ ...fault, power: false });
    if (!power) return killed;
    await this.#disk.cutPower();
    return this.#withoutPower(killed);
  }

  /** The disk first: somebody has to write to it. */
  async #tearWrite({ atMs, forMs }: FaultOf<"torn-write">): Promise<Injection> {
    const isTorn = await this.#disk.tear();
    const { heal } = await this.#inner.inject({ kind: "kill-node", atMs, forMs, power: false });
    return this.#withoutPower({ heal, effects: () => (isTorn ? 1 : 0) });
  }

  #withoutPower(killed: Injection): Injection {
    return lasting(
      async () => {
        await this.#disk.powerOn();
        await killed.heal();
      },
      () => killed.effects(),
    );
  }

  async #killAt({ atMs, forMs, operation, number, power }: FaultOf<"kill-at-operation">): Promise<Injection> {
    const pid = await this.#pidOf(CELL);
    if (pid === 0) return happened(0);
    const traced = await TracedCalls.killed(pid, this.#newTrace(), operation, number);
    await traced.ended(POINT_MS_MAX);
    await traced.release();
    if (traced.effects === 0) return happened(0);
    const { heal } = await this.#killNode({ kind: "kill-node", atMs, forMs, power });
    return lasting(heal, () => 1);
  }

  async #cutWrites({ count }: FaultOf<"short-write">): Promise<Injection> {
    const pid = await this.#pidOf(CELL);
    if (pid === 0) return happened(0);
    const cut = await CutWrites.of(pid, this.#newTrace(), this.#random, count);
    let effects = 0;
    return lasting(
      async () => {
        effects = (await cut?.release()) ?? 0;
      },
      () => effects,
    );
  }

  #flipBits({ count }: FaultOf<"bit-flip">): Injection {
    const decays: Decay[] = [];
    for (let flipped = 0; flipped < count; flipped += 1) {
      const decay = decayOnDisk(join(this.#data, "packs"), this.#random);
      if (decay === undefined) break;
      decays.push(decay);
    }
    return { ...happened(decays.length), decays };
  }

  async #limitMemory({ cell, freeBytes }: FaultOf<"memory-pressure">): Promise<Injection> {
    const pid = await this.#pidOf(cell);
    if (pid === 0) return happened(0);
    this.#attempts += 1;
    const limit = MemoryLimit.of(pid, `${basename(this.#directory)}-${this.#attempts}`, freeBytes);
    let effects = 0;
    return lasting(
      () => {
        effects = limit.effects;
        limit.lift();
      },
      () => effects,
    );
  }

  #fill({ freeBytes }: FaultOf<"disk-full">): Injection {
    const ballast = join(this.#disk.directory, "ballast");
    const before = this.#fullAnswers;
    const { bavail, bsize } = statfsSync(this.#disk.directory);
    fill(ballast, bavail * bsize - freeBytes);
    return lasting(
      () => rmSync(ballast, { force: true }),
      () => this.#fullAnswers - before,
    );
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
