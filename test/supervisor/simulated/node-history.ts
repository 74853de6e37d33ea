/**
 * A history of a simulated node: some lives on one disk, each with clients at work and things that go wrong, and what must
 * hold all the way. All of it is a function of the seed.
 *
 * What goes wrong: the process is killed or the power is cut, before any operation of the disk, in starts too; an actor or a
 * cell is killed; the node is told to go down at work; an operation of the disk fails; a link is cut; time passes, and the
 * wall clock jumps. In its last life nothing does, and at the end nothing may be left running.
 */
import assert from "node:assert/strict";
import { Checks } from "#chaos/checks.ts";
import { Ledger } from "#chaos/ledger.ts";
import { timersAtRest } from "#chaos/simulated/at-rest.ts";
import { Client } from "#chaos/workload/client.ts";
import type { Life } from "#runtime/simulated/life.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { hour, KiB, MiB, minute, second } from "#runtime/units.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";
import { SimulatedNode } from "#supervisor/simulated/node.ts";

/** Packs fill, descriptors run out and uploads wait in every history. */
const CONFIG = `
[storage]
packSealBytes = ${512 * KiB}
openPacksMax = 2
reserveBytes = ${16 * MiB}
reserveFileBytes = ${64 * KiB}
readDescriptorsMax = 2
`;
/** Filled by the larger objects of a few lives. */
const SMALL_DISK_BYTES: number = 22 * MiB;
const BREAKABLE = ["write", "sync", "open", "read", "truncate"] as const;
const CHILDREN = ["actor/storage", "actor/index", "actor/overlay", "actor/gateway", "actor/telemetry"];
const CELLS = ["cell/data", "cell/ops"];
/** A fifth kill within a minute would be the last before a quarantine. */
const KILLS_PER_LIFE = 4;
/** Longest time from anything that went wrong to a node that is ready for all. */
const READY_MS_MAX: number = 2 * minute;

/** The gateway is told how the node stands at most ten times a second. */
const STATUS_MS = 250;

/** What to do before which operation of the disk. */
interface Plan {
  at: number;
  act: (life: Life) => void;
}

export class NodeHistory {
  readonly simulation: Simulation;
  readonly ledger: Ledger = new Ledger();
  /** The first that does not hold ends the history. */
  readonly #checks = new Checks((what) => assert.fail(what));
  readonly #node: SimulatedNode;
  readonly #plan: Plan = { at: 0, act: () => undefined };
  #isDisturbed = true;
  #isGoingDown = false;
  #kills = 0;
  lives = 0;

  constructor(simulation: Simulation, catalogue: LoadedCatalogue) {
    this.simulation = simulation;
    if (simulation.seed % 8 === 0) simulation.disk.capacityBytes = SMALL_DISK_BYTES;
    this.#node = new SimulatedNode({ simulation, catalogue, config: CONFIG });
  }

