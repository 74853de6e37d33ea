/** A network on which some connections are reset in the middle of what they carry: a body, or an answer. */
import type { FaultOf } from "#chaos/fault.ts";
import { bodyOnItsWay } from "#chaos/network/body-on-its-way.ts";
import type { Carrier, Send } from "#chaos/network/carrier.ts";
import { draws } from "#chaos/ratio.ts";
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";
import type { Random } from "#runtime/random.ts";
import { KiB } from "#runtime/units.ts";

/** A connection that breaks does so within its first bytes. */
const WITHIN_BYTES = 64 * KiB;

export class BrokenConnections implements Carrier {
  readonly #fault: FaultOf<"broken-connections">;
  readonly #random: Random;
  #effects = 0;

  constructor(fault: FaultOf<"broken-connections">, random: Random) {
    this.#fault = fault;
    this.#random = random;
  }

  /** Connections that it broke. */
  get effects(): number {
    return this.#effects;
  }

  async carry(request: WorldRequest, send: Send): Promise<WorldAnswer | undefined> {
    const isBroken = draws(this.#fault.breaks, this.#random);
    const breaksAt = anyByte(this.#random);
    if (!isBroken) return await send(request);
    let isGone = false;
    const mayPass = async (sent: number): Promise<number> => {
      isGone ||= sent >= breaksAt;
      return isGone ? 0 : breaksAt - sent;
    };
    const { body } = request;
    const answer = await send(body === undefined ? request : { ...request, body: bodyOnItsWay(body, mayPass) });
    if (!isGone && (answer === undefined || answer.body.length <= breaksAt)) return answer;
    this.#effects += 1;
    // Whoever sent a body that broke off hears nothing; whoever reads has what came before.
    if (isGone || answer === undefined) return undefined;
    return { ...answer, body: answer.body.subarray(0, breaksAt), complete: false };
  }

  heal(): void {
    // It holds nothing back.
  }
}

/** Early ones more often: most of what is sent is small. */
export function anyByte(random: Random): number {
  const within = Math.max(1, Math.floor(WITHIN_BYTES / 2 ** random.below(12)));
  return random.below(within);
}
