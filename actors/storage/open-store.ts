/** What a store is made of, opened in the order in which one needs the other. */
import type { Digest } from "#actors/domain/address.ts";
import { type ErasureSetting, profileFor, shardCountOf } from "#actors/domain/erasure-profile.ts";
import type { StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { Damage } from "#actors/storage/catalog/catalog-records.ts";
import { openCatalog } from "#actors/storage/catalog/open-catalog.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import { Keeps } from "#actors/storage/keeps/keeps.ts";
import type { Meters } from "#actors/storage/meters.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { BUCKET_WAIT_MS, type PackPlace } from "#actors/storage/packs/pack-place.ts";
import { SequenceMark } from "#actors/storage/recovery/sequence-mark.ts";
import { ReserveFile } from "#actors/storage/reserve-file.ts";
import { Space } from "#actors/storage/space.ts";
import { volumeRoom } from "#actors/storage/spread/volume-room.ts";
import { VolumeSet } from "#actors/storage/spread/volume-set.ts";
import { hasKnownVolumes } from "#actors/storage/volumes/known-volumes.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { must, type Result } from "#runtime/errors.ts";
import type { KvStores } from "#runtime/kv/kv.ts";
import type { SpareKv } from "#runtime/kv/spare-kv.ts";
import type { Locks } from "#runtime/lock/lock.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Random } from "#runtime/random.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { Scope } from "#runtime/scope.ts";
import type { Log } from "#runtime/telemetry/log.ts";

export interface StoreDeps {
  readonly config: () => StorageConfig;
  /** Holds `catalog`, and the packs unless they are elsewhere. Whoever opens the store holds its lock. */
  readonly directory: string;
  readonly disk: Disk;
  /** Where `packs` and `keeps` are, if they are not beside the catalog. */
  readonly elsewhere?: PackPlace;
  /** Where packs are written, if not in the data directory or elsewhere. */
  readonly volumes?: VolumeSettings;
  /** Of the volumes. */
  readonly locks: Pick<Locks, "acquire">;
  readonly kv: KvStores;
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly meters: Meters;
  readonly onDamaged: (digest: Digest, damage: Damage) => void;
  /** Of what goes on beside the calls: it ends the incarnation. */
  readonly onDefect: (defect: unknown) => void;
  /** Called while the catalog is rebuilt, and once with undefined when it is whole. */
  readonly onRebuild: (progress: Progress | undefined) => void;
  /** Why the catalog is not where it belongs, and again when that changes; undefined when it is. */
  readonly onCatalogTrouble: (trouble: string | undefined) => void;
  /** Why there is no reserve file, though one is wanted, in the same way. */
  readonly onReserveTrouble: (trouble: string | undefined) => void;
  /** Which packs have lost something, in the same way. */
  readonly onPackTrouble: (trouble: string | undefined) => void;
  /** A journal cannot be read back, for the rest of this life. */
  readonly onJournalDamaged: (damage: StorageJournalDamaged) => void;
  /** Which volumes are not as they should be, in the same way. */
  readonly onVolumeTrouble: (trouble: string | undefined) => void;
  /** Aborted as soon as the incarnation ends, which is before its puts are over and its scope is closed. */
  readonly signal: AbortSignal;
  /** Of the incarnation: closes what was opened, also where opening does not succeed. */
  readonly scope: Pick<Scope, "add">;
}

/** What an incarnation is made of; each closes with the scope. */
export interface StoreParts {
  readonly kv: SpareKv;
  readonly catalog: Catalog;
  readonly files: PackFiles;
  readonly keeps: Keeps;
  readonly sequenceMark: SequenceMark;
  /** Of the data directory. */
  readonly space: Space;
  /** Of where the packs are written. */
  readonly putSpace: Space;
  /** Bytes that are written for each that is put. */
  readonly overhead: () => number;
  /** Undefined where packs are in the data directory, or elsewhere. */
  readonly volumes: VolumeSet | undefined;
  readonly reserve: ReserveFile;
}

export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** As they were when the node started. */
export interface VolumeSettings {
  readonly directories: readonly string[];
  readonly erasure: ErasureSetting;
}

/** With what there is to look at where the server of a bucket refuses it. */
function purposeOf({ elsewhere }: Pick<StoreDeps, "elsewhere">, made: Result<void, DiskFailure>): string {
  if (elsewhere === undefined) return "the directory of the packs can be made";
  const bucket = `the bucket ${elsewhere.bucket} (storage.s3)`;
  return !made.ok && "errno" in made.failure && made.failure.errno === "ETIMEDOUT"
    ? `${bucket} answers`
    : `${bucket} takes packs from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as they are`;
}

export async function openParts(deps: StoreDeps): Promise<StoreParts> {
  const { clock, config, random, scope, signal } = deps;
  const { disk, directory } = deps.elsewhere ?? deps;
  const packs = `${directory}/packs`;
  // Else each start would fail at once, and soon none would follow.
  await deps.elsewhere?.outage.over(BUCKET_WAIT_MS, signal);
  const made = await disk.makeDirectory(packs);
  must(made, purposeOf(deps, made));
  must(await disk.syncDirectory(directory), "the directory of the packs is durable");
  const reserveBytes = (): number => config().reserveBytes;
  const volumes = await openVolumes(deps);
  const named = volumes?.isNamed === true ? volumes : undefined;
  const files = new PackFiles(named?.disk ?? disk, packs, config().readDescriptorsMax, volumes);
  scope.add(() => files.close());
  const space = new Space(disk, directory, clock, reserveBytes);
  const overhead = (): number => {
    if (named === undefined) return 1;
    const profile = profileFor(deps.volumes?.erasure ?? "none", named.lanes.open.length);
    return shardCountOf(profile) / profile.dataShards;
  };
  const roomOf = (set: VolumeSet): Pick<Disk, "space"> =>
    volumeRoom({ open: () => set.open, all: () => set.volumes.all, reserveBytes, overhead });
  const putSpace = named === undefined ? space : new Space(roomOf(named), directory, clock, reserveBytes);
  const { kv, catalog } = await openCatalog(deps, files);
  // Where the packs are elsewhere nothing that is removed makes room on this disk.
  const wantedBytes = (): number => (deps.elsewhere === undefined ? config().reserveFileBytes : 0);
  const reserve = await ReserveFile.open({ ...deps, space, wantedBytes, onTrouble: deps.onReserveTrouble });
  scope.add(() => reserve.close());
  const keeps = await Keeps.open({
    clock,
    disk,
    random,
    space,
    relief: reserve,
    directory: `${directory}/keeps`,
    onDamaged: deps.onJournalDamaged,
  });
  scope.add(() => keeps.close());
  const sequenceMark = await SequenceMark.open(disk, directory);
  return { kv, catalog, files, keeps, sequenceMark, space, putSpace, overhead, volumes, reserve };
}

const NO_VOLUMES: VolumeSettings = { directories: [], erasure: "none" };

async function openVolumes(deps: StoreDeps): Promise<VolumeSet | undefined> {
  const { config, directory, disk, scope, volumes = NO_VOLUMES } = deps;
  // Where none is named there may be some that are left out.
  if (volumes.directories.length === 0 && !(await hasKnownVolumes(directory, disk))) return undefined;
  const reserveBytes = (): number => config().reserveBytes;
  const set = await VolumeSet.open({
    ...deps,
    directories: volumes.directories,
    dataDirectory: directory,
    reserveBytes,
    parityOver: (volumeCount) => profileFor(volumes.erasure, volumeCount).parityShards,
  });
  scope.add(() => set.close());
  return set;
}
