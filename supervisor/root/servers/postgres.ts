/** The section `[postgres]` of the configuration. It counts when a node starts. */
import { type ConfigSchema, text } from "#runtime/config/schema.ts";

export interface PostgresConfig {
  /** Whose server the node works with; empty: one of its own. */
  readonly url: string;
}

export const postgresSchema: ConfigSchema<PostgresConfig> = {
  url: text({ default: "", isSecret: true, pattern: /(postgres(ql)?:\/\/\S+)?/ }),
};
