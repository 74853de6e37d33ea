/**
 * What is asked of one volume, all of a kind: few operations at once, and none that keeps its caller longer than
 * `VOLUME_STALL_MS` from when it began.
 *
 * The rest stands in line here and not in that of the process, whose threads are shared by all disks: readers by the hundred
 * of a volume that hangs take `VOLUME_OPERATIONS_MAX` of them and no more. Once something is late, whoever waits is told with
 * it; and nobody waits longer for his turn than for what he asked.
 */
import type { Clock } from "#runtime/clock.ts";
import { inTime } from "#runtime/in-time.ts";
import { second } from "#runtime/units.ts";

/** A disk may take 7 s over a bad sector, and is not hung. */
export const VOLUME_STALL_MS: number = 10 * second;

/** On one volume at once: so many that read, and as many that write. */
export const VOLUME_OPERATIONS_MAX = 3;

export class DiskLane {
  readonly #clock: Clock;
  /** What has failed for its callers, and is still under way. */
  readonly #late = new Set<Promise<unknown>>();
  /** Told whether they may begin, first come, first served. */
  readonly #waiting = new Set<(mayBegin: boolean) => void>();
  #underWayCount = 0;
  readonly #operationsMax: number;

  constructor(clock: Clock, operationsMax: number = VOLUME_OPERATIONS_MAX) {
    this.#clock = clock;
    this.#operationsMax = operationsMax;
  }

  /** What is late now, each until it is over. */
  get late(): readonly Promise<unknown>[] {
    return [...this.#late];
  }

  /** Undefined if it is late, or something else is; `whenLate` has the outcome that nobody waits for any more. */
  async run<Outcome>(
    begin: () => Promise<Outcome>,
    whenLate: (outcome: Outcome) => Promise<void> | void = () => undefined,
  ): Promise<Outcome | undefined> {
    if (!(await this.#mayBegin())) return undefined;
    const work = begin().finally(() => this.#leave());
    const outcome = await inTime(work, VOLUME_STALL_MS, this.#clock);
    if (outcome !== undefined) return outcome;
    const over = work.then(whenLate).finally(() => this.#late.delete(over));
    this.#late.add(over);
    for (const tell of this.#waiting) tell(false);
    return undefined;
  }

  async #mayBegin(): Promise<boolean> {
    if (this.#late.size > 0) return false;
    if (this.#underWayCount >= this.#operationsMax) return await this.#wait();
    this.#underWayCount += 1;
    return true;
  }

  #wait(): Promise<boolean> {
    return new Promise((resolve) => {
      const tell = (mayBegin: boolean): void => {
        timer.cancel();
        this.#waiting.delete(tell);
        resolve(mayBegin);
      };
      const timer = this.#clock.after(VOLUME_STALL_MS, () => tell(false));
      this.#waiting.add(tell);
    });
  }

  /** The next one has its place. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#underWayCount -= 1;
    else next(true);
  }
}
