/** What keeps an actor from its work, by whom it is of: one sentence for all of it, for its health. */

export class Troubles {
  readonly #announce: (trouble: string | undefined) => void;
  readonly #causes = new Map<string, string>();
  #announced: string | undefined;

  /** `announce` is told of every other sentence, and of the end of the last trouble. */
  constructor(announce: (trouble: string | undefined) => void) {
    this.#announce = announce;
  }

  /** The one that came first of those that there are. */
  get worst(): string | undefined {
    const [first] = this.#causes;
    return first === undefined ? undefined : `${first[0]}: ${first[1]}`;
  }

  /** How somebody says what is wrong; undefined for nothing. */
  of(name: string): (cause: string | undefined) => void {
    return (cause) => {
      if (cause === undefined) this.#causes.delete(name);
      else this.#causes.set(name, cause);
      if (this.worst === this.#announced) return;
      this.#announced = this.worst;
      this.#announce(this.worst);
    };
  }
}
