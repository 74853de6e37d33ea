/**
 * A node as it runs, a tree of processes, as a world: signals, its admin socket, its configuration file, and a bad network
 * between it and its clients. It needs no rights that the node does not need.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BadNetwork } from "#chaos/bad-network.ts";
import type { Fault, FaultOf } from "#chaos/fault.ts";
import { happened, lasting } from "#chaos/injection.ts";
import { DIRECTIONS } from "#chaos/network/barrier.ts";
import { type Carrier, carryThrough } from "#chaos/network/carrier.ts";
import { cutAt } from "#chaos/network/cut.ts";
import { CUT_PATIENCE_MS } from "#chaos/network/cut-carrier.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import { ReorderedNetwork } from "#chaos/network/reordered-network.ts";
import { injectPanic, type PanicSeams } from "#chaos/panic.ts";
import type { Afterwards } from "#chaos/real/afterwards.ts";
import { Gates } from "#chaos/real/network/gates.ts";
import { continueAll, descriptorsOf, signal, stopTree } from "#chaos/real/process-tree.ts";
import { RealEvents } from "#chaos/real/real-events.ts";
import { send } from "#chaos/real/request.ts";
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
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { realClock } from "#runtime/real/clock.ts";
import { second } from "#runtime/units.ts";
import { startNode, type TestNode } from "#test/kit/node.ts";

const NO_POWER = "cutting the power needs a disk of its own";
/** Longest that a node which was told to end may take to leave nothing running. */
const GONE_MS_MAX: number = 5 * second;
/** A connection that its client has closed is gone from the node within it. */
const REST_MS: number = 1 * second;

export interface ProcessWorldOptions {
  /** Of its own: it is empty, and it is the caller's to remove. */
  readonly dataDirectory: string;
  /** Of the run: what is not the node's stands in there, and is the caller's to remove as well. */
  readonly folder: string;
  readonly config: string;
  readonly random: Random;
  /** Whether producers publish: then the node has the cell `work`. */
  readonly hasEvents?: boolean;
  /** What the node finds in its environment, beside what is in ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** Cleans up behind the world, also where whoever made it is killed. */
  readonly afterwards?: Afterwards;
  /** Whether clients come through gates, which takes a network to be broken there. */
  readonly isGated?: boolean;
  /** Where the node is, if that is not where we are. */
  readonly place?: NodePlace | undefined;
}

/** A network of its own for a node. */
export interface NodePlace {
  /** What comes to run the node there, given what runs it here. */
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  /** The address of a group's clients. */
  readonly addressOf: (group: ClientGroup) => string;
}

