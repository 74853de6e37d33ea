/**
 * `cepa/testing`: time, chance, disk and links in the hands of a test, so that a run is a function of its seed.
 *
 * `runSeeds` runs a scenario under many seeds; a scenario starts actors in a `SimulatedCell`, lets time pass, cuts links and
 * power, and says what must hold. `docs/testing.md` has a whole one. `explore` runs a small program in every order there is. Single seams (a clock that is moved by hand, a scheduler
 * whose order is a seed's) serve for tests without a simulation.
 */
export { guarded, TouchedReality } from "#runtime/real/guard.ts";
export { type SimulatedActor, type SimulatedActorOptions, SimulatedCell } from "#runtime/simulated/cell.ts";
export { ManualClock } from "#runtime/simulated/clock.ts";
export { MemoryDisk, type MemoryDiskOptions } from "#runtime/simulated/disk.ts";
export { EventDigest } from "#runtime/simulated/event-digest.ts";
export { type Explored, type ExploreOptions, explore } from "#runtime/simulated/explore.ts";
export { type ExploredActor, ExploredCell } from "#runtime/simulated/explored-cell.ts";
export { ExploredClock } from "#runtime/simulated/explored-clock.ts";
export { ExploredDisk } from "#runtime/simulated/explored-disk.ts";
export { Play, type Step } from "#runtime/simulated/explored-play.ts";
export { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
export { Life, type LifeEnv, type LifeOptions } from "#runtime/simulated/life.ts";
export { type LinkConditions, LinkMatrix } from "#runtime/simulated/link-matrix.ts";
export { type LogEntry, type MemoryLog, memoryLog } from "#runtime/simulated/log.ts";
export { type Heard, type Probe, type ProbeAnswers, probe } from "#runtime/simulated/probe.ts";
export { seededRandom } from "#runtime/simulated/random.ts";
export { seededScheduler } from "#runtime/simulated/scheduler.ts";
export {
  runSeed,
  runSeeds,
  type Scenario,
  ScenarioFailed,
  type SeedsOptions,
  type SeedsRun,
} from "#runtime/simulated/seeds.ts";
export { Simulation } from "#runtime/simulated/simulation.ts";
