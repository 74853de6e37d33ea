/**
 * Which actors share a cell, and which cells share a process, by profile. Pure.
 *
 * `single` keeps the placement of `tree`: its cells are fault domains all the same, and messages between them cross a
 * link; only the processes are gone.
 */
import { assert, unreachable } from "#runtime/errors.ts";
import { type CellSpec, cell, type NodeSpec } from "#supervisor/child-spec.ts";

export const PROFILES = ["tree", "single", "edge"] as const;
export type Profile = (typeof PROFILES)[number];

export interface Placement {
  readonly profile: Profile;
  /** Cells that start, and stop, at the same time; later rungs depend on earlier ones. */
  readonly rungs: readonly (readonly CellSpec[])[];
  /** Whether every cell is a process of its own, or all live in the root's. */
  readonly hosting: "processes" | "root";
  /** Actor → cell. */
  readonly cellOf: Readonly<Record<string, string>>;
}

/** The actor that the profile `edge` moves into a cell of its own, and that cell's name. */
const EDGE_ACTOR = "gateway";
const EDGE_CELL = "edge";

export function place(node: NodeSpec, profile: Profile): Placement {
  const rungs = rungsOf(node, profile);
  const placed = rungs.flat().flatMap((spec) => spec.workers.map((worker) => [worker.name, spec.name] as const));
  const cellOf = Object.fromEntries(placed);
  assert(Object.keys(cellOf).length === placed.length, "an actor has one place in the tree");
  return { profile, rungs, hosting: profile === "single" ? "root" : "processes", cellOf };
}

function rungsOf(node: NodeSpec, profile: Profile): readonly (readonly CellSpec[])[] {
  const [base, optional] = [node.cells.filter(isBase), node.cells.filter((spec) => !isBase(spec))];
  switch (profile) {
    case "tree":
    case "single":
      return [base, optional].filter((rung) => rung.length > 0);
    case "edge": {
      const [rest, edge] = edged(base);
      return [rest, [edge, ...optional]];
    }
    default:
      return unreachable(profile);
  }
}

function isBase({ enabledBy }: CellSpec): boolean {
  return enabledBy === undefined;
}

/** The others, and the cell that the edge has to itself. */
function edged(cells: readonly CellSpec[]): readonly [readonly CellSpec[], CellSpec] {
  const home = cells.find((spec) => spec.workers.some((worker) => worker.name === EDGE_ACTOR));
  const moved = home?.workers.filter((worker) => worker.name === EDGE_ACTOR) ?? [];
  assert(home !== undefined, "the tree has the actor that the edge is for");
  const rest = cells.map((spec) => ({ ...spec, workers: spec.workers.filter((worker) => worker.name !== EDGE_ACTOR) }));
  const { strategy, intensity, budget, required } = home;
  return [rest, cell(EDGE_CELL, { strategy, intensity, budget, required }, moved)];
}
