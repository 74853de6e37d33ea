/**
 * The kernel API, frozen: seed 003 §2.1. Any change of meaning here is a new major version.
 *
 * `KernelEvent` is what the root tells everyone and everyone may hear; actors' own facts travel as other types.
 */
export { Bus } from "#runtime/bus.ts";
export type { ConfigSnapshot as Config } from "#runtime/config/snapshot.ts";
export { HealthState } from "#runtime/health.ts";
export type { KernelEvent } from "#runtime/kernel-event.ts";
export { waitForCtrlC } from "#runtime/shutdown-signal.ts";
export { Metrics } from "#runtime/telemetry/metrics.ts";
