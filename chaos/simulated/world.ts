/** A whole node in simulation as a world: virtual time, a disk in memory, no socket. */
import { BadNetwork } from "#chaos/bad-network.ts";
import type { Fault, FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import { timersAtRest } from "#chaos/simulated/at-rest.ts";
import { SimulatedEvents } from "#chaos/simulated/simulated-events.ts";
import { type Injection, passed, type Remains, type World, type WorldAnswer, type WorldRequest } from "#chaos/world.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, must, unreachable } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { GiB } from "#runtime/units.ts";
import { SERVERS, type ServerName } from "#supervisor/child-spec.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";
import { SimulatedNode } from "#supervisor/simulated/node.ts";

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
  readonly #networks = new Set<BadNetwork>();
  /** Requests that were refused because there is no room. */
  #fullAnswers = 0;

  constructor({ simulation, catalogue, config, hasEvents, plant = (whole) => whole }: SimulatedWorldOptions) {
    this.clock = simulation.clock;
    this.#simulation = simulation;
    this.#random = simulation.fork();
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
      default:
        return undefined;
    }
  }

  async begin(): Promise<void> {
    await this.events?.prepare();
    must(await this.#node.start(), "the node starts");
  }

  async request(request: WorldRequest): Promise<WorldAnswer | undefined> {
    const answer = await this.#carry([...this.#networks], request);
    if (answer?.status === 507) this.#fullAnswers += 1;
    return answer;
  }

  async inject(fault: Fault): Promise<Injection> {
    const { disk, clock } = this.#simulation;
    this.#simulation.tell("fault", fault);
    switch (fault.kind) {
      case "crash-actor":
        return happened(await this.#kill(`actor/${fault.actor}`));
      case "kill-cell":
        return happened(await this.#kill(`cell/${fault.cell}`));
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
        return this.#badNetwork(fault);
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
      case "kill-server":
        return happened(this.events?.servers.kill(serverNamed(fault.server)) === true ? 1 : 0);
      case "stall-server": {
        const isStalled = this.events?.servers.stall(serverNamed(fault.server), fault.forMs) === true;
        // It goes on by itself.
        return happened(isStalled ? 1 : 0);
      }
      case "stop-cell":
        return happened(0);
      default:
        return unreachable(fault);
    }
  }

  async status(): Promise<NodeStatus | undefined> {
    return this.#node.status();
  }

  /** Timers. */
  atRest(): Promise<number> {
    return timersAtRest(
      (ms) => passed(this, ms),
      () => this.#node.life?.base.clock.armedCount ?? 0,
    );
  }

  async end(): Promise<Remains> {
    const failure = await this.#node.stop();
    const { openCount } = this.#simulation.disk;
    return [
      ...(failure === undefined ? [] : [`it did not end in order: ${failure.code}`]),
      ...(openCount === 0 ? [] : [`${openCount} open files`]),
    ];
  }

  /** Through one bad network after the other, and then to the node. */
  async #carry([first, ...others]: readonly BadNetwork[], request: WorldRequest): Promise<WorldAnswer | undefined> {
    if (first === undefined) return await this.#node.request(request);
    return await first.carry(request, (carried) => this.#carry(others, carried));
  }

  async #kill(target: string): Promise<number> {
    const answer = await this.#node.ask({ command: "kill", target });
    return answer?.ok === true ? 1 : 0;
  }

  async #killNode({ power }: FaultOf<"kill-node">): Promise<Injection> {
    const wasUp = this.#node.isUp;
    await this.#node.crash({ power });
    return lasting(
      async () => must(await this.#node.start(), "the node starts again"),
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

  #badNetwork(fault: FaultOf<"bad-network">): Injection {
    const network = new BadNetwork(fault, this.clock, this.#random);
    this.#networks.add(network);
    return lasting(
      () => this.#networks.delete(network),
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

  #configOf(config: string): string {
    return this.events?.configWith(config) ?? config;
  }

  async #configure({ config }: FaultOf<"change-config">): Promise<Injection> {
    const updates = (): number => this.#node.announced.filter(({ event }) => event === "config-updated").length;
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
