/**
 * Everything impure that the runtime and the actors may use, handed in. One value per process, or per simulated node.
 */
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { Locks } from "#runtime/lock/lock.ts";
import type { Network } from "#runtime/network/network.ts";
import type { Processes } from "#runtime/processes.ts";
import type { Random } from "#runtime/random.ts";
import type { Scheduler } from "#runtime/scheduler.ts";

/** What the root needs, and every cell. */
export interface BaseEnv {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly disk: Disk;
  readonly locks: Locks;
  readonly network: Network;
  readonly processes: Processes;
}
