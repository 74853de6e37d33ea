/** What an actor's folder exports for its cell, and what a cell hands it. */
import type { Behavior, EventBus } from "#runtime/behavior.ts";
import type { Exchange } from "#runtime/bucket/exchange.ts";
import type { BucketPlace } from "#runtime/bucket/place.ts";
import type { ConfigSchema } from "#runtime/config/schema.ts";
import type { Edges } from "#runtime/edge/edge.ts";
import type { BaseEnv } from "#runtime/env.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Scope } from "#runtime/scope.ts";
import type { Sql, SqlPlace } from "#runtime/sql/sql.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";

/** What the actors of a cell may use. */
export interface CellEnv extends BaseEnv {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bus: EventBus;
  readonly kv: KvStores;
  /** HTTP listeners. */
  readonly edges: Edges;
  /** HTTP to a server of others. Whoever asks for one closes it. */
  exchanges(place: BucketPlace): Promise<Exchange>;
  /** A pool of the Postgres that the cell works with: one that its spec names. Whoever asks for one closes it. */
  sql(limits: Omit<SqlPlace, "url">): Promise<Sql>;
  /** A connection to the Redis that the cell works with, as above. `silenceMs`: see `RedisPlace`. */
  redis(limits: { readonly silenceMs: number }): Promise<Redis>;
  /** Started on first use. */
  readonly cpu: Cpu;
  /** Says where an actor of this cell answers those outside, for whoever starts the node. */
  listens(addresses: NodeAddresses): void;
  /** Facts about this node that every actor of the tree may need. */
  readonly node: NodeFacts;
}

/** URLs at which actors answer those outside, beside the node's own. */
export interface NodeAddresses {
  /** Of administrators. */
  readonly admin?: string | undefined;
}

export interface NodeFacts {
  readonly dataDirectory: string;
  /** `host:port` that the gateway must listen on; the port is chosen. */
  readonly http: { readonly host: string; readonly port: number };
  readonly insecurePublic: boolean;
  /** Amnesia mode: nothing may reach a disk, and all of it is gone when the node ends. */
  readonly amnesia: boolean;
  readonly version: string;
  /** As they were said last before this life of the cell: who chooses a port chooses the same again. */
  readonly addresses: NodeAddresses;
  /** How the node stands now, as last told by the root. */
  status(): NodeStatus;
}

/** The supervision tree as the root sees it: `ps --json`, and what `/status` and `/readyz` derive from. */
export interface NodeStatus {
  readonly cells: readonly CellStatus[];
  /** External programs that the node runs. */
  readonly servers: readonly ServerStatus[];
  readonly actors: readonly ActorStatus[];
  /** Optional actors that cannot run here, with the reason. */
  readonly unavailable: readonly { readonly actor: string; readonly reason: string }[];
  readonly shuttingDown: boolean;
}

export interface ServerStatus {
  readonly name: string;
  /** 0 while there is none. */
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
  /** Why it is not running. */
  readonly reason?: string | undefined;
}

export interface CellStatus {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
  readonly residentBytes: number;
}

export interface ActorStatus {
  readonly name: string;
  readonly cell: string;
  readonly state: string;
  readonly incarnation: number;
  readonly restarts: number;
  readonly mailbox: { readonly depth: number; readonly capacity: number };
  /** Why it is degraded, quarantined or backing off. */
  readonly reason?: string | undefined;
}

/** A snapshot that is swapped when the configuration changes: read `current` in every handler, never keep it. */
export interface ConfigView<Config> {
  readonly current: Config;
}

export interface Wiring<Config> {
  readonly env: CellEnv;
  readonly config: ConfigView<Config>;
  /** A stable ref to another actor, wherever it runs. */
  ref<P extends Protocol<P>>(actor: string): Ref<P>;
  /** The same of an actor that not every node has; undefined where this one has none. */
  refIfAny<P extends Protocol<P>>(actor: string): Ref<P> | undefined;
  /** For what must outlive an incarnation (listener, store lock): closed when the cell ends. */
  readonly scope: Scope;
}

/**
 * What `actors/<name>/actor.ts` exports as `actorModule`. The types inside are the actor's own business: a cell, which
 * hosts any actor, sees them erased.
 */
export interface ActorModule<
  P extends Protocol<P> = never,
  Events = never,
  Deps = never,
  State = never,
  Config = never,
> {
  readonly behavior: Behavior<P, Events, Deps, State>;
  readonly configSchema: ConfigSchema<Config>;
  /** What it stores is in the data directory: while that is away it is not wired, and no life of it begins. */
  readonly storesData?: boolean;
  /** Relations between settings, and to the mode of the node; answers with a sentence about the one that does not hold. */
  checkConfig?(config: Config, node: Pick<NodeFacts, "amnesia">): string | undefined;
  /**
   * What is wrong with what the actor needs of this machine, its places and its environment, and what to do about it;
   * undefined if nothing is.
   * A node that never was ready ends with it, because only a person can mend it.
   */
  checkPlace?(env: CellEnv, config: Config): Promise<string | undefined>;
  wire(wiring: Wiring<Config>): Deps | Promise<Deps>;
}
