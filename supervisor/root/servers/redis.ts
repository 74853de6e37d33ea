/** The section `[redis]` of the configuration. It counts when a node starts. */
import { type ConfigSchema, count, sizeBytes, text } from "#runtime/config/schema.ts";
import { GiB, MiB } from "#runtime/units.ts";

export interface RedisConfig {
  /** Whose server the node works with; empty: one of its own. */
  readonly url: string;
  /** Port of the loopback interface where producers reach the node's own; 0 picks a free one. */
  readonly port: number;
  /** What the node's own may hold in memory, bytes; past it producers are refused. */
  readonly memoryBytesMax: number;
}

export const redisSchema: ConfigSchema<RedisConfig> = {
  url: text({ default: "", isSecret: true, pattern: /((rediss?|redis\+unix):\/\/\S+)?/ }),
  port: count({ default: 7701, min: 0, max: 65_535 }),
  memoryBytesMax: sizeBytes({ default: 2 * GiB, min: 16 * MiB, max: 1024 * GiB }),
};
