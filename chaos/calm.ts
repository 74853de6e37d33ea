/**
 * Whether anything is wrong with the node at the moment, as far as is known: faults under way, and those that it has not been
 * seen to have overcome.
 *
 * A request counts as served on a calm day when the day was calm from before it was sent until its answer had come.
 */
export class Calm {
  #faults = 0;
  #isReady = false;
  #disturbances = 0;

  /** Undefined while something is wrong. Two that are the same: nothing was wrong in between. */
  get day(): number | undefined {
    return this.#faults === 0 && this.#isReady ? this.#disturbances : undefined;
  }

  /** Faults that are under way. */
  get faults(): number {
    return this.#faults;
  }

  /** How often anything went wrong. */
  get disturbances(): number {
    return this.#disturbances;
  }

  disturbed(): void {
    this.#faults += 1;
    this.#isReady = false;
    this.#disturbances += 1;
  }

  /** A fault is over. The node may take a while yet. */
  healed(): void {
    this.#faults -= 1;
  }

  /** The node was seen to be well, after the last fault was over. */
  seenReady(): void {
    if (this.#faults === 0) this.#isReady = true;
  }
}
