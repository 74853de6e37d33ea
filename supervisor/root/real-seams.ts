/**
 * The root on a real machine. Static imports are small on purpose; what `single` needs beyond them, it loads.
 */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { BaseEnv } from "#runtime/env.ts";
import type { Build } from "#runtime/real/build-id.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { findPort } from "#runtime/real/free-port.ts";
import { fileLocks } from "#runtime/real/lock.ts";
import { openLogFile } from "#runtime/real/log-file.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { ensurePrivateDirectory, ownUserId } from "#runtime/real/private-directory.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { compileCacheFor } from "#supervisor/root/compile-cache.ts";
import { processHost } from "#supervisor/root/process-host.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

/** Variables of the root that cells may see, beside all that begin with `CEPA_`. */
const CREDENTIALS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
const PASSED = new Set(["PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", ...CREDENTIALS]);

export interface RootSeamsOptions {
  readonly tree: NodeSpec;
  readonly build: Build;
  /** Paths of this Node binary and of the cells' entry. */
  readonly node: string;
  readonly cellEntry: string;
}

export function realRootSeams({ tree, build, node, cellEntry }: RootSeamsOptions): RootSeams {
  const base: BaseEnv = {
    clock: realClock,
    random: createRealRandom(),
    scheduler: realScheduler,
    disk: createRealDisk(),
    network: realNetwork,
    processes: createRealProcesses(),
    locks: fileLocks(realClock),
  };
  const { env: own } = base.processes.self;
  return {
    base,
    userId: ownUserId(),
    cores: availableParallelism(),
    version: build.version,
    buildId: build.id,
    ensurePrivateDirectory,
    programs: realPrograms(own["PATH"] ?? "", own["CEPA_PROVISION"]),
    findPort,
    openLog: (path) => openLogFile({ path, clock: realClock }),
    digest: (text) => createHash("sha256").update(text).digest("hex"),
    host: async (hosting, data, output) => {
      if (hosting === "root") {
        const { realLocalHost } = await import("#supervisor/root/real-local-host.ts");
        return realLocalHost(tree, base, build.id);
      }
      const caches = join(data, "cache", "compile");
      // The launcher keeps one for all nodes of this checkout; without a launcher the node has its own.
      const compileCache = own["NODE_COMPILE_CACHE"] ?? (await compileCacheFor(base.disk, caches, build.id));
      const env = passedOn(own);
      if (typeof output !== "string") {
        env["TMPDIR"] = join(data, "tmp");
        await base.disk.makeDirectory(env["TMPDIR"]);
      }
      const { processes, disk } = base;
      return processHost({ processes, disk, node, entry: cellEntry, env, compileCache, output });
    },
  };
}

function passedOn(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && (PASSED.has(name) || name.startsWith("CEPA_")) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(passed);
}
