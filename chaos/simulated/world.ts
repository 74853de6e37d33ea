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
import { must, unreachable } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { GiB } from "#runtime/units.ts";
import type { Announcement } from "#supervisor/root/announcer.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";
import { SimulatedNode } from "#supervisor/simulated/node.ts";
import type { AdminQuestion } from "#supervisor/simulated/operator.ts";

/** Of a simulated disk. */
const CAPACITY_BYTES: number = 1 * GiB;

export interface SimulatedWorldOptions {
  readonly simulation: Simulation;
  readonly catalogue: LoadedCatalogue;
  readonly config: string;
}

export class SimulatedWorld implements World {
  readonly clock: Clock;
  readonly arrivesAtOnce = true;
  readonly #simulation: Simulation;
  readonly #node: SimulatedNode;
  /** Of what is done to it: the clients' draws are their own. */
  readonly #random: Random;
  readonly #networks = new Set<Carrier>();
  readonly #cuts: CutCarrier;
  /** What the lives of the node that are over have announced. */
  readonly #saidBefore: Announcement[] = [];
  /** Requests that were refused because there is no room. */
  #fullAnswers = 0;

  constructor({ simulation, catalogue, config }: SimulatedWorldOptions) {
    this.clock = simulation.clock;
    this.#simulation = simulation;
    this.#random = simulation.fork();
    this.#cuts = new CutCarrier(simulation.clock, this.#random);
    this.#node = new SimulatedNode({ simulation, catalogue, config });
  }

  cannot({ kind }: Fault): string | undefined {
    switch (kind) {
      case "stop-cell":
        return "the cells of a simulated node are one process: none of them can be stopped";
      case "kill-server":
      case "stall-server":
        return "a simulated node has no external servers";
      default:
        return undefined;
    }
  }

  async begin(): Promise<void> {
    must(await this.#node.start(), "the node starts");
  }

  async request(request: WorldRequest): Promise<WorldAnswer | undefined> {
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
        const links = this.#node.linkCount(fault.cell);
        this.#node.slowLink(fault.cell, fault.delayMs);
        return lasting(
          () => this.#node.slowLink(fault.cell, 0),
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
        return this.#breakDisk(fault);
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
      case "change-config":
        return await this.#configure(fault);
      case "stop-cell":
      case "kill-server":
      case "stall-server":
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
    const wasUp = this.#node.isUp;
    await this.#node.crash({ power });
    return lasting(
      async () => {
        this.#saidBefore.push(...this.#node.announced);
        must(await this.#node.start(), "the node starts again");
      },
      () => (wasUp ? 1 : 0),
    );
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

  #breakDisk({ operation, errno, count }: FaultOf<"disk-error">): Injection {
    const { disk } = this.#simulation;
    let met = 0;
    const onMet = (): void => {
      met += 1;
    };
    for (let armed = 0; armed < count; armed += 1) disk.failNext(operation, errno, onMet);
    return lasting(
      () => disk.forgetFaults(operation),
      () => met,
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

  async #configure({ config }: FaultOf<"change-config">): Promise<Injection> {
    const updates = (): number => this.#said(({ event }) => event === "config-updated");
    const before = updates();
    await this.#node.configure(config);
    let effects = 0;
    return lasting(
      () => {
        effects = updates() - before;
      },
      () => effects,
    );
  }
}
