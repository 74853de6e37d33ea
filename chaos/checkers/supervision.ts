/**
 * What the states of a node's parts may be, one look after the other, where every child is kept one for one (SUP-3, SUP-5, SUP-6): a
 * second reading of the rules of supervision, from what the root tells, that knows nothing of how a supervisor decides.
 */
import type { NodeStatus } from "#runtime/actor-module.ts";
import { doubled } from "#runtime/doubled.ts";
import { second } from "#runtime/units.ts";
import { PROBE_MS_MIN, RESTART_BACKOFF_MS_MAX, RESTART_BACKOFF_MS_MIN } from "#supervisor/backoff.ts";
import type { Budget } from "#supervisor/child-spec.ts";
import { tree } from "#supervisor/tree.ts";

/** Of a part, as the root tells it. */
interface Part {
  readonly title: string;
  readonly name: string;
  /** Who keeps it, in which life: what another one knows of it begins anew. */
  readonly keeper: string;
  readonly state: string;
  readonly restarts: number;
  /** Numbers its lives; undefined where they have none. */
  readonly life: number | undefined;
  /** Of its process; 0 where it has none now, undefined where it never has one of its own. */
  readonly pid: number | undefined;
}

/** What was seen of one, by one keeper. */
interface Seen {
  readonly part: Part;
  readonly atMs: number;
  /** Its last process, and what was counted when it was seen last. */
  readonly process: { readonly pid: number; readonly restarts: number };
  /** The newest looks, as far back as restarts count. */
  readonly looks: readonly { readonly atMs: number; readonly restarts: number }[];
  /** It was not quarantined then, and has been at every look since. */
  readonly freeMs: number | undefined;
}

const QUARANTINED = "quarantined";

/** Crashes count for so long, and a life may begin some time after the crash of the one before it. */
const WINDOW_MS: number = 60 * second - doubled(RESTART_BACKOFF_MS_MIN, 6, RESTART_BACKOFF_MS_MAX);

const { cells, servers = [] } = tree;
const BUDGETS: ReadonlyMap<string, Budget> = new Map(
  [...cells, ...servers, ...cells.flatMap(({ workers }) => workers)].map(({ name, budget }) => [name, budget]),
);
const NO_BUDGET: Budget = { restartsMax: 0, periodMs: 0 };

export class SupervisionRules {
  readonly #seen = new Map<string, Seen>();

  /** Answers with what is wrong, a sentence each. In another `epoch` the node is another, or was told to begin anew. */
  look(atMs: number, epoch: number, status: Pick<NodeStatus, "cells" | "servers" | "actors">): readonly string[] {
    return partsOf(status, epoch).flatMap((part) => {
      const known = this.#seen.get(part.title);
      const before = known?.part.keeper === part.keeper ? known : undefined;
      const problems = before === undefined ? [] : problemsOf(part, before, atMs);
      this.#seen.set(part.title, seenOf(part, before, atMs));
      return problems;
    });
  }
}

function partsOf(
  { cells, servers, actors }: Pick<NodeStatus, "cells" | "servers" | "actors">,
  epoch: number,
): readonly Part[] {
  const node = `node ${epoch}`;
  // Processes are numbered, and numbers come again; in a simulation there is but one.
  const lives = new Map(cells.map(({ name, pid, restarts }) => [name, `${pid} ${restarts}`]));
  const withProcess = (kind: string, parts: NodeStatus["cells"] | NodeStatus["servers"]): readonly Part[] =>
    parts.map(({ name, state, restarts, pid }) => {
      return { title: `${kind} ${name}`, name, keeper: node, state, restarts, pid, life: undefined };
    });
  return [
    ...withProcess("cell", cells),
    ...withProcess("server", servers),
    ...actors
      // Of those that had no life yet their cell has said nothing.
      .filter(({ incarnation }) => incarnation > 0)
      .map(({ name, cell, state, restarts, incarnation }) => {
        const keeper = `${node}, ${cell} ${lives.get(cell)}`;
        return { title: `actor ${name}`, name, keeper, state, restarts, pid: undefined, life: incarnation };
      }),
  ];
}

function seenOf(part: Part, before: Seen | undefined, atMs: number): Seen {
  const { restarts, state, pid } = part;
  const looks = before?.looks.filter((look) => atMs - look.atMs <= WINDOW_MS) ?? [];
  const wasQuarantined = before?.part.state === QUARANTINED;
  const freeMs = wasQuarantined ? before.freeMs : before?.atMs;
  return {
    part,
    atMs,
    process: pid === 0 && before !== undefined ? before.process : { pid: pid ?? 0, restarts },
    looks: [...looks, { atMs, restarts }],
    freeMs: state === QUARANTINED ? freeMs : undefined,
  };
}

function problemsOf(part: Part, before: Seen, atMs: number): readonly string[] {
  const { title, restarts, state, life, pid } = part;
  const { part: old, freeMs, looks } = before;
  const begun = (life ?? 0) - (old.life ?? 0);
  const more = restarts - old.restarts;
  const first = looks.find((look) => atMs - look.atMs <= WINDOW_MS);
  const { restartsMax } = BUDGETS.get(part.name) ?? NO_BUDGET;
  const problems: string[] = [];
  if (more < 0) problems.push(`its restarts fell from ${old.restarts} to ${restarts}`);
  if (life !== undefined && begun !== more) problems.push(`it has begun ${begun} lives in ${more} restarts`);
  const last = before.process;
  const isOther = pid !== undefined && pid > 0 && last.pid > 0 && pid !== last.pid;
  if (isOther && restarts <= last.restarts) problems.push(`it has another process, and was not restarted`);
  if (pid === 0 && state === "running") problems.push("it runs without a process");
  if (first !== undefined && restarts - first.restarts > restartsMax) {
    problems.push(`it was restarted ${restarts - first.restarts} times within ${(atMs - first.atMs) / second} s`);
  }
  const isFree = old.state === QUARANTINED && state !== QUARANTINED;
  if (isFree && freeMs !== undefined && atMs - freeMs < PROBE_MS_MIN) {
    problems.push(`its quarantine was over within ${(atMs - freeMs) / second} s`);
  }
  return problems.map((problem) => `${title}: ${problem}`);
}
