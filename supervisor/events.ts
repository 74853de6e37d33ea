/**
 * What supervisors announce. `ServiceCrashed` is the kernel's event and reaches every cell; the others are the
 * supervisors' own. All travel on the same bus.
 */
import type { KernelEvent } from "#runtime/kernel-event.ts";
import type { CrashReason } from "#supervisor/crash-reason.ts";

/** The kernel's event, with its reason from the closed set; `rejected_total` counts the same word. */
export type ServiceCrashed = Extract<KernelEvent, { readonly type: "ServiceCrashed" }> & {
  readonly reason: CrashReason;
};

/** A life was begun because an earlier one ended. */
export interface ChildRestarted {
  readonly type: "childRestarted";
  readonly supervisor: string;
  readonly child: string;
  /** Number of the new life; 1 was the first. */
  readonly life: number;
  readonly restarts: number;
  readonly reason: CrashReason;
}

/** The child exceeded its budget, or failed on probation, and stays down until it is resumed or a probe succeeds. */
export interface ChildQuarantined {
  readonly type: "childQuarantined";
  readonly supervisor: string;
  readonly child: string;
  readonly reason: CrashReason;
}

/** What a supervisor announces of its children. */
export type SupervisorEvent = ServiceCrashed | ChildRestarted | ChildQuarantined;

/** What a cell tells the root. */
export type CellEvent = SupervisorEvent | Extract<KernelEvent, { readonly type: "Health" }>;
