/** A network on which some requests and answers are held back, and others overtake them. */
import type { FaultOf } from "#chaos/fault.ts";
import type { Carrier, Send } from "#chaos/network/carrier.ts";
import { draws } from "#chaos/ratio.ts";
import { passed, type WorldAnswer, type WorldRequest } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

export class ReorderedNetwork implements Carrier {
  readonly #fault: FaultOf<"reordered-network">;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Held back at the moment, and not overtaken yet. */
  readonly #heldBack = new Set<object>();
  #effects = 0;

  constructor(fault: FaultOf<"reordered-network">, clock: Clock, random: Random) {
    this.#fault = fault;
    this.#clock = clock;
    this.#random = random;
  }

  /** Those that were overtaken. */
  get effects(): number {
    return this.#effects;
  }

  async carry(request: WorldRequest, send: Send): Promise<WorldAnswer | undefined> {
    await this.#pass();
    const answer = await send(request);
    await this.#pass();
    return answer;
  }

  heal(): void {
    // What is held back is on its way within `delayMs`.
  }

  async #pass(): Promise<void> {
    const { reorder, delayMs } = this.#fault;
    if (!draws(reorder, this.#random)) {
      this.#effects += this.#heldBack.size;
      this.#heldBack.clear();
      return;
    }
    const mark = {};
    this.#heldBack.add(mark);
    await passed({ clock: this.#clock }, delayMs);
    this.#heldBack.delete(mark);
  }
}
