/**
 * Starts a supervised system of actors in this process: the machine, the bus and the supervisor they need, in one call.
 *
 * It is the library's face. A node has cells instead, which add links, configuration and a process of their own.
 */
import { standardError } from "#runtime/real/stderr.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { plainLog } from "#supervisor/root/plain-log.ts";
import { defaultIntensity, defaultStrategy } from "#supervisor/system/defaults.ts";
import { RunningSystem } from "#supervisor/system/running-system.ts";
import { realSeams } from "#supervisor/system/seams.ts";
import type { System, SystemOptions } from "#supervisor/system/system.ts";

/**
 * Starts the children in order. Settles when each has come up or has failed once; one that failed is restarted like one
 * that crashed, and `status` says so. A mistake in the options (two workers of one name, a ref to a later child) is a
 * defect and rejects; nothing runs then.
 *
 * The system keeps the process alive until it has ended.
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const seams = options.seams ?? realSeams();
  const { name } = options;
  const system = new RunningSystem({
    name,
    strategy: options.strategy ?? defaultStrategy,
    intensity: options.intensity ?? defaultIntensity,
    children: options.children,
    log: options.log ?? plainLog(standardError, seams.clock, { system: name }),
    metrics: options.metrics ?? new Metrics(),
    seams,
  });
  await system.start();
  return system;
}
