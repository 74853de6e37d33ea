/** The section `[node]` of the configuration: what the root itself is told. It counts when a node starts. */
import { type ConfigSchema, flag } from "#runtime/config/schema.ts";
import { type ConfigInvalid, describeProblem, type Environment, readSection } from "#runtime/config/section.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import type { Result } from "#runtime/errors.ts";

export const NODE_SECTION = "node";

export interface NodeConfig {
  /** Everything in memory, and gone when the node ends. */
  readonly amnesia: boolean;
  /** In amnesia mode: start although the machine may write memory to a swap device. */
  readonly allowSwap: boolean;
}

export const nodeConfigSchema: ConfigSchema<NodeConfig> = {
  amnesia: flag(false),
  allowSwap: flag(false),
};

/** `raw` is the whole file. */
export function readNodeSection(raw: ConfigTable, environment: Environment): Result<NodeConfig, ConfigInvalid> {
  return readSection(nodeConfigSchema, NODE_SECTION, raw[NODE_SECTION], environment);
}

/** All that is wrong, in one line. */
export function describeInvalid({ section, problems }: ConfigInvalid): string {
  return problems.map((problem) => describeProblem(section, problem)).join("; ");
}
