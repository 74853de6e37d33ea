/**
 * `cepa/supervisor`: keeps actors alive.
 *
 * `startSystem` starts workers under one supervisor and owns all that they need. What is not exported here is not for
 * use from outside.
 */

export type { ChildState } from "#supervisor/child-chart.ts";
export type { Budget, MailboxSpec, RestartType, WorkerSpec } from "#supervisor/child-spec.ts";
export type { CrashReason } from "#supervisor/crash-reason.ts";
export type { ChildError, ChildStatus } from "#supervisor/entry.ts";
export type { ChildQuarantined, ChildRestarted, ServiceCrashed, SupervisorEvent } from "#supervisor/events.ts";
export type {
  AddRefusal,
  ChildExists,
  ChildrenFull,
  NoSuchChild,
  NotRemovable,
  NotResumable,
  NotRunning,
  RemoveRefusal,
  SupervisorClosing,
} from "#supervisor/refusals.ts";
export type { Strategy } from "#supervisor/strategy.ts";
export type { SystemSeams } from "#supervisor/system/seams.ts";
export { startSystem } from "#supervisor/system/start-system.ts";
export type { System, SystemEnd, SystemEvent, SystemOptions, WorkerStatus } from "#supervisor/system/system.ts";
export {
  type DepsOption,
  type ErasedBehavior,
  type FindRef,
  type Worker,
  type WorkerOptions,
  worker,
} from "#supervisor/system/worker.ts";
