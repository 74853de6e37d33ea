/** A whole node in simulation as a world: virtual time, a disk in memory, no socket. */
import { BadNetwork } from "#chaos/bad-network.ts";
import type { Fault, FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import { BrokenConnections } from "#chaos/network/broken-connections.ts";
import { type Carrier, carryThrough } from "#chaos/network/carrier.ts";
import { cutAt } from "#chaos/network/cut.ts";
import { CutCarrier } from "#chaos/network/cut-carrier.ts";
import { NarrowNetwork } from "#chaos/network/narrow-network.ts";
import { ReorderedNetwork } from "#chaos/network/reordered-network.ts";
import { injectPanic, type PanicSeams } from "#chaos/panic.ts";
import { timersAtRest } from "#chaos/simulated/at-rest.ts";
import { breakDisk, cutWrites, flipBits } from "#chaos/simulated/disk-faults.ts";
import { OperationPoints } from "#chaos/simulated/operation-points.ts";
import { SimulatedEvents } from "#chaos/simulated/simulated-events.ts";
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
import { assert, must, unreachable } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { LifeOptions } from "#runtime/simulated/life.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { GiB, second } from "#runtime/units.ts";
import { SERVERS, type ServerName } from "#supervisor/child-spec.ts";
import type { Announcement } from "#supervisor/root/announcer.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";
import { SimulatedNode } from "#supervisor/simulated/node.ts";
import type { AdminQuestion } from "#supervisor/simulated/operator.ts";

/** Longest wait for an operation at which the node is to end. */
const POINT_MS_MAX: number = 10 * second;
/** Of a simulated disk. */
const CAPACITY_BYTES: number = 1 * GiB;

export interface SimulatedWorldOptions {
  readonly simulation: Simulation;
  readonly catalogue: LoadedCatalogue;
  readonly config: string;
  /** Whether producers publish: then the node has the cell `work`. */
  readonly hasEvents: boolean;
  /** Laid over all else that it is made of. */
  readonly plant?: ((catalogue: LoadedCatalogue) => LoadedCatalogue) | undefined;
}

export class SimulatedWorld implements World {
  readonly clock: Clock;
  readonly arrivesAtOnce = true;
  readonly events: SimulatedEvents | undefined;
  readonly #simulation: Simulation;
  readonly #node: SimulatedNode;
  /** Of what is done to it: the clients' draws are their own. */
  readonly #random: Random;
  readonly #networks = new Set<Carrier>();
  readonly #cuts: CutCarrier;
  /** What the lives of the node that are over have announced. */
  readonly #saidBefore: Announcement[] = [];
  readonly #points = new OperationPoints();
  /** Requests that were refused because there is no room. */
  #fullAnswers = 0;

  constructor({ simulation, catalogue, config, hasEvents, plant = (whole) => whole }: SimulatedWorldOptions) {
    this.clock = simulation.clock;
    this.#simulation = simulation;
    this.#random = simulation.fork();
    this.#cuts = new CutCarrier(simulation.clock, this.#random);
    const events = hasEvents ? new SimulatedEvents(simulation) : undefined;
    this.events = events;
    this.#node = new SimulatedNode({
      simulation,
      catalogue: plant(events?.tables.in(catalogue) ?? catalogue),
      config: this.#configOf(config),
      ...(events === undefined ? {} : { servers: events.servers }),
    });
  }

  cannot({ kind }: Fault): string | undefined {
    switch (kind) {
      case "stop-cell":
        return "the cells of a simulated node are one process: none of them can be stopped";
      case "kill-server":
      case "stall-server":
        return this.events === undefined ? "a simulated node without producers has no servers" : undefined;
      case "memory-pressure":
        return "a simulated node has the memory of the machine that simulates it";
      default:
        return undefined;
    }
  }

  async begin(): Promise<void> {
    await this.events?.prepare();
    await this.#start();
  }

  async request(request: WorldRequest): Promise<WorldAnswer | undefined> {
    // Nobody takes a connection while the event loop stands still.
    const stalledMs = this.#node.life?.stalledMs ?? 0;
    if (stalledMs > 0) await passed(this, stalledMs);
    const carriers = [this.#cuts, ...this.#networks];
    const answer = await carryThrough(carriers, request, ({ from, ...carried }) => this.#node.request(carried));
    if (answer?.status === 507) this.#fullAnswers += 1;
    return answer;
  }

  async inject(fault: Fault): Promise<Injection> {
    const { disk, clock } = this.#simulation;
    this.#simulation.tell("fault", fault);
    switch (fault.kind) {
      case "crash-actor":
        return happened(await this.#order({ command: "kill", target: `actor/${fault.actor}` }));
      case "resume-actor":
        return happened(await this.#order({ command: "resume", target: `actor/${fault.actor}` }));
      case "panic":
        return await injectPanic(this.#panicSeams(), fault);
      case "kill-cell":
        return happened(await this.#order({ command: "kill", target: `cell/${fault.cell}` }));
      case "kill-node":
        return await this.#killNode(fault);
      case "cut-link":
        return this.#cut(fault);
      case "slow-link": {
        let links = this.#node.linkCount(fault.cell);
        this.#node.slowLink(fault.cell, fault.delayMs);
        return lasting(
          () => {
            // One that came meanwhile is slow as well.
            links ||= this.#node.linkCount(fault.cell);
            this.#node.slowLink(fault.cell, 0);
          },
          () => links,
        );
      }
      case "bad-network":
        return this.#network(new BadNetwork(fault, clock, this.#random));
      case "reordered-network":
        return this.#network(new ReorderedNetwork(fault, clock, this.#random));
      case "narrow-network":
        return this.#network(new NarrowNetwork(fault, clock));
      case "broken-connections":
        return this.#network(new BrokenConnections(fault, this.#random));
      case "partition":
      case "one-way-cut":
        return cutAt(this.#cuts.barrier, fault);
      case "disk-error":
        return breakDisk(disk, fault);
      case "short-write":
        return cutWrites(disk, this.#random, fault);
      case "torn-write":
        return await this.#tearWrite();
      case "bit-flip":
        return flipBits(disk, this.#random, fault);
      case "kill-at-operation":
        return await this.#killAt(fault);
      case "disk-slow": {
        const before = this.#node.life?.operationCount ?? 0;
        disk.delayMs = fault.delayMs;
        return lasting(
          () => {
            disk.delayMs = 0;
          },
          () => (this.#node.life?.operationCount ?? 0) - before,
        );
      }
      case "disk-full":
        return this.#fillDisk(fault);
      case "clock-jump":
        clock.jumpWall(fault.byMs);
        return happened(1);
      case "clock-drift":
        return this.#drift(fault);
      case "cpu-stall":
        return this.#stall(fault);
      case "change-config":
        return await this.#configure(fault);
      case "kill-server":
        return happened(this.events?.servers.kill(serverNamed(fault.server)) === true ? 1 : 0);
      case "stall-server": {
        const isStalled = this.events?.servers.stall(serverNamed(fault.server), fault.forMs) === true;
        // It goes on by itself.
        return happened(isStalled ? 1 : 0);
      }
      case "stop-cell":
      case "memory-pressure":
        return happened(0);
      default:
        return unreachable(fault);
    }
  }

  async status(): Promise<NodeStatus | undefined> {
    return this.#node.status();
  }

  async atRest(): Promise<AtRest> {
    const count = await timersAtRest(
      (ms) => passed(this, ms),
      () => this.#node.life?.base.clock.armedCount ?? 0,
    );
    return { what: "timers", count };
  }

  async end(): Promise<Remains> {
    const failure = await this.#node.stop();
    const { openCount } = this.#simulation.disk;
    return [
      ...(failure === undefined ? [] : [`it did not end in order: ${failure.code}`]),
      ...(openCount === 0 ? [] : [`${openCount} open files`]),
    ];
  }

  /** 1 where it was obeyed. */
  async #order(order: AdminQuestion): Promise<number> {
    const answer = await this.#node.ask(order);
    return answer?.ok === true ? 1 : 0;
  }

  /** Announcements since the world began. */
  #said(isMeant: (said: Announcement) => boolean): number {
    return this.#saidBefore.filter(isMeant).length + this.#node.announced.filter(isMeant).length;
  }

  #panicSeams(): PanicSeams {
    return {
      clock: this.clock,
      status: () => this.status(),
      arm: async (actor, at, times) =>
        (await this.#order({ command: "kill", target: `actor/${actor}`, at, times })) === 1,
      injectedCrashes: (actor) =>
        this.#said((said) => said.event === "crashed" && said.service === actor && said.reason === "injected"),
    };
  }

  async #killNode({ power }: FaultOf<"kill-node">): Promise<Injection> {
    return await this.#gone(this.#node.isUp, power);
  }

  /** The node is, or its process has just ended; it starts again when that heals. */
  async #gone(wasUp: boolean, power: boolean): Promise<Injection> {
    await this.#node.crash({ power });
    return lasting(
      () => this.#start(),
      () => (wasUp ? 1 : 0),
    );
  }

  /** Its process may end before it has started: whoever ends it starts it again. */
  async #start(): Promise<void> {
    if (this.#node.isUp) return;
    this.#saidBefore.push(...this.#node.announced);
    const beforeOperation: NonNullable<LifeOptions["beforeOperation"]> = (_, life, operation) =>
      this.#points.meets(operation, life);
    must(await this.#node.start({ beforeOperation }), "the node starts");
  }

  async #killAt({ operation, number, power }: FaultOf<"kill-at-operation">): Promise<Injection> {
    const point = this.#points.arm(operation, number);
    await Promise.race([point.met, passed(this, POINT_MS_MAX)]);
    point.disarm();
    return point.isMet ? await this.#gone(true, power) : happened(0);
  }

  async #tearWrite(): Promise<Injection> {
    const { disk } = this.#simulation;
    const torn = Promise.withResolvers<void>();
    let isTorn = false;
    disk.tearNext(() => {
      isTorn = true;
      this.#node.life?.end();
      torn.resolve();
    });
    await Promise.race([torn.promise, passed(this, POINT_MS_MAX)]);
    disk.tearNext(undefined);
    return isTorn ? await this.#gone(true, true) : happened(0);
  }

  #cut({ cell }: FaultOf<"cut-link">): Injection {
    const links = this.#node.linkCount(cell);
    this.#node.cutLink(cell);
    return lasting(
      () => this.#node.healLink(cell),
      () => links,
    );
  }

  #network(network: Carrier): Injection {
    this.#networks.add(network);
    return lasting(
      () => {
        this.#networks.delete(network);
        network.heal();
      },
      () => network.effects,
    );
  }

  #drift({ gainMs }: FaultOf<"clock-drift">): Injection {
    const { clock } = this.#simulation;
    const beganMs = clock.nowMs();
    let gainedMs = 0;
    clock.driftWall(gainMs);
    return lasting(
      () => {
        clock.driftWall(0);
        gainedMs = (gainMs * (clock.nowMs() - beganMs)) / second;
      },
      () => Math.round(Math.abs(gainedMs)),
    );
  }

  /** The cells of a simulated node are one process, with one event loop. */
  #stall({ cell, forMs }: FaultOf<"cpu-stall">): Injection {
    const { life } = this.#node;
    const isThere = this.#node.status()?.cells.some(({ name }) => name === cell) === true;
    if (life === undefined || !isThere) return happened(0);
    const before = life.heldCount;
    life.stall(forMs);
    return lasting(
      () => undefined,
      () => life.heldCount - before,
    );
  }

  #fillDisk({ freeBytes }: FaultOf<"disk-full">): Injection {
    const { disk } = this.#simulation;
    const before = disk.fullCount + this.#fullAnswers;
    disk.capacityBytes = disk.usedBytes + freeBytes;
    return lasting(
      () => {
        disk.capacityBytes = CAPACITY_BYTES;
      },
      () => disk.fullCount + this.#fullAnswers - before,
    );
  }

  #configOf(config: string): string {
    return this.events?.configWith(config) ?? config;
  }

  async #configure({ config }: FaultOf<"change-config">): Promise<Injection> {
    const updates = (): number => this.#said(({ event }) => event === "config-updated");
    const before = updates();
    await this.#node.configure(this.#configOf(config));
    let effects = 0;
    return lasting(
      () => {
        effects = updates() - before;
      },
      () => effects,
    );
  }
}

function serverNamed(name: string): ServerName {
  const found = SERVERS.find((server) => server === name);
  assert(found !== undefined, `there is a server ${name}`);
  return found;
}
