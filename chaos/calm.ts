/**
 * Whether anything is wrong with the node at the moment, as far as is known: faults under way, and those that it has not been
 * seen to have overcome. A fault that cuts some groups of clients off is theirs alone: the others are to be served meanwhile.
 *
 * A request counts as served on a calm day when the day was calm from before it was sent until its answer had come.
 */
import type { ClientGroup } from "#chaos/network/groups.ts";

interface Disturbed {
  faults: number;
  disturbances: number;
}

export class Calm {
  readonly #node: Disturbed = { faults: 0, disturbances: 0 };
  readonly #groups = new Map<ClientGroup, Disturbed>();
  #isReady = false;

  /** Undefined while something is wrong with the node. Two that are the same: nothing was wrong in between. */
  get day(): number | undefined {
    return this.#node.faults === 0 && this.#isReady ? this.#node.disturbances : undefined;
  }

  /** The same for clients of one group, or for the operator. */
  dayOf(group: ClientGroup | undefined): number | undefined {
    const { day } = this;
    if (day === undefined || group === undefined) return day;
    const { faults, disturbances } = this.#of(group);
    return faults === 0 ? day + disturbances : undefined;
  }

  /** Faults that are under way. */
  get faults(): number {
    return [...this.#groups.values()].reduce((sum, { faults }) => sum + faults, this.#node.faults);
  }

  /** Whether one of them is in the node, or on everybody's way to it. */
  get isDisturbed(): boolean {
    return this.#node.faults > 0;
  }

  /** How often anything went wrong with the node. */
  get disturbances(): number {
    return this.#node.disturbances;
  }

  /** By a fault that touches the node, or only these groups of clients. */
  disturbed(groups?: readonly ClientGroup[]): void {
    for (const one of this.#touched(groups)) {
      one.faults += 1;
      one.disturbances += 1;
    }
    if (groups === undefined) this.#isReady = false;
  }

  /** A fault is over. The node may take a while yet. */
  healed(groups?: readonly ClientGroup[]): void {
    for (const one of this.#touched(groups)) one.faults -= 1;
  }

  /** The node was seen to be well, after the last fault was over. */
  seenReady(): void {
    if (this.#node.faults === 0) this.#isReady = true;
  }

  #touched(groups: readonly ClientGroup[] | undefined): readonly Disturbed[] {
    return groups === undefined ? [this.#node] : groups.map((group) => this.#of(group));
  }

  #of(group: ClientGroup): Disturbed {
    const known = this.#groups.get(group) ?? { faults: 0, disturbances: 0 };
    this.#groups.set(group, known);
    return known;
  }
}
