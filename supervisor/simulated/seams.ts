/** What a root and its cells are given to run on inside a simulation: those of one life of their process. */
import { createHash } from "node:crypto";
import { Defect, ok } from "#runtime/errors.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import type { Life } from "#runtime/simulated/life.ts";
import type { Catalogue } from "#supervisor/catalogue.ts";
import { switchboardLinks } from "#supervisor/cell/links.ts";
import type { CellSeams } from "#supervisor/cell/seams.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { localHost } from "#supervisor/root/local-host.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

/** The port of a node that was told to choose one. */
const CHOSEN_PORT = 7700;
const BUILD = "simulated";

export interface SimulatedSeamsOptions {
  readonly life: Life;
  readonly tree: NodeSpec;
  readonly catalogue: Catalogue;
}

export function simulatedRootSeams({ life, tree, catalogue }: SimulatedSeamsOptions): RootSeams {
  const { base } = life;
  const seams = simulatedCellSeams(life);
  return {
    base,
    userId: 0,
    cores: 2,
    version: BUILD,
    buildId: BUILD,
    // The network of a simulation has no names on the disk, so there is no directory to protect.
    ensurePrivateDirectory: () => ok(),
    programs: { postgres: () => undefined, redis: () => undefined },
    findPort: async (_host, port) => ok(port === 0 ? CHOSEN_PORT : port),
    openLog: (path) => ({ write: (line) => life.tell("file", path, line), closeSync: () => undefined }),
    digest: (text) => createHash("sha256").update(text).digest("hex"),
    host: async () => localHost({ tree, catalogue, seams, buildId: () => BUILD, scheduler: base.scheduler }),
  };
}

function simulatedCellSeams(life: Life): CellSeams {
  const { base, kv, edges } = life;
  const { clock, disk } = base;
  return {
    base,
    kv,
    edges,
    exchanges: async ({ host }) => {
      throw new Defect(`a simulation has no servers of others: ${host}`);
    },
    sql: async () => {
      throw new Defect("a simulation has no Postgres");
    },
    redis: async () => {
      throw new Defect("a simulated node has no Redis");
    },
    cpu: async () => inlineCpu({ clock, disk }),
    log: (cell) => ({ log: life.log({ cell }), close: () => undefined }),
    links: (options) => switchboardLinks(options, base),
  };
}
