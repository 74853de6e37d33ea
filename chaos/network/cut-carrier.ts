/**
 * A network that can be cut between groups of clients and the node, request by request: what is on its way when it is cut waits
 * until it heals. A client that waits for long goes away; of what it had sent some arrives all the same when it heals, when
 * nobody waits for the answer any more. In virtual time an upload takes next to none: the first one of a group that meets a cut
 * is one that is cut in its middle.
 */
import { Barrier, DIRECTIONS, type Direction } from "#chaos/network/barrier.ts";
import { bodyOnItsWay } from "#chaos/network/body-on-its-way.ts";
import type { Carrier, Send } from "#chaos/network/carrier.ts";
import { CLIENT_GROUPS, type ClientGroup } from "#chaos/network/groups.ts";
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

/** Longest that a client waits for a network that is cut. */
export const CUT_PATIENCE_MS = 2000;

/** One request's client, for as long as the request is on its way. */
interface Waiter {
  hasLeft: boolean;
  /** It is held up: it will not wait for ever. */
  readonly holdUp: () => void;
}

export class CutCarrier implements Carrier {
  readonly barrier: Barrier = new Barrier();
  readonly #clock: Clock;
  readonly #random: Random;
  /** By group: the cut that has met an upload. */
  readonly #met = new Map<ClientGroup, number>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get effects(): number {
    return this.barrier.heldUp(CLIENT_GROUPS, DIRECTIONS);
  }

  heal(): void {
    // Each cut is healed by whoever made it.
  }

  async carry(request: WorldRequest, send: Send): Promise<WorldAnswer | undefined> {
    const { from } = request;
    if (from === undefined) return await send(request);
    const left = Promise.withResolvers<undefined>();
    let isHeldUp = false;
    const waiter: Waiter = {
      hasLeft: false,
      holdUp: () => {
        if (isHeldUp) return;
        isHeldUp = true;
        this.#clock.after(CUT_PATIENCE_MS, () => {
          waiter.hasLeft = true;
          left.resolve(undefined);
        });
      },
    };
    return await Promise.race([this.#travel(request, from, waiter, send), left.promise]);
  }

  async #travel(
    request: WorldRequest,
    from: ClientGroup,
    waiter: Waiter,
    send: Send,
  ): Promise<WorldAnswer | undefined> {
    const { body } = request;
    const isBegun = body !== undefined && this.#isCutInItsMiddle(from);
    if (!isBegun) await this.#passed(from, "requests", waiter);
    if (waiter.hasLeft && this.#random.below(2) === 0) return undefined;
    const mayPass = async (sent: number): Promise<number> => {
      if (isBegun && sent === 0) return 1;
      await this.#passed(from, "requests", waiter);
      return waiter.hasLeft ? 0 : Number.POSITIVE_INFINITY;
    };
    const answer = await send(body === undefined ? request : { ...request, body: bodyOnItsWay(body, mayPass) });
    await this.#passed(from, "answers", waiter);
    return answer;
  }

  #isCutInItsMiddle(from: ClientGroup): boolean {
    const cut = this.barrier.everCut(from, "requests");
    const isFirst = this.barrier.isCut(from, "requests") && this.#met.get(from) !== cut;
    if (isFirst) this.#met.set(from, cut);
    return isFirst;
  }

  async #passed(from: ClientGroup, direction: Direction, waiter: Waiter): Promise<void> {
    if (!this.barrier.isCut(from, direction)) return;
    waiter.holdUp();
    await this.barrier.passed(from, direction);
  }
}
