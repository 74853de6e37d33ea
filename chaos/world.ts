/**
 * A node that things are done to, and the means to do them: what every executor provides, so that one plan, one workload and
 * one set of checkers serve all of them.
 */
import type { Decay } from "#chaos/disk/decay.ts";
import type { Fault } from "#chaos/fault.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import type { EventsPort } from "#chaos/workload/events-port.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";

export interface WorldRequest {
  /** Of which group the client is. Nobody's requests are the operator's, at the node itself: no cut is between them. */
  readonly from?: ClientGroup | undefined;
  readonly method?: string;
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ByteSource;
  readonly contentLength?: number;
  /** The client goes away. */
  readonly signal?: AbortSignal;
}

export interface WorldAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** False where the connection ended before the body did. */
  readonly complete: boolean;
}

/** A fault under way. */
export interface Injection {
  /** Ends it. What was a moment has nothing to end. */
  heal(): Promise<void>;
  /** How often it did something so far. */
  effects(): number;
  /** What of the store it has spoilt where it lies. */
  readonly decays?: readonly Decay[];
}

/** Things that a node holds: `what` as a plural. */
export interface AtRest {
  readonly what: string;
  readonly count: number;
}

/** What a node that was brought down has left behind, a sentence each. */
export type Remains = readonly string[];

export interface World {
  /** Virtual in a simulation. */
  readonly clock: Clock;
  /** Whether what is sent has reached the node a millisecond later. */
  readonly arrivesAtOnce: boolean;
  /** Where producers publish, in a run that has any; not before `begin`. */
  readonly events?: EventsPort | undefined;
  /** Why it cannot bring this fault about here; undefined where it can. */
  cannot(fault: Fault): string | undefined;
  /** Starts the node. Rejects where it does not start. */
  begin(): Promise<void>;
  /** Undefined where no answer came: whether anything was done is not known. */
  request(request: WorldRequest): Promise<WorldAnswer | undefined>;
  inject(fault: Fault): Promise<Injection>;
  /** Undefined while the node is down. */
  status(): Promise<NodeStatus | undefined>;
  /** What the node holds while nothing is asked of it, if that can be told: no more after some work than before it. */
  atRest(): Promise<AtRest | undefined>;
  /** Brings the node down in order. */
  end(): Promise<Remains>;
}

/** Settles after `ms` of the world's time. */
export function passed({ clock }: { readonly clock: Clock }, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
