/** Cells in the root's process, on the real machine. Loaded only in the profile `single`. */
import type { BaseEnv } from "#runtime/env.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { catalogue } from "#supervisor/catalogue.ts";
import { realCellSeams } from "#supervisor/cell/real-seams.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import type { CellHost } from "#supervisor/root/cell-life.ts";
import { localHost } from "#supervisor/root/local-host.ts";

export function realLocalHost(tree: NodeSpec, base: BaseEnv, buildId: string): CellHost {
  const { scheduler } = base;
  // Links between the cells stay in memory; their codec and their credit are those of any link.
  const seams = realCellSeams({ ...base, network: new SimulatedNetwork({ scheduler }) });
  // Their code is the root's own, loaded once, whatever became of the sources.
  return localHost({ tree, catalogue, seams, buildId: () => buildId, scheduler });
}
