/**
 * A node as it runs, a tree of processes, as a world: signals, its admin socket, its configuration file, and a bad network
 * between it and its clients. It needs no rights that the node does not need.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BadNetwork } from "#chaos/bad-network.ts";
import type { Fault, FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import { continueAll, signal, stopTree } from "#chaos/real/process-tree.ts";
import { RealEvents } from "#chaos/real/real-events.ts";
import { send } from "#chaos/real/request.ts";
import type { Injection, Remains, World, WorldAnswer, WorldRequest } from "#chaos/world.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import { realClock } from "#runtime/real/clock.ts";
import { second } from "#runtime/units.ts";
import { startNode, type TestNode } from "#test/kit/node.ts";

/** Longest that a node which was told to end may take to leave nothing running. */
const GONE_MS_MAX: number = 5 * second;

export interface ProcessWorldOptions {
  /** Of its own: it is empty, and it is the caller's to remove. */
  readonly dataDirectory: string;
  readonly config: string;
  readonly random: Random;
  /** Whether producers publish: then the node has the cell `work`. */
  readonly hasEvents?: boolean;
  /** What the node finds in its environment, beside what is in ours. */
  readonly env?: Readonly<Record<string, string>>;
}

export class ProcessWorld implements World {
  readonly clock: Clock = realClock;
  readonly arrivesAtOnce = false;
  readonly #options: ProcessWorldOptions;
  readonly #networks = new Set<BadNetwork>();
  #node: TestNode | undefined;
  #events: RealEvents | undefined;

  constructor(options: ProcessWorldOptions) {
    this.#options = options;
  }

  get events(): RealEvents | undefined {
    return this.#events;
  }

  cannot(fault: Fault): string | undefined {
    switch (fault.kind) {
      case "kill-node":
        return fault.power ? "cutting the power needs a disk of its own" : undefined;
      case "cut-link":
      case "slow-link":
        return "the links of a node that runs are its own";
      case "disk-error":
      case "disk-slow":
      case "disk-full":
        return "the disk of this machine cannot be broken without rights over it";
      case "clock-jump":
        return "the clock of this machine is everybody's";
      default:
        return undefined;
    }
  }

  async begin(): Promise<void> {
    if (this.#options.hasEvents === true) this.#events = await RealEvents.prepare(this.#options.random);
    this.#writeConfig(this.#options.config);
    await this.#start();
  }

  async request(request: WorldRequest): Promise<WorldAnswer | undefined> {
    return await this.#carry([...this.#networks], request);
  }

  async inject(fault: Fault): Promise<Injection> {
    switch (fault.kind) {
      case "crash-actor":
        return happened(await this.#crash(fault.actor));
      case "kill-cell":
        return happened(signal(await this.pidOf("cells", fault.cell), "SIGKILL") ? 1 : 0);
      case "kill-server":
        return happened(signal(await this.pidOf("servers", fault.server), "SIGKILL") ? 1 : 0);
      case "stop-cell":
        return stopped(await this.pidOf("cells", fault.cell));
      case "stall-server":
        return stopped(await this.pidOf("servers", fault.server));
      case "kill-node":
        return await this.#killNode();
      case "bad-network":
        return this.#badNetwork(fault);
      case "change-config":
        return this.#configure(fault);
      default:
        return happened(0);
    }
  }

  async status(): Promise<NodeStatus | undefined> {
    try {
      return (await this.#node?.admin("status"))?.["status"] as NodeStatus | undefined;
    } catch {
      return undefined; // It is down, or does not answer now.
    }
  }

  /** Its caches hold what they like within their limits. */
  async atRest(): Promise<undefined> {
    return undefined;
  }

  async end(): Promise<Remains> {
    const node = this.#node;
    if (node === undefined) return [];
    await this.#events?.detach();
    const code = await node.stop();
    const untilMs = performance.now() + GONE_MS_MAX;
    while (node.livingPids().length > 0 && performance.now() < untilMs) await this.#soon();
    const pids = node.livingPids();
    return [
      ...(code === 0 ? [] : [`it ended with ${code ?? "a signal"}`]),
      ...(pids.length === 0 ? [] : [`processes ${pids.join(", ")}`]),
    ];
  }

  /** 0 where there is none. */
  async pidOf(kind: "cells" | "servers", name: string): Promise<number> {
    return (await this.status())?.[kind].find((part) => part.name === name)?.pid ?? 0;
  }

  /** Whatever is left of it, at once. */
  async discard(): Promise<void> {
    await this.#node?.killAll();
    await this.#events?.discard();
    rmSync(this.#options.dataDirectory, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const { dataDirectory, env = {} } = this.#options;
    this.#node = await startNode({ dataDirectory, env: { ...env, ...this.#events?.env } });
    this.#events?.attach(this.#node);
  }

  #writeConfig(config: string): void {
    const text = this.#events?.configWith(config) ?? config;
    writeFileSync(join(this.#options.dataDirectory, "cepa.toml"), text);
  }

  #soon(): Promise<void> {
    return new Promise((resolve) => void this.clock.after(25, resolve));
  }

  /** Through one bad network after the other, and then to the node. */
  async #carry([first, ...others]: readonly BadNetwork[], request: WorldRequest): Promise<WorldAnswer | undefined> {
    const url = this.#node?.url;
    if (first === undefined) return url === undefined ? undefined : await send(url, request);
    return await first.carry(request, (carried) => this.#carry(others, carried));
  }

  async #crash(actor: string): Promise<number> {
    try {
      return (await this.#node?.admin("kill", `actor/${actor}`))?.["ok"] === true ? 1 : 0;
    } catch {
      return 0;
    }
  }

  async #killNode(): Promise<Injection> {
    const killed = this.#node?.livingPids().length ?? 0;
    await this.#node?.killAll();
    await this.#events?.detach();
    return lasting(
      () => this.#start(),
      () => killed,
    );
  }

  #badNetwork(fault: FaultOf<"bad-network">): Injection {
    const network = new BadNetwork(fault, this.clock, this.#options.random);
    this.#networks.add(network);
    return lasting(
      () => this.#networks.delete(network),
      () => network.effects,
    );
  }

  #configure({ config }: FaultOf<"change-config">): Injection {
    const node = this.#node;
    const updates = (): number => node?.events.filter(({ event }) => event === "config-updated").length ?? 0;
    const before = updates();
    this.#writeConfig(config);
    let effects = 0;
    return lasting(
      () => {
        effects = updates() - before;
      },
      () => effects,
    );
  }
}

function stopped(pid: number): Injection {
  const pids = pid === 0 ? [] : stopTree(pid);
  return lasting(
    () => continueAll(pids),
    () => pids.length,
  );
}
