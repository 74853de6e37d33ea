/** What carries requests to the node and answers back, well or badly: how a fault of the network looks to a world. */
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";

/** Hands a request to the next carrier, and in the end to the node. */
export type Send = (request: WorldRequest) => Promise<WorldAnswer | undefined>;

export interface Carrier {
  /** Undefined where no answer arrives while the client waits. */
  carry(request: WorldRequest, send: Send): Promise<WorldAnswer | undefined>;
  /** How often it did something to a request, an answer, or a part of one. */
  readonly effects: number;
  /** It holds nothing back any more. */
  heal(): void;
}

/** Through one carrier after the other, and then by `send`. */
export async function carryThrough(
  [first, ...others]: readonly Carrier[],
  request: WorldRequest,
  send: Send,
): Promise<WorldAnswer | undefined> {
  if (first === undefined) return await send(request);
  return await first.carry(request, (carried) => carryThrough(others, carried, send));
}
