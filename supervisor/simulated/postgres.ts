/**
 * A Postgres as a place, in a simulation: there or not, hanging, slow. What is kept in it belongs to whoever asks, as tables in
 * memory, because there is no SQL here; this is the way to them and back.
 *
 * A question takes its time in both directions. What it asks for is done in between, as a whole: so a server that is killed
 * meanwhile has done it, or has not, and whoever asked does not know which. One that hangs does what came when it goes on, whether
 * or not somebody still waits.
 */
import type { Clock } from "#runtime/clock.ts";
import { type Failure, fail, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlUnreachable } from "#runtime/sql/sql.ts";

/** Longest way of a question, or of its answer. */
const WAY_MS_MAX = 3;

export class SimulatedPostgres {
  /** Every question and every answer take so much longer. */
  delayMs = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onDown = new Set<() => void>();
  #isUp = false;
  /** While it hangs, what came since. */
  #held: (() => void)[] | undefined;

  /** `clock` is its own. */
  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** It serves. */
  up(): void {
    this.#isUp = true;
  }

  /** It is gone, with what it was asked and has not done. What was done stays. */
  down(): void {
    this.#isUp = false;
    this.#held = undefined;
    for (const run of [...this.#onDown]) run();
  }

  /** Does nothing for so long, and then what came meanwhile. */
  stall(forMs: number): void {
    const held: (() => void)[] = [];
    this.#held = held;
    this.#clock.after(forMs, () => {
      if (this.#held !== held) return;
      this.#held = undefined;
      for (const run of held) run();
    });
  }

  /** `clock` is that of the process that asks. Its deadline counts. */
  async ask<Value, F extends Failure>(
    clock: Clock,
    { deadlineMs, signal }: Within,
    work: () => Promise<Result<Value, F>>,
  ): Promise<Result<Value, F | SqlUnreachable>> {
    if (!this.#isUp) return away("no", "nobody listens");
    if (signal.aborted) return away("no", "nobody waits for it");
    return await new Promise((resolve) => {
      const settle = (result: Result<Value, F | SqlUnreachable>): void => {
        timer?.cancel();
        this.#onDown.delete(onDown);
        signal.removeEventListener("abort", onAbort);
        resolve(result);
      };
      let isGone = false;
      const onDown = (): void => {
        isGone = true;
        settle(away("maybe", "the connection broke"));
      };
      const onAbort = (): void => settle(away("maybe", "nobody waits for it"));
      const leftMs = Math.max(0, deadlineMs - clock.nowMs());
      const timer = Number.isFinite(leftMs)
        ? clock.after(leftMs, () => settle(away("maybe", "it did not answer in time")))
        : undefined;
      this.#onDown.add(onDown);
      signal.addEventListener("abort", onAbort);
      const run = (): void => {
        if (isGone) return;
        if (this.#held === undefined) void this.#do(clock, work, settle);
        else this.#held.push(run);
      };
      clock.after(this.#wayMs(), run);
    });
  }

  async #do<Value, F extends Failure>(
    clock: Clock,
    work: () => Promise<Result<Value, F>>,
    settle: (result: Result<Value, F>) => void,
  ): Promise<void> {
    const done = await work();
    clock.after(this.#wayMs(), () => settle(done));
  }

  #wayMs(): number {
    return this.delayMs + this.#random.below(WAY_MS_MAX + 1);
  }
}

function away(executed: SqlUnreachable["executed"], cause: string): Result<never, SqlUnreachable> {
  return fail({ code: "sql.unreachable", executed, cause });
}
