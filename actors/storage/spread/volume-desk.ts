/** What is told of volumes and of their repair, and what is asked of them. */
import { type ErasureProfile, NO_REDUNDANCY } from "#actors/domain/erasure-profile.ts";
import type { ForgetVolume, RepairAction, RepairFacts, VolumesFacts } from "#actors/domain/volumes-facts.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { StorageNotReady, StorageProtocol } from "#actors/storage/protocol.ts";
import type { Space } from "#actors/storage/space.ts";
import type { SpreadWriters } from "#actors/storage/spread/make-spread.ts";
import type { VolumeSet } from "#actors/storage/spread/volume-set.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf } from "#runtime/protocol.ts";

type ForgetRefused = Exclude<FailureOf<StorageProtocol, "forgetVolume">, StorageNotReady>;

export interface VolumeDeskDeps {
  readonly volumes: VolumeSet | undefined;
  readonly writers: SpreadWriters | undefined;
  readonly catalog: Catalog;
  /** Of the data directory, where it is remembered which volumes there are. */
  readonly space: Space;
}

export class VolumeDesk {
  readonly #deps: VolumeDeskDeps;

  constructor(deps: VolumeDeskDeps) {
    this.#deps = deps;
  }

  get facts(): VolumesFacts {
    const { volumes, writers, catalog } = this.#deps;
    const profile = named(writers?.spread.profile ?? NO_REDUNDANCY);
    return { volumes: volumes?.facts(catalog) ?? [], profile, repair: writers?.repairer.facts ?? NO_REPAIR };
  }

  repair(action: RepairAction): VolumesFacts {
    this.#deps.writers?.repairer.act(action);
    return this.facts;
  }

  /**
   * Where repair has nothing left to do nothing that is known needs what is left out: it counts for nothing there. A catalog
   * that was made anew without the volume knows nothing of it, nor what only that holds. What is not known yet may need it.
   */
  async forget({ volume: id, mayLose }: ForgetVolume): Promise<Result<VolumesFacts, ForgetRefused>> {
    const { catalog, volumes, writers, space } = this.#deps;
    const volume = volumes?.volumes.leftOut.find((each) => each.id === id);
    if (volumes === undefined || volume === undefined) {
      const isInUse = volumes?.volumes.all.some((each) => each.id === id) === true;
      return fail({ code: isInUse ? "storage.volume-in-use" : "storage.volume-unknown", volume: id });
    }
    const { state, backlogCount, lostCount } = writers?.repairer.facts ?? NO_REPAIR;
    const isHalfKnown = catalog.slots.isHalfKnown(volume.slot);
    const isKnown = !isHalfKnown && [...catalog.packs.keys()].some((pack) => slotOf(pack) === volume.slot);
    const isRepaired = writers !== undefined && state === "idle";
    if (!mayLose && (!isRepaired || !isKnown || volumes.isSettling))
      return fail({ code: "storage.volume-needed", volume: id, isKnown, backlogCount, lostCount });
    const forgotten = await volumes.forget(volume);
    return forgotten.ok ? ok(this.facts) : fail(await writeFailure(forgotten.failure, space));
  }
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
