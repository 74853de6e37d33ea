/** The configuration as a node finds it before it starts: the file, if there is one, and what is wrong with it. */
import { join } from "node:path";
import type { ConfigTable } from "#runtime/config/toml.ts";
import { readConfigFile } from "#runtime/config/watcher.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { type CannotRun, cannotRun, reasonOf } from "#supervisor/root/cannot-run.ts";
import { refusedByRoot } from "#supervisor/root/config-rollout.ts";
import type { RootOptions } from "#supervisor/root/options.ts";

/** `bytes` undefined when there is no file. */
export interface FoundConfig {
  readonly raw: ConfigTable;
  readonly bytes: Uint8Array | undefined;
}

type Choice = Pick<RootOptions, "configFile" | "namedDirectory">;

/** Path of the configuration file, whether it exists or not. */
export function configPathOf({ configFile, namedDirectory }: Choice): string {
  return configFile ?? join(namedDirectory, "cepa.toml");
}

/** `sections`: those that the actors of the node have. */
export async function readConfig(
  disk: Disk,
  choice: Choice,
  sections: readonly string[],
): Promise<Result<FoundConfig, CannotRun>> {
  const path = configPathOf(choice);
  const file = await readConfigFile(disk, path);
  if (!file.ok) {
    const { problem, line, column } = file.failure;
    // Below a file there is none: whoever makes the data directory says that it is one.
    const isMissing = problem === "disk.not-found" || problem === "ENOTDIR";
    if (isMissing && choice.configFile === undefined) return ok({ raw: {}, bytes: undefined });
    const where = line > 0 ? `${path}:${line}:${column}` : path;
    const why = line > 0 ? problem : reasonOf({ code: problem });
    const what = isMissing ? "there is no such file; give --config another" : `${why}; mend the file`;
    return cannotRun(file.failure.code, `configuration ${where}: ${what}`);
  }
  const refused = refusedByRoot(file.value.raw, sections);
  return refused === undefined ? ok(file.value) : fail(refusedConfig(path, refused));
}

/** `problem` names the settings of the file at `path` that the root or a cell cannot begin with. */
export function refusedConfig(path: string, problem: string): CannotRun {
  return { code: "config.invalid", message: `configuration ${path}: ${problem}; mend what it names, then start again` };
}
