/**
 * The volumes that this store has, or had, and where each was last. Kept in `volumes` in the data directory; a change counts
 * at once, and is durable after `save`.
 *
 * - No number is given out twice, also where the volume that has it is gone, or was never heard of again.
 * - A directory where a volume was, or may have been, is doubted once that is elsewhere or forgotten: it may be the mount point
 *   of another one, and no new volume is ever made in it.
 * - What is lost is made again from the marks that are there. All directories without one are doubted then.
 */
import { weightOf } from "#actors/domain/shard-placement.ts";
import { SLOT_MAX } from "#actors/storage/packs/pack-number.ts";
import type { Sighting } from "#actors/storage/volumes/sighting.ts";
import type { VolumeMark } from "#actors/storage/volumes/volume-mark.ts";
import {
  decodeMemory,
  encodeMemory,
  type ForgottenVolume,
  type KnownVolume,
  type VolumeMemory,
} from "#actors/storage/volumes/volume-memory.ts";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { assert, must, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";

export interface KnownVolumesDeps {
  readonly disk: Disk;
  readonly random: Random;
  readonly log: Log;
  readonly dataDirectory: string;
}

/** What is found in each directory, in the order of the configuration. */
export type Sightings = ReadonlyMap<string, Sighting>;

const STORE_ID_LENGTH = 16;
const NOTHING: Omit<VolumeMemory, "node"> = { slotMax: 0, volumes: [], forgotten: [], doubted: [] };

export class KnownVolumes {
  /** The id of this store. */
  readonly node: string;
  readonly #deps: KnownVolumesDeps;
  readonly #path: string;
  readonly #volumes = new Map<string, KnownVolume>();
  /** By their ids. */
  readonly #forgotten: Map<string, ForgottenVolume>;
  readonly #doubted: Set<string>;
  #slotMax: number;
  #saved: Uint8Array | undefined;
  #saving: Promise<Result<void, DiskFailure>> = Promise.resolve(ok());

  private constructor(deps: KnownVolumesDeps, memory: VolumeMemory, saved: Uint8Array | undefined) {
    this.#deps = deps;
    this.#path = pathIn(deps.dataDirectory);
    this.node = memory.node;
    this.#slotMax = memory.slotMax;
    this.#forgotten = new Map(memory.forgotten.map((volume) => [volume.id, volume]));
    this.#doubted = new Set(memory.doubted);
    for (const volume of memory.volumes) this.#volumes.set(volume.id, volume);
    this.#saved = saved;
  }

  /** A defect where the file cannot be opened, or is damaged while no mark is there to tell which store this is. */
  static async open(deps: KnownVolumesDeps, sightings: Sightings): Promise<KnownVolumes> {
    const path = pathIn(deps.dataDirectory);
    const read = await deps.disk.readFile(path);
    const isLost = !read.ok && read.failure.code === "disk.not-found";
    const isRefused = !read.ok && read.failure.code === "disk.broken" && read.failure.errno === "EIO";
    if (!isLost && !isRefused) {
      const bytes = must(read, "what is known of volumes can be read");
      const memory = decodeMemory(bytes);
      if (memory !== undefined) return new KnownVolumes(deps, memory, bytes);
    }
    const node = storeOf(sightings);
    // What cannot be looked at now may be a volume of the store that was forgotten.
    const isFirst = isLost && node === undefined && ![...sightings.values()].some(({ kind }) => kind === "unclear");
    if (isFirst || sightings.size === 0) {
      return new KnownVolumes(deps, { node: newStore(deps.random), ...NOTHING }, undefined);
    }
    assert(node !== undefined, `${path} is whole, or a volume of this store is mounted`);
    const doubted = [...sightings].filter(([, { kind }]) => kind !== "marked").map(([directory]) => directory);
    deps.log.warn("volumes forgotten", { path, lost: isLost, doubted });
    return new KnownVolumes(deps, { node, ...NOTHING, doubted }, undefined);
  }

  get all(): readonly KnownVolume[] {
    return [...this.#volumes.values()];
  }

  withId(id: string): KnownVolume | undefined {
    return this.#volumes.get(id);
  }

  /** The one that was last there. */
  lastAt(path: string): KnownVolume | undefined {
    return this.all.find((volume) => volume.path === path);
  }

  hasSlot(slot: number): boolean {
    return [...this.all, ...this.forgotten].some((volume) => volume.slot === slot);
  }

  get forgotten(): readonly ForgottenVolume[] {
    return [...this.#forgotten.values()];
  }

  isForgotten(id: string): boolean {
    return this.#forgotten.has(id);
  }

  /** It is given up: nothing is expected of it any more, and where it shows itself again it is foreign. */
  forget({ id, path, slot }: KnownVolume): void {
    this.#volumes.delete(id);
    this.#forgotten.set(id, { id, slot });
    if (path !== "") this.#doubted.add(path);
  }

  takeBack(volume: KnownVolume): void {
    this.#forgotten.delete(volume.id);
    this.#doubted.delete(volume.path);
    this.#volumes.set(volume.id, volume);
  }

  /** Whether a volume may belong there that is not known to. */
  isDoubted(path: string): boolean {
    return this.#doubted.has(path);
  }

  /** Above all numbers that were ever heard of; undefined when there is none left. */
  nextSlot(): number | undefined {
    if (this.#slotMax >= SLOT_MAX) return undefined;
    this.#slotMax += 1;
    return this.#slotMax;
  }

  /** A number that is on a disk was given out once, whether or not the volume counts. */
  heardOf({ node, slot }: VolumeMark): void {
    if (node === this.node) this.#slotMax = Math.max(this.#slotMax, slot);
  }

  /** The volume is at `path` from now on; `totalBytes` is what it can hold, undefined where its weight stays. */
  isAt(path: string, { id, slot }: VolumeMark, totalBytes: number | undefined): KnownVolume {
    const left = this.#volumes.get(id)?.path ?? "";
    if (left !== "") this.#doubted.add(left);
    const before = this.lastAt(path);
    if (before !== undefined && before.id !== id) this.#volumes.set(before.id, { ...before, path: "" });
    const weight = totalBytes === undefined ? this.#volumes.get(id)?.weight : weightOf(totalBytes);
    const volume = { id, slot, weight: weight ?? 1, path };
    this.#volumes.set(id, volume);
    this.#doubted.delete(path);
    return volume;
  }

  /** Durable when answered. Nothing is written where nothing has changed. */
  async save(): Promise<Result<void, DiskFailure>> {
    this.#saving = this.#saving.then(() => this.#saveNow());
    return await this.#saving;
  }

  async #saveNow(): Promise<Result<void, DiskFailure>> {
    const { disk, log } = this.#deps;
    const volumes = this.all.toSorted((one, other) => one.slot - other.slot);
    const { forgotten, node } = this;
    const bytes = encodeMemory({ node, slotMax: this.#slotMax, volumes, forgotten, doubted: [...this.#doubted] });
    if (this.#saved !== undefined && Buffer.from(bytes).equals(this.#saved)) return ok();
    const saved = await disk.replaceFile(this.#path, bytes);
    // Where a sync failed it may be there, or come to be: the next save writes what counts then, whatever it is.
    this.#saved = saved.ok ? bytes : undefined;
    if (!saved.ok) log.warn("volumes not remembered", { path: this.#path, cause: saved.failure });
    return saved;
  }
}

/** Whether this store has, or had, any. A file that is damaged, or cannot be read, says nothing, and is left as it is. */
export async function hasKnownVolumes(dataDirectory: string, disk: Pick<Disk, "readFile">): Promise<boolean> {
  const read = await disk.readFile(pathIn(dataDirectory));
  const memory = read.ok ? decodeMemory(read.value) : undefined;
  return memory !== undefined && memory.volumes.length + memory.forgotten.length > 0;
}

function pathIn(dataDirectory: string): string {
  return `${dataDirectory}/volumes`;
}

function newStore(random: Random): string {
  return Buffer.from(random.bytes(STORE_ID_LENGTH)).toString("hex");
}

/** The store that most marks name; of several the first. */
function storeOf(sightings: Sightings): string | undefined {
  const nodes = [...sightings.values()].flatMap((seen) => (seen.kind === "marked" ? [seen.mark.node] : []));
  const countOf = (node: string): number => nodes.filter((other) => other === node).length;
  return nodes.toSorted((one, other) => countOf(other) - countOf(one))[0];
}
