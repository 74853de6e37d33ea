/**
 * A history of names on a simulated node: some lives on one disk, each with clients at work and things that go wrong, and at the
 * end a look at every name. All of it is a function of the seed.
 *
 * What goes wrong: the process is killed or the power is cut, before any operation of the disk, in starts too; an actor or a
 * cell is killed; an operation of the disk fails; the disk is slow, so that calls give up what they began. In the last life
 * nothing does.
 */
import { RESERVE_FILE_PAUSE_MS } from "#actors/storage/reserve-file.ts";
import type { NameAnswer, NameAsked } from "#chaos/checkers/name-model.ts";
import type { Operation } from "#chaos/checkers/operation.ts";
import { NAME_CLIENTS_MAX, NamesWorkload } from "#chaos/workload/names.ts";
import { assert } from "#runtime/errors.ts";
import type { Life } from "#runtime/simulated/life.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { minute } from "#runtime/units.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";
import { SimulatedNode } from "#supervisor/simulated/node.ts";

/** A call gives up while the disk is slow. */
const CONFIG = "[overlay]\ncallTimeoutMs = 1000\n";
const BREAKABLE = ["write", "sync", "truncate"] as const;
const CHILDREN = ["actor/index", "actor/overlay", "actor/gateway", "actor/storage"];
const CELL = "cell/data";
/** A fifth kill within a minute would be the last before a quarantine. */
const KILLS_PER_LIFE = 4;
/** What an operation of a slow disk takes, ms: some longer than a call waits. */
const SLOW_MS = [20, 300, 1200];
/** Longest time between two operations of a client, ms. */
const THINKING_MS_MAX = 8;
/** Longest time from anything that went wrong to a node that is ready for all: a reserve file that two full disks stopped is late. */
const READY_MS_MAX: number = 2 * RESERVE_FILE_PAUSE_MS + minute;
/** The gateway is told how the node stands at most ten times a second. */
const STATUS_MS = 250;

export class NamesHistory {
  readonly simulation: Simulation;
  readonly workload: NamesWorkload;
  /** What went wrong, by kind. */
  readonly faults: Record<string, number> = {};
  readonly #node: SimulatedNode;
  /** What to do before which operation of the disk. */
  readonly #plan = { at: 0, act: (_life: Life): void => undefined };
  #isDisturbed = true;
  #kills = 0;

