/**
 * What is cut between groups of clients and the node, and by how many: cuts may overlap, and what passes waits for the last one
 * to heal, as what TCP sends again does.
 */
import { CLIENT_GROUPS, type ClientGroup } from "#chaos/network/groups.ts";
import { assert } from "#runtime/errors.ts";

/** Which way something goes. */
export const DIRECTIONS = ["requests", "answers"] as const;
export type Direction = (typeof DIRECTIONS)[number];

interface Way {
  cuts: number;
  /** How often it was cut so far. */
  everCut: number;
  /** What had to wait so far. */
  heldUp: number;
  waiting: (() => void)[];
}

export class Barrier {
  readonly #ways = new Map<string, Way>();

  constructor() {
    for (const group of CLIENT_GROUPS) {
      for (const direction of DIRECTIONS)
        this.#ways.set(`${group} ${direction}`, { cuts: 0, everCut: 0, heldUp: 0, waiting: [] });
    }
  }

  isCut(group: ClientGroup, direction: Direction): boolean {
    return this.#way(group, direction).cuts > 0;
  }

  cut(groups: readonly ClientGroup[], directions: readonly Direction[]): void {
    for (const way of this.#waysOf(groups, directions)) {
      way.cuts += 1;
      way.everCut += 1;
    }
  }

  /** Takes one cut back. Those who wait look whether it was the last one. */
  heal(groups: readonly ClientGroup[], directions: readonly Direction[]): void {
    for (const way of this.#waysOf(groups, directions)) {
      way.cuts -= 1;
      const { waiting } = way;
      way.waiting = [];
      for (const go of waiting) go();
    }
  }

  /** Settles when nothing is cut there. */
  async passed(group: ClientGroup, direction: Direction): Promise<void> {
    const way = this.#way(group, direction);
    if (way.cuts > 0) way.heldUp += 1;
    while (way.cuts > 0) await new Promise<void>((resolve) => void way.waiting.push(resolve));
  }

  /** How often it was cut there so far. */
  everCut(group: ClientGroup, direction: Direction): number {
    return this.#way(group, direction).everCut;
  }

  /** How much had to wait there so far. */
  heldUp(groups: readonly ClientGroup[], directions: readonly Direction[]): number {
    return this.#waysOf(groups, directions).reduce((sum, { heldUp }) => sum + heldUp, 0);
  }

  #way(group: ClientGroup, direction: Direction): Way {
    const way = this.#ways.get(`${group} ${direction}`);
    assert(way !== undefined, "there is a way for each group and direction");
    return way;
  }

  #waysOf(groups: readonly ClientGroup[], directions: readonly Direction[]): readonly Way[] {
    return groups.flatMap((group) => directions.map((direction) => this.#way(group, direction)));
  }
}
