/** The threads of a CPU pool as a child of their cell's supervisor: one that dies or hangs is an exit. */
import { type ExitReason, ok, type Result } from "#runtime/errors.ts";
import type { CpuLives } from "#runtime/pool/cpu.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";

export class PoolChild implements Child {
  readonly name: string;
  readonly #lives: CpuLives;

  constructor(name: string, lives: CpuLives) {
    this.name = name;
    this.#lives = lives;
  }

  /** The threads come with the first task: one that cannot be made is an exit then. */
  start(): Promise<Result<void, StartFailed>> {
    this.#lives.start();
    return Promise.resolve(ok());
  }

  stop(): Promise<void> {
    return this.#lives.stop();
  }

  kill(): void {
    this.#lives.kill();
  }

  refuse(): void {
    this.#lives.refuse();
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#lives.onExit(run);
  }
}
