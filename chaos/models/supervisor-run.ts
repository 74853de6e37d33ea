/**
 * A run of the real supervisor under one-for-one, to be held against `Supervisor.tla` with the numbers that the supervisor has.
 *
 * Who looks does so at every moment at which a timer runs, and when the log says something of a child. Times are in parts of a
 * millisecond, because simulated timers are late by such.
 */
import type { FollowedRun, RunModules } from "#chaos/models/run.ts";
import { assert } from "#runtime/errors.ts";
import {
  PROBE_MS_MAX,
  PROBE_MS_MIN,
  RESTART_BACKOFF_MS_MAX,
  RESTART_BACKOFF_MS_MIN,
  STABLE_MS,
} from "#supervisor/backoff.ts";
import type { ChildState } from "#supervisor/child-chart.ts";
import type { Budget } from "#supervisor/child-spec.ts";

/** A simulated timer is late by less than a millisecond, in so many steps. */
const TICKS_PER_MS = 1024;

/** What `status` says of a child, and what was heard of it since the beginning. */
export interface SeenChild {
  readonly name: string;
  readonly state: ChildState;
  /** Begun. */
  readonly lives: number;
  /** Lives that ended by themselves, or did not come up: as often as the log says so. */
  readonly exits: number;
  /** Of those that did not come up. */
  readonly failedStarts: number;
  /** How often `resume` was answered with ok. */
  readonly resumes: number;
}

export interface SupervisorLook {
  readonly atMs: number;
  /** The same ones in every look. */
  readonly children: readonly SeenChild[];
}

export interface SupervisorBounds {
  readonly budget: Budget;
  readonly intensity: Budget;
}

export function supervisorRun(
  modules: RunModules,
  { budget, intensity }: SupervisorBounds,
  looks: readonly SupervisorLook[],
): FollowedRun {
  assert(budget.periodMs === intensity.periodMs, "the model has one period for both budgets");
  const names = looks[0]?.children.map(({ name }) => `"${name}"`) ?? [];
  const constants = {
    Children: `{${names.join(", ")}}`,
    RestartsMax: budget.restartsMax,
    IntensityMax: intensity.restartsMax,
    Period: ticksOf(budget.periodMs),
    BackoffMin: ticksOf(RESTART_BACKOFF_MS_MIN),
    BackoffMax: ticksOf(RESTART_BACKOFF_MS_MAX),
    Stable: ticksOf(STABLE_MS),
    ProbeMin: ticksOf(PROBE_MS_MIN),
    ProbeMax: ticksOf(PROBE_MS_MAX),
    Late: TICKS_PER_MS - 1,
    Jumps: "{}",
  };
  return { ...modules, constants, looks: looks.map((look, at) => written(look, looks[at - 1])) };
}

function written({ atMs, children }: SupervisorLook, previous: SupervisorLook | undefined): string {
  const record = (of: (child: SeenChild) => string | number): string =>
    `[${children.map((child) => `${child.name} |-> ${of(child)}`).join(", ")}]`;
  const counts = [
    `lives |-> ${record(({ lives }) => lives)}`,
    `exits |-> ${record(({ exits }) => exits)}`,
    `fails |-> ${record(({ failedStarts }) => failedStarts)}`,
    `words |-> ${record(({ resumes }) => resumes)}`,
  ];
  const by = ticksOf(atMs) - ticksOf(previous?.atMs ?? atMs);
  const state = record((child) => `"${modelStateOf(child.state)}"`);
  return `[by |-> ${by}, state |-> ${state}, ${counts.join(", ")}]`;
}

/** The model knows no difference in how ready a child is. */
function modelStateOf(state: ChildState): string {
  return state === "degraded" ? "running" : state;
}

function ticksOf(ms: number): number {
  const ticks = ms * TICKS_PER_MS;
  assert(Number.isSafeInteger(ticks), "simulated time has no smaller parts");
  return ticks;
}