  /** Rejects with what does not hold. */
  async run(): Promise<void> {
    const { random } = this.simulation;
    for (let count = 1 + random.below(4); count > 0; count -= 1) {
      if (!(await this.#begin(random.below(3) === 0))) continue;
      await this.#live();
      await this.#end();
    }
    await this.#endWell();
  }

  /** False where the life did not come up, as it was meant to be. */
  async #begin(isDisturbed: boolean): Promise<boolean> {
    const { random } = this.simulation;
    this.lives += 1;
    this.#kills = 0;
    this.#isGoingDown = false;
    this.#isDisturbed = true;
    this.#plan.at = isDisturbed ? 1 + random.below(40) : 0;
    this.#plan.act = (life) => life.end();
    const booted = await this.#node.boot({
      beforeOperation: (number, life) => {
        if (number === this.#plan.at) this.#plan.act(life);
      },
    });
    assert(booted.ok, JSON.stringify(booted));
    if (booted.value) await this.#ready();
    if (this.#node.isUp) return true;
    assert(isDisturbed, "a start that nothing disturbs succeeds");
    await this.#crash();
    return false;
  }

  async #live(): Promise<void> {
    const { random } = this.simulation;
    for (let round = 1 + random.below(4); round > 0 && this.#node.isUp; round -= 1) {
      this.#disturb();
      await this.#work(1 + random.below(6));
      this.#plan.at = 0;
      this.#node.healLink("ops");
      if (this.#isGoingDown) assert.equal(await this.#node.down(), undefined, "it ends in order while it is used");
      if (random.below(2) === 0) await this.simulation.advance(random.below(20 * second));
      if (this.#node.isUp) await this.#ready();
    }
  }

  /** What goes wrong in the next round, if anything does. */
  #disturb(): void {
    const { random, clock } = this.simulation;
    switch (random.below(9)) {
      case 0:
        this.#planAhead((life) => life.end());
        break;
      case 1:
      case 2:
        this.#kills += 1;
        if (this.#kills <= KILLS_PER_LIFE) this.#planAhead(() => void this.#kill());
        break;
      case 3:
        this.#planAhead(() => void this.#goDown());
        break;
      case 4:
        // Metrics alone cross it: clients notice nothing.
        this.ledger.count("link cut");
        this.#node.cutLink("ops");
        break;
      case 5:
        this.#breakDisk();
        break;
      case 6:
        this.ledger.count("wall jumped");
        clock.jumpWall(random.below(2 * hour) - hour);
        break;
      default:
        break;
    }
  }

  async #end(): Promise<void> {
    if (this.#node.isUp && this.simulation.random.below(4) === 0) {
      assert.equal(await this.#node.down(), undefined, "a node that is asked to ends in order");
    }
    await this.#crash();
  }

  /** Everything is there, and once the work is done nothing runs that did not before it, and nothing is held. */
  async #endWell(): Promise<void> {
    assert(await this.#begin(false));
    const client = this.#client();
    for (const object of this.ledger.acknowledged.values()) await this.#until(client.get(object));
    const before = await this.#armedAtRest();
    await this.#work(4);
    assert.equal(await this.#armedAtRest(), before, "timers of work that is done are gone");

    assert.equal(await this.#node.down(), undefined);
    const { clock, disk } = this.simulation;
    assert.deepEqual([clock.armedCount, disk.openCount], [0, 0], "a node that is down holds no timer and no file");
  }

  #armedAtRest(): Promise<number> {
    return timersAtRest(
      (ms) => this.simulation.advance(ms),
      () => this.#node.life?.base.clock.armedCount ?? 0,
    );
  }

  /** `act` before one of the next operations of the disk, or never, if there are not so many. */
  #planAhead(act: (life: Life) => void): void {
    this.#plan.at = (this.#node.life?.operationCount ?? 0) + 1 + this.simulation.random.below(60);
    this.#plan.act = (life) => {
      this.#isDisturbed = true;
      act(life);
    };
  }

  async #kill(): Promise<void> {
    const { random } = this.simulation;
    const targets = random.below(3) === 0 ? CELLS : CHILDREN;
    const target = targets[random.below(targets.length)] ?? "cell/data";
    this.ledger.count(`kill ${target}`);
    await this.#node.ask({ command: "kill", target });
  }

  /** One of the next operations fails. Storage alone has some of these kinds under way while it is used. */
  #breakDisk(): void {
    const { random, disk } = this.simulation;
    const operation = BREAKABLE[random.below(BREAKABLE.length)] ?? "write";
    const errno = random.below(2) === 0 ? "EIO" : "ENOSPC";
    this.#isDisturbed = true;
    this.ledger.count(`broken ${operation}`);
    disk.failNext(operation, errno);
  }

  async #goDown(): Promise<void> {
    this.#isGoingDown = true;
    this.ledger.count("down at work");
    await this.#node.ask({ command: "down" });
  }

  async #work(clientCount: number): Promise<void> {
    const client = this.#client();
    const working = Array.from({ length: clientCount }, async () => {
      for (let left = 1 + this.simulation.random.below(4); left > 0; left -= 1) await client.act();
    });
    await this.#until(Promise.all(working));
  }

  /** Time passes until the node is ready for reads and writes, or is gone. */
  async #ready(): Promise<void> {
    const byMs = this.simulation.clock.nowMs() + READY_MS_MAX;
    if (this.#isDisturbed) await this.simulation.advance(STATUS_MS);
    while (this.#node.isUp) {
      const answer = await this.#until(this.#node.request({ target: "/readyz" }));
      if (answer?.status === 200) {
        this.#isDisturbed = this.#plan.at > 0 || this.simulation.disk.faultCount > 0;
        return;
      }
      assert(this.simulation.clock.nowMs() < byMs, `ready in time: ${answer?.body}`);
      await this.simulation.advance(250);
    }
  }

  async #crash(): Promise<void> {
    const power = this.simulation.random.below(2) === 0;
    this.ledger.count(power ? "power cut" : "process gone");
    await this.#node.crash({ power });
  }

  #client(): Client {
    const { clock, random } = this.simulation;
    const request = this.#node.request.bind(this.#node);
    const calm = { dayOf: (): number | undefined => (this.#isDisturbed ? undefined : 0) };
    return new Client({
      world: { clock, request },
      random,
      ledger: this.ledger,
      checks: this.#checks,
      calm,
      mayHide: false,
      mayPanic: false,
    });
  }

  #until<Value>(wanted: Promise<Value>): Promise<Value> {
    return this.simulation.until(wanted);
  }
}
