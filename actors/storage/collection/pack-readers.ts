/** Who still reads from which pack: one that was given up is removed when nobody does. */
export class PackReaders {
  readonly #counts = new Map<number, number>();
  readonly #waiting = new Map<number, (() => void)[]>();

  /** Counts a reader of these packs until what is answered is called, once. */
  enter(packs: ReadonlySet<number>): () => void {
    for (const pack of packs) this.#counts.set(pack, (this.#counts.get(pack) ?? 0) + 1);
    return () => {
      for (const pack of packs) this.#leave(pack);
    };
  }

  /** Settles when nobody reads from the pack. Nobody may enter it any more. */
  async whenFree(pack: number): Promise<void> {
    if (!this.#counts.has(pack)) return;
    await new Promise<void>((resolve) => {
      this.#waiting.set(pack, [...(this.#waiting.get(pack) ?? []), resolve]);
    });
  }

  #leave(pack: number): void {
    const count = this.#counts.get(pack) ?? 0;
    if (count > 1) return void this.#counts.set(pack, count - 1);
    this.#counts.delete(pack);
    for (const resolve of this.#waiting.get(pack) ?? []) resolve();
    this.#waiting.delete(pack);
  }
}
