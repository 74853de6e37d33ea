/**
 * What waits in a user lane: a cast (`Told`) or a call (`PendingCall`), which is its own envelope so that a call costs
 * one object.
 */
import type { PendingCall } from "#runtime/pending-call.ts";

export interface Message {
  /** Of the protocol's message, and of its handler. */
  readonly name: string;
  /** Let go of when a call is over before it was handled. */
  readonly request: unknown;
  /** Whom to answer. */
  readonly call: PendingCall | undefined;
  /** Incarnations that ended while they had it in hand. */
  entered: number;
}

/** A message that nobody waits for. */
export class Told implements Message {
  readonly name: string;
  readonly request: unknown;
  readonly call: undefined;
  entered = 0;

  constructor(name: string, request: unknown) {
    this.name = name;
    this.request = request;
    this.call = undefined;
  }
}
