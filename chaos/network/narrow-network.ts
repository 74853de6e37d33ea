/** A network that carries so many bytes a second each way: bodies take their time, and wait for one another. */
import { bodyOnItsWay } from "#chaos/network/body-on-its-way.ts";
import type { Carrier, Send } from "#chaos/network/carrier.ts";
import { Pace } from "#chaos/network/pace.ts";
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";

/** Looks like a packet: what a body passes in at a time. */
const PIECE_BYTES = 1400;

export class NarrowNetwork implements Carrier {
  readonly #there: Pace;
  readonly #back: Pace;
  #effects = 0;

  constructor({ bytesPerSecond }: { readonly bytesPerSecond: number }, clock: Clock) {
    this.#there = new Pace(clock, bytesPerSecond);
    this.#back = new Pace(clock, bytesPerSecond);
  }

  /** Bodies that it slowed down. */
  get effects(): number {
    return this.#effects;
  }

  async carry(request: WorldRequest, send: Send): Promise<WorldAnswer | undefined> {
    const { body } = request;
    const answer = await send(body === undefined ? request : { ...request, body: this.#slowed(body) });
    if (answer === undefined || answer.body.length === 0) return answer;
    this.#effects += 1;
    await this.#back.pass(answer.body.length);
    return answer;
  }

  heal(): void {
    this.#there.open();
    this.#back.open();
  }

  #slowed(body: NonNullable<WorldRequest["body"]>): NonNullable<WorldRequest["body"]> {
    this.#effects += 1;
    return bodyOnItsWay(body, async () => {
      await this.#there.pass(PIECE_BYTES);
      return PIECE_BYTES;
    });
  }
}
