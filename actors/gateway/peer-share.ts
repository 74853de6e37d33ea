/** How much one client may have under way: a count for each that has anything, and none for the others. */
export class PeerShare {
  readonly #counts = new Map<string, number>();

  isSpent(peer: string, max: number): boolean {
    return (this.#counts.get(peer) ?? 0) >= max;
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
