/** What a cell is given to run on: the seams, and how to make what only a cell has. */
import type { Actor } from "#runtime/actor.ts";
import type { CellEnv } from "#runtime/actor-module.ts";
import type { Edges } from "#runtime/edge/edge.ts";
import type { BaseEnv } from "#runtime/env.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Sql, SqlPlace } from "#runtime/sql/sql.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import type { LineSink } from "#supervisor/line-sink.ts";

export interface LinksOptions {
  readonly cell: string;
  /** Where the sockets of the cells are. */
  readonly runDirectory: string;
  /** Cells of other builds are not spoken to. */
  readonly buildId: string;
  readonly metrics: Metrics;
  readonly log: Log;
  /** What other cells may speak to; filled while the cell begins. */
  readonly actors: ReadonlyMap<string, Actor>;
}

/** Where a Redis is, and how long it may say nothing: see `RedisPlace`. */
export interface RedisUrlPlace {
  readonly url: string;
  readonly silenceMs: number;
}

/** The links of one cell. */
export interface Links {
  /** A stable ref to an actor of another cell; it connects when it is used. */
  ref<P extends Protocol<P>>(actor: string, cell: string): Ref<P>;
  /** Whether there is a link to `cell` now; undefined where no ref wants one. */
  isConnected(cell: string): boolean | undefined;
  /** From here on other cells reach the actors of this one. Again: when its socket was removed; links that came in by it
   * end, and are made anew. */
  listen(): Promise<Result<void, Failure>>;
  close(): Promise<void>;
}

export interface CellSeams {
  readonly base: BaseEnv;
  readonly kv: KvStores;
  readonly edges: Edges;
  readonly exchanges: CellEnv["exchanges"];
  sql(place: SqlPlace): Promise<Sql>;
  redis(place: RedisUrlPlace): Promise<Redis>;
  /** Threads start on first use; 0 is a cell without a pool. */
  cpu(threads: number): Promise<Cpu>;
  /** `to`: a directory for files, or who takes the lines. `close` writes what waits, at once: for the end of the cell. */
  log(cell: string, to: string | LineSink): { readonly log: Log; readonly close: () => void };
  links(options: LinksOptions): Links;
}
