/**
 * What the root itself reads of the configuration: the mode of the node, the servers that it runs, and which parts of the tree
 * it has. All of it counts when a node starts.
 */
import { isDeepStrictEqual } from "node:util";
import { type ConfigSchema, flag, text } from "#runtime/config/schema.ts";
import {
  type ConfigInvalid,
  checkSections,
  type Environment,
  environmentName,
  readSection,
} from "#runtime/config/section.ts";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { NodeSpec, ProducerRights, ProducerSpec } from "#supervisor/child-spec.ts";
import { NODE_SECTION, type NodeConfig, readNodeSection } from "#supervisor/root/node.ts";
import { type PostgresConfig, postgresSchema } from "#supervisor/root/servers/postgres.ts";
import { type RedisConfig, redisSchema } from "#supervisor/root/servers/redis.ts";

export interface RootConfig {
  readonly node: NodeConfig;
  readonly postgres: PostgresConfig;
  readonly redis: RedisConfig;
  /** Sections that say that their cell is wanted. */
  readonly enabled: readonly string[];
  /** What producers may do in the Redis that the node runs. */
  readonly producers: ProducerRights;
}

interface Switch {
  readonly enabled: boolean;
}

/** Of a stream that producers get rights to: nothing in it means something to Redis. */
const NAME = /[\w:.-]{0,256}/;

const switchSchema: ConfigSchema<Switch> = { enabled: flag(false) };

/** `raw` is the whole file. Sections are those of the actors of `tree`, and the root's own; no others may be there. */
export function readRootConfig(
  tree: NodeSpec,
  raw: ConfigTable,
  environment: Environment,
): Result<RootConfig, ConfigInvalid> {
  const actors = tree.cells.flatMap(({ workers }) => workers.map(({ name }) => name));
  const checked = checkSections(raw, [...actors, NODE_SECTION, "postgres", "redis"]);
  if (!checked.ok) return checked;
  const node = readNodeSection(raw, environment);
  if (!node.ok) return node;
  const postgres = readSection(postgresSchema, "postgres", raw["postgres"], environment);
  if (!postgres.ok) return postgres;
  const redis = readSection(redisSchema, "redis", raw["redis"], environment);
  if (!redis.ok) return redis;
  const enabled: string[] = [];
  for (const { enabledBy } of tree.cells) {
    const read = enabledBy === undefined ? ok(false) : readSwitch(enabledBy, raw[enabledBy], environment);
    if (!read.ok) return read;
    if (enabledBy !== undefined && read.value) enabled.push(enabledBy);
  }
  const producers = readProducers(tree.producers, raw, environment);
  return ok({ node: node.value, postgres: postgres.value, redis: redis.value, enabled, producers });
}

/** What is wrong with a setting says the actor that it is of. */
function readProducers(spec: ProducerSpec | undefined, raw: ConfigTable, environment: Environment): ProducerRights {
  if (spec === undefined) return { writes: [], reads: [] };
  const named = (settings: readonly string[]): readonly string[] =>
    settings.map((setting) => readName(setting, raw, environment)).filter((name) => name !== "");
  return {
    writes: [...spec.writes, ...named(spec.named.writes)],
    reads: [...spec.reads, ...named(spec.named.reads)],
  };
}

function readName(path: string, raw: ConfigTable, environment: Environment): string {
  const [section = "", setting = ""] = path.split(".");
  const schema: ConfigSchema<Readonly<Record<string, string>>> = { [setting]: text({ default: "", pattern: NAME }) };
  const read = readOne(schema, section, setting, raw[section], environment);
  return read.ok ? (read.value[setting] ?? "") : "";
}

/** One setting of a section that an actor reads whole. */
function readOne<Config>(
  schema: ConfigSchema<Config>,
  section: string,
  setting: string,
  raw: unknown,
  environment: Environment,
): Result<Config, ConfigInvalid> {
  const variable = environmentName(section, setting);
  const isGiven = typeof raw === "object" && raw !== null && setting in raw;
  const given = isGiven ? { [setting]: Reflect.get(raw, setting) } : {};
  return readSection(schema, section, given, { [variable]: environment[variable] });
}

/** What differs, by the name that it has in the file: the first section, or switch. */
export function changedSettings(current: RootConfig, wanted: RootConfig): string | undefined {
  const sections = [NODE_SECTION, "postgres", "redis"] as const;
  const section = sections.find((name) => !isDeepStrictEqual(current[name], wanted[name]));
  if (section !== undefined) return `[${section}]`;
  const isIn = (config: RootConfig, name: string): boolean => config.enabled.includes(name);
  const switched = [...current.enabled, ...wanted.enabled].find((name) => isIn(current, name) !== isIn(wanted, name));
  return switched === undefined ? undefined : `${switched}.enabled`;
}

function readSwitch(section: string, raw: unknown, environment: Environment): Result<boolean, ConfigInvalid> {
  const read = readOne(switchSchema, section, "enabled", raw, environment);
  return read.ok ? ok(read.value.enabled) : read;
}
