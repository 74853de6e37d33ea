/**
 * A client that looks at `/readyz` all the time, at reads and at writes, while the node is well and while it is not.
 *
 * What the gateway says is as old as what the root told it last, so an answer is held against the states of the actors only when
 * these were the same for a while, and still are when it has come.
 */
import type { Calm } from "#chaos/calm.ts";
import { problemOfReadiness, type ReadinessSaid, readReadiness } from "#chaos/checkers/readiness.ts";
import type { Checks } from "#chaos/checks.ts";
import type { Room } from "#chaos/workload/room.ts";
import { passed, type World } from "#chaos/world.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";

/** Between two looks. */
const LOOK_MS = 250;
/** What the gateway says is no older. */
const STALE_MS = 1000;

/** An answer that is none of `/readyz`. */
const NONE = "none";

export interface ReadinessWatchOptions {
  readonly world: Pick<World, "clock" | "request" | "status">;
  readonly calm: Pick<Calm, "faults" | "disturbances">;
  readonly checks: Checks;
  readonly room: Pick<Room, "isFull" | "mayBeFull" | "storedCount">;
}

export class ReadinessWatch {
  readonly #options: ReadinessWatchOptions;
  #isOver = false;

  constructor(options: ReadinessWatchOptions) {
    this.#options = options;
  }

  /** Until `stop`. */
  async run(): Promise<void> {
    const { world, checks, room } = this.#options;
    let seen: string | undefined;
    let sinceMs = 0;
    while (!this.#isOver) {
      await passed(world, LOOK_MS);
      const status = await world.status();
      const now = this.#standingOf(status);
      if (now !== seen) {
        seen = now;
        sinceMs = world.clock.nowMs();
      }
      if (status === undefined || !isGatewayUp(status) || world.clock.nowMs() - sinceMs < STALE_MS) continue;
      const { storedCount } = room;
      const mayHaveBeenFull = room.mayBeFull();
      const wasFull = room.isFull(sinceMs);
      const reads = await this.#ask("/readyz?for=reads");
      const writes = await this.#ask("/readyz");
      if (reads === undefined || writes === undefined || this.#standingOf(await world.status()) !== now) continue;
      const isFull = wasFull && room.isFull(sinceMs) && room.storedCount === storedCount;
      const full = isFull ? "yes" : mayHaveBeenFull || room.mayBeFull() ? "maybe" : "no";
      const problem =
        reads === NONE || writes === NONE
          ? "it is answered otherwise"
          : problemOfReadiness(status, reads, writes, full);
      checks.that("readyz-says-what-is", problem === undefined, () => `/readyz: ${problem}`);
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  /** Undefined where no answer came. */
  async #ask(target: string): Promise<ReadinessSaid | typeof NONE | undefined> {
    const answer = await this.#options.world.request({ target });
    return answer?.complete === true ? (readReadiness(answer.status, answer.body) ?? NONE) : undefined;
  }

  /** The same as long as nothing happens to a part of the node, as far as it can be told. */
  #standingOf(status: NodeStatus | undefined): string | undefined {
    const { faults, disturbances } = this.#options.calm;
    if (status === undefined) return undefined;
    const actors = status.actors.map(({ name, state, incarnation, restarts }) => [name, state, incarnation, restarts]);
    const cells = status.cells.map(({ name, state, pid, restarts }) => [name, state, pid, restarts]);
    return JSON.stringify([faults, disturbances, actors, cells, status.shuttingDown]);
  }
}

/** Else whoever listens answers for it. */
function isGatewayUp({ actors }: NodeStatus): boolean {
  return actors.some(({ name, state }) => name === "gateway" && state === "running");
}
