/** Which parts of the tree a node has, by its configuration. Pure. */
import type { NodeSpec, ServerName, ServerSpec } from "#supervisor/child-spec.ts";
import type { RootConfig } from "#supervisor/root/root-config.ts";

export interface Parts {
  /** Without the cells that are not wanted. */
  readonly tree: NodeSpec;
  /** Servers that the node runs itself. */
  readonly own: readonly ServerSpec[];
  /** URLs of those that somebody else runs for it. */
  readonly others: Readonly<Partial<Record<ServerName, string>>>;
}

export function partsOf(tree: NodeSpec, config: Pick<RootConfig, "enabled" | "postgres" | "redis">): Parts {
  const cells = tree.cells.filter(({ enabledBy }) => enabledBy === undefined || config.enabled.includes(enabledBy));
  const needed = new Set(cells.flatMap(({ servers = [] }) => servers));
  const servers = (tree.servers ?? []).filter(({ name }) => needed.has(name));
  const others = servers.filter(({ name }) => config[name].url !== "").map(({ name }) => [name, config[name].url]);
  return {
    tree: { ...tree, cells },
    own: servers.filter(({ name }) => config[name].url === ""),
    others: Object.fromEntries(others),
  };
}
