/** How much one client may have under way: a count for each that has anything, and none for the others. */
export class PeerShare {
  readonly max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.max = max;
  }

  isSpent(peer: string): boolean {
    return (this.#counts.get(peer) ?? 0) >= this.max;
  }

  enter(peer: string): void {
    this.#counts.set(peer, (this.#counts.get(peer) ?? 0) + 1);
  }

  leave(peer: string): void {
    const count = (this.#counts.get(peer) ?? 1) - 1;
    if (count === 0) this.#counts.delete(peer);
    else this.#counts.set(peer, count);
  }
}
