/** How often each action of a model was taken, over all runs that were followed. */
export class Coverage {
  readonly #counts: Map<string, number>;

  constructor(actions: readonly string[]) {
    this.#counts = new Map(actions.map((action) => [action, 0]));
  }

  /** As `followRun` has them; what is no action of the model is left out. */
  add(actions: readonly string[]): void {
    for (const action of actions) {
      const count = this.#counts.get(action);
      if (count !== undefined) this.#counts.set(action, count + 1);
    }
  }

  told(): string {
    const taken = [...this.#counts].filter(([, count]) => count > 0);
    const counts = [...this.#counts].map(([action, count]) => `${action} ${count}`);
    return `${taken.length} of ${this.#counts.size} actions of the model: ${counts.join(", ")}`;
  }

  /** Those that no run has taken. */
  get missing(): readonly string[] {
    return [...this.#counts].filter(([, count]) => count === 0).map(([action]) => action);
  }
}
