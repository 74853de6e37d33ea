/**
 * Two logical cells on one network and one clock, and the test as a third party that speaks to them from inside each.
 *
 * The order of turns is a function of the seed, and time moves by command alone.
 */
import { assert } from "#runtime/errors.ts";
import type { CallOptions, Down } from "#runtime/ref.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { type Attempt, Book } from "#test/runtime/model/book.ts";
import { Cell, pathOf, type World } from "#test/runtime/model/cell.ts";
import { CELLS, type CellName, CLERKS, type ClerkName, cellOf } from "#test/runtime/model/plan.ts";

/** A message as a command describes it; what a form does not need is ignored. */
export interface Message {
  readonly name: "now" | "held" | "task" | "relay" | "stumble" | "die" | "note" | "watch" | "alarm";
  readonly forMs: number;
  readonly afterMs: number;
  readonly timeoutMs: number;
  readonly waits: boolean;
  /** Who is relayed to, or watched. */
  readonly other: ClerkName;
}

/** Longest wait of a relayed call. */
const RELAY_MS = 200;
/** Promise turns may be many, but not without end. */
const SETTLE_ROUNDS_MAX = 100;

export class System {
  readonly clock: ManualClock = new ManualClock();
  readonly book: Book = new Book();
  readonly network: SimulatedNetwork;
  /** Every life of every cell, the living ones last. */
  readonly cells: Cell[] = [];
  readonly #world: World;
  readonly #undo: (() => void)[] = [];
  readonly #starting = new Set<CellName>();
  #queuedCount = 0;

  constructor(seed: number) {
    const random = seededRandom(seed);
    const scheduler = this.#counting(seededScheduler(random));
    this.network = new SimulatedNetwork({ scheduler, clock: this.clock, pieceBytes: () => 1 + random.below(200) });
    const { clock, network, book } = this;
    const call: World["call"] = (from, sender, to, within) => {
      const options = { timeoutMs: RELAY_MS, within };
      return this.#call(from, sender, to, "now", {}, options);
    };
    this.#world = { clock, scheduler, network, random, book, call };
  }

  async start(): Promise<void> {
    for (const name of CELLS) this.startCell(name);
    await this.settle();
  }

  /** The present life of a cell, up or gone. */
  cell(name: CellName): Cell {
    const cell = this.cells.findLast((other) => other.name === name);
    assert(cell !== undefined, "every cell was started");
    return cell;
  }

  /** The next life of a cell, when nothing is left of the last one. */
  startCell(name: CellName): void {
    if (this.#starting.has(name)) return;
    this.#starting.add(name);
    const begin = async (): Promise<void> => {
      await this.cells.findLast((other) => other.name === name)?.kill();
      const cell = new Cell(name, this.#world);
      this.cells.push(cell);
      this.#starting.delete(name);
      await cell.start();
    };
    begin().catch((error: unknown) => this.book.wrong(`${name} does not start: ${error}`));
  }

  /** Sends from the outside of all clerks, but from inside a cell. */
  send(from: CellName, to: ClerkName, message: Message): void {
    const cell = this.cell(from);
    const { name, forMs, afterMs, timeoutMs, waits, other } = message;
    if (name === "note" || name === "watch" || name === "alarm") {
      this.#cast(cell, to, name, { target: other, afterMs });
      return;
    }
    const whenFull = waits ? "wait" : "reject";
    void this.#call(cell, from, to, name, { forMs, to: other }, { timeoutMs, whenFull });
  }

  monitor(from: CellName, target: ClerkName): void {
    const promised = this.book.promise(`the DOWN of ${target}`, undefined);
    const undo = this.cell(from)
      .ref(target)
      .monitor((down: Down) => this.book.told(promised, down));
    this.#undo.push(() => {
      undo();
      if (promised.toldCount === 0) promised.isUndone = true;
    });
  }

  /** Takes back the oldest monitor that is left. */
  undoMonitor(): void {
    this.#undo.shift()?.();
  }

  heal(cell: CellName): void {
    const path = pathOf(cell);
    this.network.heal(path);
    this.network.thaw(path);
    this.network.delay(path, 0);
  }

  /** Lets everything happen that can without time passing. */
  async settle(): Promise<void> {
    let rounds = 0;
    do {
      await this.clock.settle();
      rounds += 1;
      assert(rounds <= SETTLE_ROUNDS_MAX, "what is queued runs in the end");
    } while (this.#queuedCount > 0);
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  #cast(cell: Cell, to: ClerkName, name: "note" | "watch" | "alarm", request: { target: ClerkName; afterMs: number }) {
    const attempt = this.#attempt(cell, cell.name, to, "cast", name);
    const expected = attempt.isRemote ? undefined : this.#expectedOutcome(cell, to);
    const outcome = cell.ref(to).cast(name, { id: attempt.id, ...request });
    if (expected !== undefined && outcome !== expected) {
      this.book.wrong(`a cast to ${to} is ${outcome} where it should be ${expected}`);
    }
    this.book.outcome(attempt, { kind: outcome === "accepted" ? "accepted" : "refused" });
  }

  async #call(
    cell: Cell,
    sender: string,
    to: ClerkName,
    name: "now" | "held" | "task" | "relay" | "stumble" | "die",
    request: { readonly forMs?: number; readonly to?: ClerkName },
    options: CallOptions,
  ): Promise<void> {
    const attempt = this.#attempt(cell, sender, to, "call", name);
    const { forMs = 0, to: other = to } = request;
    const answer = await cell.ref(to).call(name, { id: attempt.id, forMs, to: other }, options);
    if (answer.ok) this.book.outcome(attempt, { kind: "answered", value: answer.value });
    else {
      const { code, executed } = answer.failure;
      this.book.outcome(attempt, { kind: "failed", code, executed });
    }
  }

  #attempt(cell: Cell, sender: string, receiver: ClerkName, form: Attempt["form"], name: string): Attempt {
    const isRemote = cellOf(receiver) !== cell.name;
    // Another life of the cell is another sender.
    const life = this.cells.indexOf(cell);
    return this.book.attempt({ form, name, sender: `${sender}#${life}`, receiver, isRemote });
  }

  /** What a clerk of the same cell must say to a cast; undefined where that depends on what cannot be seen from here. */
  #expectedOutcome(cell: Cell, to: ClerkName): "accepted" | "rejected" | "stopped" | undefined {
    const { isOpen, actor } = cell.child(to);
    if (!isOpen) return "stopped";
    const { overflow, capacity } = CLERKS[to];
    if (overflow === "drop-oldest" || actor.mailboxDepth < capacity) return "accepted";
    // A call that is over gives its place to whoever comes next.
    const isOver = this.book.attempts.some(
      ({ receiver, outcomes, handledBy, name }) =>
        receiver === to && outcomes[0]?.kind === "failed" && (handledBy.length === 0 || name === "stumble"),
    );
    return isOver ? undefined : "rejected";
  }

  #counting(scheduler: Scheduler): Scheduler {
    const counted = (run: () => void) => {
      this.#queuedCount += 1;
      return (): void => {
        this.#queuedCount -= 1;
        run();
      };
    };
    return {
      microtask: (run) => scheduler.microtask(counted(run)),
      macrotask: (run) => scheduler.macrotask(counted(run)),
    };
  }
}
