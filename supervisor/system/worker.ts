/** An actor as a child of a system: what it does, what it needs, and how it is kept alive. Data only. */
import type { Behavior } from "#runtime/behavior.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Budget, MailboxSpec, RestartType, WorkerSpec } from "#supervisor/child-spec.ts";
import {
  defaultBudget,
  defaultMailbox,
  defaultRestart,
  LATER_TASKS_MAX,
  WORKER_SHUTDOWN_MS,
} from "#supervisor/system/defaults.ts";

/**
 * The ref of the worker that runs `behavior`, typed by its protocol. Where several workers run it, `name` says which.
 *
 * Asking for a worker that is not there, or that runs another behavior, is a defect: it is thrown.
 */
export type FindRef = <P extends Protocol<P>, Events, Deps, State>(
  behavior: Behavior<P, Events, Deps, State>,
  name?: string,
) => Ref<P>;

/** How a worker is kept alive. Every setting has a default; a number out of its bounds is a defect where the worker starts. */
export interface WorkerOptions<P extends Protocol<P>, Events, Deps, State> {
  /** What it does. The same behavior may serve in several workers. */
  readonly behavior: Behavior<P, Events, Deps, State>;
  /** Its name in `status`, events, log lines and metrics, unique in its system. Default: the behavior's name. */
  readonly name?: string;
  /** Default `permanent`: it is restarted after every exit. */
  readonly restart?: RestartType;
  /** Default 5 restarts in 60 s. One more, and the worker is quarantined. */
  readonly budget?: Budget;
  /** Default: 128 messages, and `reject` when it is full. */
  readonly mailbox?: Partial<MailboxSpec>;
  /** Tasks that `ctx.later` may have in flight, default 1024. At the limit the mailbox waits. */
  readonly laterMax?: number;
  /** Longest time for `terminate`, for tasks in flight and for closing the scope, ms, at most 2^31 - 1; default 5 s. */
  readonly shutdownMs?: number;
}

/**
 * What the behavior's `init` is given, made once before the first life. `ref` finds workers that stand earlier among the
 * children: calls point down, so no two workers can wait for each other. Left out where a behavior needs nothing.
 */
export type DepsOption<Deps> = undefined extends Deps
  ? { readonly deps?: (ref: FindRef) => Deps }
  : { readonly deps: (ref: FindRef) => Deps };

/** What `worker` makes, for the children of `startSystem`. Its types are forgotten: a system hosts any worker. */
export interface Worker {
  readonly spec: WorkerSpec;
  readonly behavior: ErasedBehavior;
  readonly deps: (ref: FindRef) => unknown;
}

/** A behavior whose types only its own code knows. */
export type ErasedBehavior = Behavior<never, never, never, never>;

/** Describes a worker; nothing runs before `startSystem`. */
export function worker<P extends Protocol<P>, Events, Deps, State>(
  options: WorkerOptions<P, Events, Deps, State> & DepsOption<Deps>,
): Worker {
  const { behavior, name, restart, budget, mailbox, laterMax, shutdownMs, deps } = options;
  const spec: WorkerSpec = {
    kind: "worker",
    name: name ?? behavior.name,
    restart: restart ?? defaultRestart,
    budget: budget ?? defaultBudget,
    mailbox: { ...defaultMailbox, ...mailbox },
    laterMax: laterMax ?? LATER_TASKS_MAX,
    shutdownMs: shutdownMs ?? WORKER_SHUTDOWN_MS,
  };
  return { spec, behavior: behavior as unknown as ErasedBehavior, deps: deps ?? (() => undefined) };
}
