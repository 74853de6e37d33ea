/**
 * A cell on a real machine.
 *
 * What only some cells use (the store's library, HTTP, the thread pool) is loaded with the first use: a cell without it
 * is tens of MiB smaller, and up sooner.
 */
import { join } from "node:path";
import type { BaseEnv } from "#runtime/env.ts";
import { Defect } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { fileLocks } from "#runtime/real/lock.ts";
import { createLog, type LogSink } from "#runtime/real/log.ts";
import { openLogFile } from "#runtime/real/log-file.ts";
import { realNetwork } from "#runtime/real/network.ts";
import { createRealProcesses } from "#runtime/real/processes.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { parseRedisUrl } from "#runtime/redis/address.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { switchboardLinks } from "#supervisor/cell/links.ts";
import { noCpu } from "#supervisor/cell/no-cpu.ts";
import type { CellSeams } from "#supervisor/cell/seams.ts";

export function realBase(): BaseEnv {
  return {
    clock: realClock,
    random: createRealRandom(),
    scheduler: realScheduler,
    disk: createRealDisk(),
    locks: fileLocks(realClock),
    network: realNetwork,
    processes: createRealProcesses(),
  };
}

export function realCellSeams(base: BaseEnv): CellSeams {
  let stores: Promise<KvStores> | undefined;
  const loadStores = (): Promise<KvStores> => {
    stores ??= import("#runtime/real/kv.ts").then(({ createLmdbStores }) => createLmdbStores(base.clock));
    return stores;
  };
  return {
    base,
    kv: { open: async (directory, options) => (await loadStores()).open(directory, options) },
    edges: { listen: async (options) => (await import("#runtime/real/edge.ts")).realEdges.listen(options) },
    exchanges: async (place) => (await import("#runtime/real/exchange.ts")).createExchange(place),
    sql: async (place) => (await import("#runtime/real/sql.ts")).openSql(place),
    redis: async ({ url, silenceMs }) => {
      const address = parseRedisUrl(url);
      if (typeof address === "string") throw new Defect(`a URL of Redis that was looked at is none: ${address}`);
      const { openRedis } = await import("#runtime/real/redis.ts");
      return openRedis({ address, silenceMs }, base.clock, base.random);
    },
    cpu: async (threads) => {
      if (threads === 0) return noCpu;
      const { createRealCpu } = await import("#runtime/real/cpu.ts");
      return createRealCpu({ clock: base.clock, threads });
    },
    log: (cell, to) => {
      const logTo = (sink: LogSink): Log => createLog({ sink, level: "info", clock: base.clock, fields: { cell } });
      if (typeof to !== "string") return { log: logTo(to), close: () => undefined };
      const file = openLogFile({ path: join(to, `${cell}.log`), clock: base.clock });
      return { log: logTo(file), close: () => file.closeSync() };
    },
    links: (options) => switchboardLinks(options, base),
  };
}
