/**
 * One life of a logical cell: a machine, two clerks, their supervisor, and a switchboard to the other cell.
 *
 * What `supervisor/cell/cell.ts` does for a real tree, without catalogue, configuration and root.
 */
import type { Actor } from "#runtime/actor.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { Bus } from "#runtime/bus.ts";
import { assert } from "#runtime/errors.ts";
import { Switchboard } from "#runtime/link/switchboard.ts";
import { Machine } from "#runtime/machine.ts";
import type { Network } from "#runtime/network/network.ts";
import type { Random } from "#runtime/random.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { ManualClock } from "#runtime/simulated/clock.ts";
import type { Log, LogFields } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { second } from "#runtime/units.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import { silentLog } from "#test/kit/actor.ts";
import type { Book } from "#test/runtime/model/book.ts";
import { type ClerkDeps, type ClerkProtocol, clerkBehavior } from "#test/runtime/model/clerk.ts";
import {
  BUDGET,
  type CellName,
  CLERKS,
  type ClerkName,
  cellOf,
  clerksOf,
  INTENSITY,
} from "#test/runtime/model/plan.ts";
import { RestartAccount } from "#test/runtime/model/restart-account.ts";
import { WatchedChild } from "#test/runtime/model/watched-child.ts";
import { WitnessedActor } from "#test/runtime/model/witnessed-actor.ts";

/** What the two cells share. */
export interface World {
  readonly clock: ManualClock;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly book: Book;
  /** Sends a call as `sender`, from inside the cell. */
  readonly call: (from: Cell, sender: string, to: ClerkName, within: Within) => Promise<void>;
}

/** Small, so that credit and lines run out in every run. */
const LINK_LIMITS = { messageCredit: 3, callsWaitingMax: 3 };
const SHUTDOWN_MS = 1 * second;
/** Ends of a link that the network, or the end of a cell, explains. */
const FAIR_ENDS: ReadonlySet<string> = new Set(["unreachable", "closed", "shutdown", "silent", "hello-timeout"]);

export function pathOf(cell: CellName): string {
  return `/run/${cell}.sock`;
}

export class Cell {
  readonly name: CellName;
  readonly machine: Machine;
  readonly supervisor: Supervisor;
  readonly switchboard: Switchboard;
  readonly children: Map<string, WatchedChild> = new Map();
  readonly account: RestartAccount;
  readonly #metrics = new Metrics();
  readonly #rejected = new Map<string, number>();
  readonly #world: World;
  /** From the moment of the decision on; the end comes when every clerk has been stopped. */
  wasEscalated = false;
  #end: Promise<void> | undefined;

  constructor(name: CellName, world: World) {
    this.name = name;
    this.#world = world;
    const { clock, scheduler, network, random, book } = world;
    const log = logOf("link-ended", (fields) => {
      book.linkEnds.push(book.moment());
      const reason = String(fields?.["reason"]);
      if (!FAIR_ENDS.has(reason)) book.wrong(`a link broke its own rules: ${reason}`);
    });
    const seams = { clock, scheduler, random, metrics: this.#metrics };
    const bus = new Bus<{ readonly type: string }>({ clock, metrics: this.#metrics });
    this.machine = new Machine({ ...seams, bus, log: silentLog });
    this.switchboard = new Switchboard({
      ...seams,
      cell: name,
      buildId: "one",
      network,
      log,
      local: (actor) => this.children.get(actor)?.actor,
      socketOf: (cell) => ({ path: pathOf(cell as CellName) }),
      limits: LINK_LIMITS,
    });
    for (const clerk of clerksOf(name)) this.children.set(clerk, new WatchedChild(this.#makeActor(clerk), book));
    this.account = new RestartAccount(book, BUDGET, INTENSITY, () => clock.nowMs());
    this.supervisor = new Supervisor({
      ...seams,
      name,
      strategy: "one-for-one",
      intensity: INTENSITY,
      rungs: [...this.children.values()].map((child) => [
        { spec: { name: child.name, restart: "permanent", budget: BUDGET, shutdownMs: SHUTDOWN_MS }, child },
      ]),
      log: logOf("supervisor.escalated", () => {
        this.wasEscalated = true;
      }),
      bus: { publish: (event) => this.account.note(event) },
      onEscalate: () => void this.kill(),
      onStuck: (child) => book.wrong(`${child} is stuck`),
    });
  }

  get isUp(): boolean {
    return this.#end === undefined && !this.wasEscalated;
  }

  async start(): Promise<void> {
    const listening = await this.switchboard.listen({ path: pathOf(this.name) });
    assert(listening.ok, "the simulated network listens");
    await this.supervisor.start();
  }

  /** Ends everything at once and without `terminate`, as the end of a process does. */
  kill(): Promise<void> {
    this.#end ??= this.#abort();
    return this.#end;
  }

  /** Ends everything in good order. */
  shutDown(): Promise<void> {
    this.#end ??= this.#leave();
    return this.#end;
  }

  child(name: string): WatchedChild {
    const child = this.children.get(name);
    assert(child !== undefined, "a clerk lives in its cell");
    return child;
  }

  /** How others of this cell reach a clerk. */
  ref(name: ClerkName): Ref<ClerkProtocol> {
    const home = cellOf(name);
    return home === this.name ? this.child(name).actor.ref() : this.switchboard.ref(name, home);
  }

  /** Messages refused or displaced so far, by reason. */
  rejectedCount(reason: string): number {
    for (const { name, labels, value } of this.#metrics.takeDeltas()) {
      const label = labels["reason"];
      if (name !== "rejected_total" || label === undefined) continue;
      this.#rejected.set(label, (this.#rejected.get(label) ?? 0) + value);
    }
    return this.#rejected.get(reason) ?? 0;
  }

  async #abort(): Promise<void> {
    this.supervisor.abandon();
    await this.#gone();
    await this.switchboard.close();
  }

  async #leave(): Promise<void> {
    await this.supervisor.shutdown(2 * SHUTDOWN_MS);
    // A life that crashed before may still be closing: the supervisor waits for those that it stops itself.
    await this.#gone();
    await this.switchboard.close();
  }

  async #gone(): Promise<void> {
    const children = [...this.children.values()];
    for (const child of children) child.isGone = true;
    await Promise.all(children.map((child) => child.stop()));
  }

  #makeActor(name: ClerkName): Actor {
    const { book, call } = this.#world;
    const deps: ClerkDeps = {
      name,
      book,
      relay: (to, within) => call(this, `${this.name}/${name}`, to as ClerkName, within),
      monitor: (target, onDown) => this.ref(target as ClerkName).monitor(onDown),
    };
    const behavior = clerkBehavior as unknown as Behavior<never, never, never, never>;
    const { capacity, overflow, laterMax } = CLERKS[name];
    const mailbox = { capacity, overflow };
    return new WitnessedActor({ name, behavior, deps, mailbox, laterMax, shutdownMs: SHUTDOWN_MS }, this.machine, book);
  }
}

/** A log in which one line is waited for, whatever its level. */
function logOf(awaited: string, onLine: (fields: LogFields | undefined) => void): Log {
  const line = (event: string, fields?: LogFields): void => {
    if (event === awaited) onLine(fields);
  };
  const log: Log = { debug: line, info: line, warn: line, error: line, with: () => log };
  return log;
}
