/** What a root and its cells are given to run on inside a simulation: those of one life of their process. */
import { createHash } from "node:crypto";
import { Defect, ok } from "#runtime/errors.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import type { Life } from "#runtime/simulated/life.ts";
import type { Sql } from "#runtime/sql/sql.ts";
import type { Catalogue } from "#supervisor/catalogue.ts";
import { switchboardLinks } from "#supervisor/cell/links.ts";
import type { CellSeams } from "#supervisor/cell/seams.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { localHost } from "#supervisor/root/local-host.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";
import type { SimulatedServers } from "#supervisor/simulated/servers.ts";

/** The port of a node that was told to choose one. */
const CHOSEN_PORT = 7700;
const BUILD = "simulated";

export interface SimulatedSeamsOptions {
  readonly life: Life;
  readonly tree: NodeSpec;
  readonly catalogue: Catalogue;
  /** Those that the node runs where its configuration wants them; without any it has none. */
  readonly servers?: SimulatedServers | undefined;
}

export function simulatedRootSeams({ life, tree, catalogue, servers }: SimulatedSeamsOptions): RootSeams {
  const { base } = life;
  const seams = simulatedCellSeams(life, servers);
  return {
    base,
    userId: 0,
    cores: 2,
    version: BUILD,
    buildId: BUILD,
    // The network of a simulation has no names on the disk, so there is no directory to protect.
    ensurePrivateDirectory: () => ok(),
    programs: servers?.installIn(life) ?? { postgres: () => undefined, redis: () => undefined },
    findPort: async (_host, port) => ok(port === 0 ? CHOSEN_PORT : port),
    openLog: (path) => ({ write: (line) => life.tell("file", path, line), closeSync: () => undefined }),
    digest: (text) => createHash("sha256").update(text).digest("hex"),
    host: async () => localHost({ tree, catalogue, seams, buildId: () => BUILD, scheduler: base.scheduler }),
  };
}

function simulatedCellSeams(life: Life, servers: SimulatedServers | undefined): CellSeams {
  const { base, kv, edges } = life;
  const { clock, disk } = base;
  return {
    base,
    kv,
    edges,
    exchanges: async ({ host }) => {
      throw new Defect(`a simulation has no servers of others: ${host}`);
    },
    sql: async () => noSql,
    redis: async ({ silenceMs }) => {
      if (servers === undefined) throw new Defect("this simulated node has no Redis");
      return servers.redis.connect({ clock, silenceMs, ended: life.ended });
    },
    cpu: async () => inlineCpu({ clock, disk }),
    log: (cell) => ({ log: life.log({ cell }), close: () => undefined }),
    links: (options) => switchboardLinks(options, base),
  };
}

/** A simulation speaks no SQL: whoever keeps something in a Postgres is wired with tables in memory. */
const noSql: Sql = {
  query: async () => {
    throw new Defect("a simulation speaks no SQL");
  },
  transaction: async () => {
    throw new Defect("a simulation speaks no SQL");
  },
  close: async () => undefined,
};
