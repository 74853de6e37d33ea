/**
 * One life of an external server: a process, its group, and what it said last.
 *
 * The life is over when the server has exited and nothing of its group is left: a helper that outlives it would hold
 * what the next life needs.
 */
import type { Clock } from "#runtime/clock.ts";
import type { ExitReason } from "#runtime/errors.ts";
import type { Process, ProcessExit } from "#runtime/processes.ts";
import { exitReasonOf } from "#supervisor/process-exit.ts";
import type { LastLines } from "#supervisor/server/last-lines.ts";

/** Pause between two looks at the group of a server that has exited. */
export const GROUP_LOOK_MS = 10;
/**
 * Longest wait for what is left of a killed group; past it the life is over all the same. Less than what a supervisor
 * waits after a kill (`STUCK_GRACE_MS`): a server that left something behind is not stuck, its next start says so.
 */
export const GROUP_GONE_MS = 500;

export class ServerLife {
  readonly server: Process;
  /** Settles when the life is over. */
  readonly ended: Promise<ExitReason>;
  readonly #clock: Clock;
  #hasLeftSome = false;

  constructor(server: Process, clock: Clock, lines: LastLines) {
    this.server = server;
    this.#clock = clock;
    this.ended = new Promise((resolve) => {
      server.onExit((exit) => {
        const untilMs = clock.nowMs() + GROUP_GONE_MS;
        this.#awaitGroup(untilMs, () => resolve(this.#reasonOf(exit, lines)));
      });
    });
  }

  /** Something of the group survived, and is there still. */
  get isStillThere(): boolean {
    return this.#hasLeftSome && this.server.hasGroup();
  }

  #awaitGroup(untilMs: number, settle: () => void): void {
    if (this.server.hasGroup() && this.#clock.nowMs() < untilMs) {
      this.#clock.after(GROUP_LOOK_MS, () => this.#awaitGroup(untilMs, settle));
      return;
    }
    this.#hasLeftSome = this.server.hasGroup();
    settle();
  }

  #reasonOf(exit: ProcessExit, lines: LastLines): ExitReason {
    return exitReasonOf(exit, lines.toString());
  }
}
