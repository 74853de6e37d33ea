/** What is told of volumes and of their repair. */
import { type ErasureProfile, NO_REDUNDANCY } from "#actors/domain/erasure-profile.ts";
import type { RepairFacts, VolumesFacts } from "#actors/domain/volumes-facts.ts";
import type { Catalog } from "#actors/storage/catalog.ts";
import type { SpreadWriters } from "#actors/storage/spread/make-spread.ts";
import type { VolumeSet } from "#actors/storage/spread/volume-set.ts";

export function volumesFacts(
  volumes: VolumeSet | undefined,
  writers: SpreadWriters | undefined,
  catalog: Catalog,
): VolumesFacts {
  if (volumes === undefined || writers === undefined) {
    return { volumes: [], profile: named(NO_REDUNDANCY), repair: NO_REPAIR };
  }
  const { repairer, spread } = writers;
  return { volumes: volumes.facts(catalog), profile: named(spread.profile), repair: repairer.facts };
}

const NO_REPAIR: RepairFacts = {
  state: "idle",
  delayedUntilMs: undefined,
  backlogCount: 0,
  backlogBytes: 0,
  atRiskBytes: 0,
  lostCount: 0,
  repairedCount: 0,
  repairedBytes: 0,
  failedCount: 0,
  bytesPerSecond: 0,
  etaMs: 0,
};

function named({ dataShards, parityShards }: ErasureProfile): string {
  return `${dataShards}+${parityShards}`;
}
