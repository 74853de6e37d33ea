/** All that is checked of `specs/models`. */
import type { ModelPlan } from "#chaos/models/plan.ts";
import { bus } from "#chaos/models/plans/bus.ts";
import { transactionCommit, twoPhaseCommit } from "#chaos/models/plans/calibration.ts";
import { capability } from "#chaos/models/plans/capability.ts";
import { configWatcher } from "#chaos/models/plans/config-watcher.ts";
import { dhtLookup } from "#chaos/models/plans/dht-lookup.ts";
import { ingest } from "#chaos/models/plans/ingest.ts";
import { quorum } from "#chaos/models/plans/quorum.ts";
import { supervisor } from "#chaos/models/plans/supervisor.ts";

/** The first two calibrate the checker: where their counts are not as known, the others say nothing. */
export const modelPlans: readonly ModelPlan[] = [
  transactionCommit,
  twoPhaseCommit,
  supervisor,
  bus,
  configWatcher,
  quorum,
  dhtLookup,
  ingest,
  capability,
];
