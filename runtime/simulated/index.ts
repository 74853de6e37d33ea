/**
 * `cepa/testing`: time, chance and order in the hands of a test.
 *
 * Given as the `seams` and the `log` of `startSystem`, they make a run a function of its seed.
 */
export { ManualClock } from "#runtime/simulated/clock.ts";
export { type LogEntry, type MemoryLog, memoryLog } from "#runtime/simulated/log.ts";
export { seededRandom } from "#runtime/simulated/random.ts";
export { seededScheduler } from "#runtime/simulated/scheduler.ts";
