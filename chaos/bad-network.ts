/**
 * What a bad network does to one request, whoever carries it: it does not arrive, its answer does not, it arrives late, or
 * twice. A function of the chance it is handed.
 */
import type { FaultOf } from "#chaos/fault.ts";
import type { Carrier, Send } from "#chaos/network/carrier.ts";
import { draws } from "#chaos/ratio.ts";
import { passed, type WorldAnswer, type WorldRequest } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

/** Longest that a client waits for an answer that is lost, ms. */
const LOST_ANSWER_MS = 500;

export class BadNetwork implements Carrier {
  readonly #fault: FaultOf<"bad-network">;
  readonly #clock: Clock;
  readonly #random: Random;
  #effects = 0;

  constructor(fault: FaultOf<"bad-network">, clock: Clock, random: Random) {
    this.#fault = fault;
    this.#clock = clock;
    this.#random = random;
  }

  /** Requests that were lost, late or doubled. */
  get effects(): number {
    return this.#effects;
  }

  async carry(request: WorldRequest, send: Send): Promise<WorldAnswer | undefined> {
    const { loss, duplicate, delayMs, jitterMs } = this.#fault;
    const lateMs = delayMs + this.#random.below(jitterMs + 1);
    const isRequestLost = draws(loss, this.#random);
    const isAnswerLost = draws(loss, this.#random);
    // A body is read once: only a request without one can arrive twice.
    const isDoubled = draws(duplicate, this.#random) && request.body === undefined;
    if (lateMs > 0 || isRequestLost || isAnswerLost || isDoubled) this.#effects += 1;
    await this.#wait(lateMs);
    if (isRequestLost) return await this.#lost();
    const [answer] = await Promise.all([send(request), isDoubled ? send(request) : undefined]);
    await this.#wait(lateMs);
    return isAnswerLost ? await this.#lost() : answer;
  }

  heal(): void {
    // What is late is on its way within its delay.
  }

  async #lost(): Promise<undefined> {
    await this.#wait(LOST_ANSWER_MS);
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await passed({ clock: this.#clock }, ms);
  }
}
