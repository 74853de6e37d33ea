/**
 * Work in batches, without a timer: a batch is whatever arrived while the one before it was under way. What arrives alone
 * waits for nobody.
 */
export interface BatchesOptions<Item> {
  /** A batch has one item, or as many as are no longer together. */
  readonly bytesMax: number;
  readonly bytesOf: (item: Item) => number;
  readonly run: (items: readonly Item[]) => Promise<void>;
  /** The defect of a batch goes to those who wait for it, and for what comes behind it. */
  readonly crash: (item: Item, defect: unknown) => void;
}

export class Batches<Item> {
  readonly #options: BatchesOptions<Item>;
  #queue: Item[] = [];
  #isWorking = false;
  /** Who waits for the end of the batch under way. */
  #breaks: (() => Promise<void>)[] = [];

  constructor(options: BatchesOptions<Item>) {
    this.#options = options;
  }

  add(item: Item): void {
    this.#queue.push(item);
    if (!this.#isWorking) void this.#work();
  }

  /** From within a batch: the item is the first of the next one. */
  putOff(item: Item): void {
    this.#queue.unshift(item);
  }

  /** Runs `work` while no batch is under way. */
  async between(work: () => Promise<void>): Promise<void> {
    if (!this.#isWorking) return await work();
    await new Promise<void>((resolve, reject) => {
      this.#breaks.push(async () => await work().then(resolve, reject));
    });
  }

  /** Never rejects: a defect goes to those who wait, and with them to the supervisor. */
  async #work(): Promise<void> {
    this.#isWorking = true;
    // The turn that brought the first item may bring more.
    await undefined;
    // More may come, of either, while what was asked for between two batches runs.
    while (this.#queue.length > 0 || this.#breaks.length > 0) {
      if (this.#queue.length > 0) await this.#runOne();
      for (const run of this.#breaks.splice(0)) await run();
    }
    this.#isWorking = false;
  }

  async #runOne(): Promise<void> {
    const taken = this.#take();
    try {
      await this.#options.run(taken);
    } catch (defect) {
      for (const item of [...taken, ...this.#queue.splice(0)]) this.#options.crash(item, defect);
    }
  }

  #take(): readonly Item[] {
    const { bytesMax, bytesOf } = this.#options;
    let count = 0;
    let sumBytes = 0;
    for (const item of this.#queue) {
      sumBytes += bytesOf(item);
      if (count > 0 && sumBytes > bytesMax) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}
