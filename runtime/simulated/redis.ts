/**
 * A Redis in memory, for simulations and tests: a function of what it is asked, of its clock and of its chance.
 *
 * It is another process than those that ask it, so it outlives them, and has faults of its own: it can be cut off, hang, run
 * out of memory, die with the last second, or be replaced by an empty one. It answers the commands that are needed here, as a
 * Redis 7.0 does; any other is a defect.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import {
  type ConnectionOptions,
  type Request,
  type ServerSide,
  SimulatedConnection,
} from "#runtime/simulated/redis/connection.ts";
import { History, type When } from "#runtime/simulated/redis/history.ts";
import type { Line } from "#runtime/simulated/redis/line.ts";
import type { Work } from "#runtime/simulated/redis/work.ts";

/** What becomes of what was asked. */
export type RedisFate =
  | "answered"
  /** It was done, and the connection broke before the answer. */
  | "done-unheard"
  /** The connection broke before it was done. */
  | "lost";

export interface SimulatedRedisOptions {
  /** Of the server: it tells when keys expire, and is the time of new entries. */
  readonly clock: Clock;
  /** What a crash leaves. */
  readonly random: Random;
  /** `appendfsync always`: a crash loses nothing that was answered. */
  readonly isEveryWriteSynced?: boolean;
}

interface Blocked {
  readonly request: Request;
  readonly line: Line;
  readonly timer: Timer;
}

export class SimulatedRedis {
  /** Asked for every command, transaction and `take` with the names of its commands; `answered` without it. */
  fateOf: (names: readonly string[]) => RedisFate = () => "answered";
  readonly #options: SimulatedRedisOptions;
  readonly #history: History;
  readonly #lines = new Set<Line>();
  /** In the order in which they came, which is that in which they are served. */
  #blocked: Blocked[] = [];
  #isCut = false;
  #isFull = false;
  /** While it hangs, with what came since. */
  #stall: { readonly timer: Timer; readonly held: (() => void)[] } | undefined;

  constructor(options: SimulatedRedisOptions) {
    this.#options = options;
    this.#history = new History(options.isEveryWriteSynced === true);
  }

  /** It connects when a timer of its clock runs: not before a clock that is moved by hand is. */
  connect(options: ConnectionOptions): Redis {
    return new SimulatedConnection(this.#side(), options);
  }

  /** Breaks every connection, and lets nobody in until `heal`. */
  cut(): void {
    this.#isCut = true;
    this.#breakAll("the network is cut");
  }

  heal(): void {
    this.#isCut = false;
  }

  /** Says nothing for so long, and then does what came meanwhile, whether or not somebody still waits for it. */
  stall(forMs: number): void {
    this.#stall?.timer.cancel();
    const held = this.#stall?.held ?? [];
    const timer = this.#options.clock.after(forMs, () => {
      this.#stall = undefined;
      for (const run of held) run();
    });
    this.#stall = { timer, held };
  }

  /** It dies, and another reads its log: of the last second it has a part, from the front. */
  crash(): void {
    this.#end();
    this.#history.crash(this.#options.random, this.#nowMs());
  }

  /** It is replaced by an empty one. */
  lose(): void {
    this.#end();
    this.#history.lose();
  }

  /** While true, what takes memory is refused: `OOM`. */
  refuseGrowth(isFull: boolean): void {
    this.#isFull = isFull;
  }

  #side(): ServerSide {
    return {
      accept: (line) => {
        if (this.#isCut || this.#stall !== undefined) return false;
        this.#lines.add(line);
        line.onCut(() => {
          this.#lines.delete(line);
          this.#unblock((blocked) => blocked.line === line);
        });
        return true;
      },
      receive: (requests, line) => {
        if (!line.isUp) return;
        const run = (): void => this.#receive(requests, line);
        if (this.#stall === undefined) run();
        else this.#stall.held.push(run);
      },
    };
  }

  #receive(requests: readonly Request[], line: Line): void {
    for (const request of requests) {
      const fate = this.fateOf(request.work.names);
      if (fate !== "lost") this.#begin(request, line, fate === "answered");
      if (fate === "answered") continue;
      line.cut("the connection broke");
      return;
    }
  }

  #begin({ work, tell }: Request, line: Line, isHeard: boolean): void {
    const pinned = this.#history.look((moment) => work.pin?.(moment) ?? work, this.#when());
    const value = this.#run(pinned);
    if (value !== undefined) {
      if (isHeard) tell(value);
      this.#serve();
    } else if (isHeard && line.isUp) {
      this.#block({ work: pinned, tell }, line);
    }
  }

  /** Whoever waits longest is served first, after every command. */
  #serve(): void {
    for (const blocked of [...this.#blocked]) {
      const { request } = blocked;
      const value = this.#run(request.work);
      if (value === undefined) continue;
      this.#unblock((other) => other === blocked);
      request.tell(value);
    }
  }

  #block(request: Request, line: Line): void {
    const timer = this.#options.clock.after(request.work.blockMs ?? 0, () => {
      this.#unblock((other) => other === blocked);
      request.tell(null);
    });
    const blocked: Blocked = { request, line, timer };
    this.#blocked.push(blocked);
  }

  #unblock(isOne: (blocked: Blocked) => boolean): void {
    for (const { timer } of this.#blocked.filter(isOne)) timer.cancel();
    this.#blocked = this.#blocked.filter((blocked) => !isOne(blocked));
  }

  #run(work: Work<unknown>): unknown {
    let value: unknown;
    this.#history.run((moment) => {
      value = work.run(moment);
    }, this.#when());
    return value;
  }

  /** What came to a process that hung goes with it. */
  #end(): void {
    this.#stall?.timer.cancel();
    this.#stall = undefined;
    this.#breakAll("it was closed by the server");
  }

  #breakAll(cause: string): void {
    for (const line of [...this.#lines]) line.cut(cause);
  }

  #when(): When {
    return { nowMs: this.#nowMs(), isFull: this.#isFull };
  }

  #nowMs(): number {
    return Math.floor(this.#options.clock.wallMs());
  }
}
