/**
 * The grid of bad networks: each loss with each jitter in each topology, one run each, and how long it takes after healing until
 * everybody is served again.
 *
 * A cell holds when nothing unsafe was seen in it, and the recovery took no longer than `RECOVERY_MS_MAX`.
 */
import type { CheckName } from "#chaos/checks.ts";
import type { Fault } from "#chaos/fault.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import type { Outcome, Verdict } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { NEVER } from "#chaos/ratio.ts";
import { RECOVERY_MS_MAX } from "#chaos/recovery.ts";
import { SMALL_CONFIG } from "#chaos/scenario.ts";
import { second } from "#runtime/units.ts";

export type Topology = "none" | "A|B" | "A|B|C";

export interface GridCell {
  readonly lossPercent: number;
  readonly jitterMs: number;
  readonly topology: Topology;
}

const LOSSES_PERCENT = [0, 10, 30];
const JITTERS_MS = [0, 1000];
/** Groups that are cut off from the node. */
const CUT_OFF: Readonly<Record<Topology, readonly ClientGroup[]>> = { none: [], "A|B": ["b"], "A|B|C": ["b", "c"] };

export const GRID: readonly GridCell[] = LOSSES_PERCENT.flatMap((lossPercent) =>
  JITTERS_MS.flatMap((jitterMs) =>
    (Object.keys(CUT_OFF) as Topology[]).map((topology) => ({ lossPercent, jitterMs, topology })),
  ),
);

/** The network is bad from the first of these on, cut from the second on, and healed at the third. */
const BAD_AT_MS: number = 1 * second;
const CUT_AT_MS: number = 3 * second;
const HEALED_AT_MS: number = 8 * second;
/** Clients work on for a while when all has healed. */
const DURATION_MS: number = 10 * second;

/** What says how long it took, and not whether it was safe. */
const OF_RECOVERY: ReadonlySet<string> = new Set(["ready-again", "clients-are-served-again"] satisfies CheckName[]);

export function gridPlan({ lossPercent, jitterMs, topology }: GridCell, seed: number): Plan {
  const isBad = lossPercent > 0 || jitterMs > 0;
  const bad: Fault = {
    kind: "bad-network",
    atMs: BAD_AT_MS,
    forMs: HEALED_AT_MS - BAD_AT_MS,
    loss: [lossPercent, 100],
    duplicate: NEVER,
    delayMs: 0,
    jitterMs,
  };
  const groups = CUT_OFF[topology];
  const cut: Fault = { kind: "partition", atMs: CUT_AT_MS, forMs: HEALED_AT_MS - CUT_AT_MS, groups };
  return {
    scenario: `grid-loss-${lossPercent}-jitter-${jitterMs}-${topology.replaceAll("|", "-").toLowerCase()}`,
    seed,
    durationMs: DURATION_MS,
    settlesWithinMs: RECOVERY_MS_MAX,
    clients: 6,
    pauseMs: 400,
    config: SMALL_CONFIG,
    faults: [...(isBad ? [bad] : []), ...(groups.length > 0 ? [cut] : [])],
  };
}

/** What a cell came to. */
export interface GridRow extends GridCell {
  readonly seed: number;
  readonly verdict: Verdict;
  readonly reason?: string | undefined;
  /** Whether everything but the time was as it has to be. */
  readonly isSafe: boolean;
  /** Until the node was ready and a client of each group served. Undefined where that took too long, or was never looked at. */
  readonly recoveryMs: number | undefined;
  readonly readyMs: number | undefined;
  readonly servedMs: Readonly<Partial<Record<ClientGroup, number | undefined>>>;
  /** What did not hold. */
  readonly broken: Readonly<Record<string, string | undefined>>;
}

const NOBODY: GridRow["servedMs"] = {};

export function gridRow(cell: GridCell, { seed, verdict, reason, checks, recovery }: Outcome): GridRow {
  const broken = Object.fromEntries(Object.entries(checks).filter(([, said]) => said !== "pass"));
  const isSafe = verdict !== "not-run" && Object.keys(broken).every((name) => OF_RECOVERY.has(name));
  const { readyMs, servedMs = NOBODY } = recovery ?? {};
  const all: readonly (number | undefined)[] = [readyMs, servedMs.a, servedMs.b, servedMs.c];
  const isWhole = recovery !== undefined && all.every((ms) => (ms ?? Number.POSITIVE_INFINITY) <= RECOVERY_MS_MAX);
  const recoveryMs = isWhole ? Math.max(...all.map(Number)) : undefined;
  const held = verdict === "pass" && recoveryMs === undefined ? "fail" : verdict;
  return { ...cell, seed, verdict: held, reason, isSafe, recoveryMs, readyMs, servedMs, broken };
}

/** One that was not run leaves the grid not run, unless another one failed. */
export function gridVerdict(rows: readonly GridRow[]): Verdict {
  if (rows.some(({ verdict }) => verdict === "fail")) return "fail";
  return rows.length > 0 && rows.every(({ verdict }) => verdict === "pass") ? "pass" : "not-run";
}

const COLUMNS = ["loss", "jitter", "topology", "verdict", "safe", "ready", "a", "b", "c", "recovered"];

/** For people, a line each. */
export function gridTable(rows: readonly GridRow[]): readonly string[] {
  const ms = (value: number | undefined): string => (value === undefined ? "-" : `${value} ms`);
  const lines = rows.map(({ lossPercent, jitterMs, topology, verdict, isSafe, readyMs, servedMs, recoveryMs }) => [
    `${lossPercent} %`,
    `${jitterMs} ms`,
    topology,
    verdict,
    isSafe ? "yes" : "NO",
    ...[readyMs, servedMs.a, servedMs.b, servedMs.c, recoveryMs].map(ms),
  ]);
  const table = [COLUMNS, ...lines];
  const widths = COLUMNS.map((_, column) => Math.max(...table.map((line) => (line[column] ?? "").length)));
  return table.map((line) =>
    line
      .map((word, column) => word.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