export class ProcessWorld implements World {
  readonly clock: Clock = realClock;
  readonly arrivesAtOnce = false;
  readonly #options: ProcessWorldOptions;
  readonly #networks = new Set<Carrier>();
  /** What the lives of the node that are over have announced. */
  readonly #saidBefore: Readonly<Record<string, unknown>>[] = [];
  #node: TestNode | undefined;
  #gates: Gates | undefined;
  #starting: Promise<void> = Promise.resolve();
  #isOver = false;
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
        return fault.power ? NO_POWER : undefined;
      case "torn-write":
        return NO_POWER;
      case "cut-link":
      case "slow-link":
        return "the links of a node that runs are its own";
      case "disk-error":
      case "disk-slow":
      case "disk-full":
      case "short-write":
      case "bit-flip":
      case "kill-at-operation":
        return "the disk of this machine cannot be broken without rights over it";
      case "cpu-stall":
      case "memory-pressure":
        return "a process is not held up, or bounded, without rights over it";
      case "clock-jump":
      case "clock-drift":
        return "the clock of this machine is everybody's";
      default:
        return undefined;
    }
  }

  async begin(): Promise<void> {
    if (this.#options.hasEvents === true)
      this.#events = await RealEvents.prepare(this.#options.random, this.#options.folder);
    this.#writeConfig(this.#options.config);
    const { clock } = this;
    const { random, place, isGated = false } = this.#options;
    const target = (): string | undefined => this.#node?.url;
    if (isGated) this.#gates = await Gates.open({ clock, random, target, localAddressOf: place?.addressOf });
    await this.#start();
  }

  async request(request: WorldRequest): Promise<WorldAnswer | undefined> {
    return await carryThrough([...this.#networks], request, (carried) => this.#send(carried));
  }

  async inject(fault: Fault): Promise<Injection> {
    switch (fault.kind) {
      case "crash-actor":
        return happened(await this.#order("kill", fault.actor));
      case "resume-actor":
        return happened(await this.#order("resume", fault.actor));
      case "panic":
        return await injectPanic(this.#panicSeams(), fault);
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
        return this.#network(new BadNetwork(fault, this.clock, this.#options.random));
      case "reordered-network":
        return this.#network(new ReorderedNetwork(fault, this.clock, this.#options.random));
      case "partition":
      case "one-way-cut":
        return cutAt(this.#mustGates().barrier, fault);
      case "narrow-network":
        return this.#mustGates().narrow(fault);
      case "broken-connections":
        return this.#mustGates().breakSome(fault);
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

  /** Once what was asked is over, on both sides. */
  async atRest(): Promise<AtRest> {
    await passed(this, REST_MS);
    const pids = this.#node?.livingPids() ?? [];
    return { what: "descriptors", count: pids.reduce((sum, pid) => sum + descriptorsOf(pid), 0) };
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
    this.#isOver = true;
    this.#gates?.close();
    await this.#starting;
    await this.#node?.killAll();
    await this.#events?.discard();
    rmSync(this.#options.dataDirectory, { recursive: true, force: true });
    await this.#options.afterwards?.clean();
  }

  async #start(): Promise<void> {
    if (this.#isOver) return;
    const { dataDirectory, env = {}, place } = this.#options;
    const own = { ...env, ...this.#events?.env };
    const starting = startNode({ dataDirectory, env: own, ...place }).then((node) => {
      this.#node = node;
      this.#events?.attach(node);
    });
    // Who discards the world in the middle of a start has that node killed as well.
    this.#starting = starting.catch(() => undefined);
    await starting;
  }

  #writeConfig(config: string): void {
    const text = this.#events?.configWith(config) ?? config;
    writeFileSync(join(this.#options.dataDirectory, "cepa.toml"), text);
  }

  #soon(): Promise<void> {
    return new Promise((resolve) => void this.clock.after(25, resolve));
  }

  async #send(request: WorldRequest): Promise<WorldAnswer | undefined> {
    const url = this.#node?.url;
    if (url === undefined) return undefined;
    const { from } = request;
    if (from === undefined) return await send(url, request);
    const localAddress = this.#options.place?.addressOf(from);
    if (this.#gates === undefined) return await send(url, request, { localAddress });
    // What a client sends into a cut it does not wait for as long as for a node that is slow.
    const isCut = DIRECTIONS.some((direction) => this.#gates?.barrier.isCut(from, direction));
    const patience = isCut ? { silenceMs: CUT_PATIENCE_MS } : {};
    return await send(url, request, { ...patience, through: this.#gates.urlOf(from) });
  }

  /** 1 where it was obeyed. */
  async #order(
    command: "kill" | "resume",
    actor: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<number> {
    try {
      return (await this.#node?.admin(command, `actor/${actor}`, more))?.["ok"] === true ? 1 : 0;
    } catch {
      return 0; // It is down, or does not answer now.
    }
  }

  /** Announcements since the world began. */
  #said(isMeant: (said: Readonly<Record<string, unknown>>) => boolean): number {
    return [...this.#saidBefore, ...(this.#node?.events ?? [])].filter(isMeant).length;
  }

  #panicSeams(): PanicSeams {
    return {
      clock: this.clock,
      status: () => this.status(),
      arm: async (actor, at, times) => (await this.#order("kill", actor, { at, times })) === 1,
      injectedCrashes: (actor) =>
        this.#said(({ event, service, reason }) => event === "crashed" && service === actor && reason === "injected"),
    };
  }

  async #killNode(): Promise<Injection> {
    const killed = this.#node?.livingPids().length ?? 0;
    await this.#node?.killAll();
    await this.#events?.detach();
    this.#saidBefore.push(...(this.#node?.events ?? []));
    this.#node = undefined;
    return lasting(
      () => this.#start(),
      () => killed,
    );
  }

  #mustGates(): Gates {
    assert(this.#gates !== undefined, "clients of a plan that breaks connections come through gates");
    return this.#gates;
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

  #configure({ config }: FaultOf<"change-config">): Injection {
    const updates = (): number => this.#said(({ event }) => event === "config-updated");
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
