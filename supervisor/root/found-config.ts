/** The configuration as a node finds it before it starts: the file, if there is one, and what is wrong with it. */
import { join } from "node:path";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { readConfigFile } from "#runtime/config/watcher.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { BaseEnv } from "#runtime/env.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { type CannotRun, cannotRun, reasonOf } from "#supervisor/root/cannot-run.ts";
import { describeInvalid } from "#supervisor/root/node.ts";
import type { RootOptions } from "#supervisor/root/options.ts";
import { type RootConfig, readRootConfig } from "#supervisor/root/root-config.ts";

/** `bytes` undefined when there is no file. */
export interface FoundConfig {
  readonly raw: ConfigTable;
  readonly bytes: Uint8Array | undefined;
  readonly root: RootConfig;
}

type Choice = Pick<RootOptions, "configFile" | "namedDirectory">;

/** Path of the configuration file, whether it exists or not. */
export function configPathOf({ configFile, namedDirectory }: Choice): string {
  return configFile ?? join(namedDirectory, "cepa.toml");
}

/** Its sections are those of `tree` and of the root. */
export async function readConfig(
  { disk, processes }: Pick<BaseEnv, "disk" | "processes">,
  choice: Choice,
  tree: NodeSpec,
): Promise<Result<FoundConfig, CannotRun>> {
  const path = configPathOf(choice);
  const file = await readFile(disk, choice, path);
  if (!file.ok) return file;
  const root = readRootConfig(tree, file.value.raw, processes.self.env);
  if (!root.ok) return fail(refusedConfig(path, describeInvalid(root.failure)));
  return ok({ ...file.value, root: root.value });
}

async function readFile(
  disk: Disk,
  choice: Choice,
  path: string,
): Promise<Result<Omit<FoundConfig, "root">, CannotRun>> {
  const file = await readConfigFile(disk, path);
  if (file.ok) return file;
  const { problem, line, column } = file.failure;
  // Below a file there is none: whoever makes the data directory says that it is one.
  const isMissing = problem === "disk.not-found" || problem === "ENOTDIR";
  if (isMissing && choice.configFile === undefined) return ok({ raw: {}, bytes: undefined });
  const where = line > 0 ? `${path}:${line}:${column}` : path;
  const why = line > 0 ? problem : reasonOf({ code: problem });
  const what = isMissing ? "there is no such file; give --config another" : `${why}; mend the file`;
  return cannotRun(file.failure.code, `configuration ${where}: ${what}`);
}

/** `problem` names the settings of the file at `path` that the root or a cell cannot begin with. */
export function refusedConfig(path: string, problem: string): CannotRun {
  return { code: "config.invalid", message: `configuration ${path}: ${problem}; mend what it names, then start again` };
}