  constructor(simulation: Simulation, catalogue: LoadedCatalogue) {
    this.simulation = simulation;
    const { clock, random } = simulation;
    this.#node = new SimulatedNode({ simulation, catalogue, config: CONFIG });
    this.workload = new NamesWorkload({
      clock,
      random,
      arrivesAtOnce: true,
      request: (request) => this.#node.request(request),
      day: () => (this.#isDisturbed ? undefined : 0),
    });
  }

  /** Rejects with what does not hold at once; what was recorded is for the checker. */
  async run(): Promise<readonly Operation<NameAsked, NameAnswer>[]> {
    const { random } = this.simulation;
    assert(await this.#begin(false), "a start that nothing disturbs succeeds");
    await this.simulation.until(this.workload.prepare());
    for (let lives = 2 + random.below(2); lives > 0; lives -= 1) {
      if (this.#node.isUp) await this.#live();
      await this.#crash();
      await this.#begin(random.below(4) === 0);
    }
    if (!this.#node.isUp) assert(await this.#begin(false), "a start that nothing disturbs succeeds");
    await this.simulation.until(this.workload.lookAtAll("last"));
    assert((await this.#node.down()) === undefined, "a node that is asked to ends in order");
    return this.workload.recorder.operations();
  }

  /** False where the life did not come up, as it was meant to be. */
  async #begin(isDisturbed: boolean): Promise<boolean> {
    const { random } = this.simulation;
    this.#kills = 0;
    this.#isDisturbed = true;
    this.#plan.at = isDisturbed ? 1 + random.below(60) : 0;
    this.#plan.act = (life) => life.end();
    const booted = await this.#node.boot({
      beforeOperation: (number, life) => {
        if (number === this.#plan.at) this.#plan.act(life);
      },
    });
    assert(booted.ok, `it starts: ${JSON.stringify(booted)}`);
    if (booted.value) await this.#ready();
    if (this.#node.isUp) return true;
    await this.#crash();
    return false;
  }

  async #live(): Promise<void> {
    const { random } = this.simulation;
    for (let rounds = 2 + random.below(3); rounds > 0 && this.#node.isUp; rounds -= 1) {
      this.#disturb();
      await this.#work();
      this.#plan.at = 0;
      this.simulation.disk.delayMs = 0;
      if (this.#node.isUp) await this.#ready();
    }
  }

  async #work(): Promise<void> {
    const { random } = this.simulation;
    const working = Array.from({ length: 2 + random.below(NAME_CLIENTS_MAX - 1) }, async (_, at) => {
      for (let left = 2 + random.below(6); left > 0; left -= 1) {
        if (random.below(2) === 0) await passed(this.simulation, random.below(THINKING_MS_MAX));
        await this.workload.act(`client ${at}`);
      }
    });
    await this.simulation.until(Promise.all(working));
  }

  /** What goes wrong in the next round, if anything does. */
  #disturb(): void {
    const { random, disk } = this.simulation;
    switch (random.below(6)) {
      case 0:
      case 1:
        this.#planAhead((life) => life.end());
        break;
      case 2:
      case 3:
        this.#kills += 1;
        if (this.#kills <= KILLS_PER_LIFE) this.#planAhead(() => void this.#kill());
        break;
      case 4: {
        const operation = BREAKABLE[random.below(BREAKABLE.length)] ?? "sync";
        this.#isDisturbed = true;
        this.#count(`broken ${operation}`);
        const errno = random.below(2) === 0 ? "EIO" : "ENOSPC";
        for (let times = 1 + random.below(2); times > 0; times -= 1) disk.failNext(operation, errno);
        break;
      }
      default:
        this.#isDisturbed = true;
        this.#count("slow disk");
        disk.delayMs = SLOW_MS[random.below(SLOW_MS.length)] ?? 0;
    }
  }

  /** `act` before one of the next operations of the disk, or never, if there are not so many. */
  #planAhead(act: (life: Life) => void): void {
    this.#plan.at = (this.#node.life?.operationCount ?? 0) + 1 + this.simulation.random.below(40);
    this.#plan.act = (life) => {
      this.#isDisturbed = true;
      act(life);
    };
  }

  async #kill(): Promise<void> {
    const { random } = this.simulation;
    const target = random.below(4) === 0 ? CELL : (CHILDREN[random.below(CHILDREN.length)] ?? CELL);
    this.#count(`kill ${target}`);
    await this.#node.ask({ command: "kill", target });
  }

  /** Time passes until the node is ready for reads and writes, or is gone. */
  async #ready(): Promise<void> {
    const { simulation } = this;
    const byMs = simulation.clock.nowMs() + READY_MS_MAX;
    if (this.#isDisturbed) await simulation.advance(STATUS_MS);
    while (this.#node.isUp) {
      const answer = await simulation.until(this.#node.request({ target: "/readyz" }));
      if (answer?.status === 200) {
        this.#isDisturbed = this.#plan.at > 0 || simulation.disk.faultCount > 0;
        return;
      }
      assert(simulation.clock.nowMs() < byMs, `ready in time: ${answer?.body}`);
      await simulation.advance(STATUS_MS);
    }
  }

  async #crash(): Promise<void> {
    const power = this.simulation.random.below(2) === 0;
    this.#count(power ? "power cut" : "process gone");
    await this.#node.crash({ power });
    this.workload.endOfLife();
  }

  #count(what: string): void {
    this.faults[what] = (this.faults[what] ?? 0) + 1;
    this.workload.recorder.note(what);
  }
}

function passed({ clock }: Simulation, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
