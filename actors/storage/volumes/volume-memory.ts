/**
 * What is remembered of volumes in the data directory, so that a disk that is not mounted is missed, and its number stays its
 * own (`specs/formats/volume.md`). Lines of text with a CRC, as a mark is.
 */
import { WEIGHT_MAX } from "#actors/domain/shard-placement.ts";
import { SLOT_MAX } from "#actors/storage/packs/pack-number.ts";
import { isSlot, isStoreId, isVolumeId, withCrc } from "#actors/storage/volumes/volume-mark.ts";
import { assert } from "#runtime/errors.ts";

export interface KnownVolume {
  readonly id: string;
  readonly slot: number;
  /** In whole GiB. */
  readonly weight: number;
  /** The directory where it was last; empty when another volume is there now. */
  readonly path: string;
}

export type ForgottenVolume = Pick<KnownVolume, "id" | "slot">;

export interface VolumeMemory {
  /** The id of this store, in the mark of each of its volumes. */
  readonly node: string;
  /** No volume gets a number up to this: all were given out, or may have been. */
  readonly slotMax: number;
  readonly volumes: readonly KnownVolume[];
  /** Those that were given up: never again one of this store. */
  readonly forgotten: readonly ForgottenVolume[];
  /** Directories where a volume was, or may have been, that are of none now: they never get a new one. */
  readonly doubted: readonly string[];
}

const FORGOTTEN = /^forgotten (\S+) (\d{1,4})$/;
const VOLUME = /^volume (\S+) (\d{1,4}) (\d{1,7}) (.*)$/s;

export function encodeMemory({ node, slotMax, volumes, forgotten, doubted }: VolumeMemory): Uint8Array {
  const lines = [
    "cepa-volumes/1",
    `node ${node}`,
    `slots ${slotMax}`,
    ...volumes.map(({ id, slot, weight, path }) => `volume ${id} ${slot} ${weight} ${path}`),
    ...forgotten.map(({ id, slot }) => `forgotten ${id} ${slot}`),
    ...doubted.map((path) => `doubted ${path}`),
  ];
  assert(!lines.some((line) => line.includes("\n")), "a path is one line");
  return withCrc(`${lines.join("\n")}\n`);
}

/** Undefined for anything that `encodeMemory` has not written. */
export function decodeMemory(bytes: Uint8Array): VolumeMemory | undefined {
  const lines = Buffer.from(bytes).toString().split("\n").slice(0, -2);
  const [version, node = "", slots = "", ...rest] = lines;
  if (version !== "cepa-volumes/1" || !node.startsWith("node ") || !/^slots \d{1,4}$/.test(slots)) return undefined;
  const volumes = rest.flatMap(volumeOf);
  const forgotten = rest.flatMap(forgottenOf);
  const doubted = rest.filter((line) => line.startsWith("doubted ")).map((line) => line.slice("doubted ".length));
  const memory = {
    node: node.slice("node ".length),
    slotMax: Number(slots.slice("slots ".length)),
    volumes,
    forgotten,
    doubted,
  };
  return isSound(memory) && Buffer.from(bytes).equals(encodeMemory(memory)) ? memory : undefined;
}

function volumeOf(line: string): readonly KnownVolume[] {
  const [, id, slot, weight, path] = VOLUME.exec(line) ?? [];
  if (id === undefined || path === undefined) return [];
  return [{ id, slot: Number(slot), weight: Number(weight), path }];
}

function forgottenOf(line: string): readonly ForgottenVolume[] {
  const [, id, slot] = FORGOTTEN.exec(line) ?? [];
  return id === undefined ? [] : [{ id, slot: Number(slot) }];
}

function isSound({ node, slotMax, volumes, forgotten }: VolumeMemory): boolean {
  const all = [...volumes, ...forgotten];
  return (
    isStoreId(node) &&
    slotMax <= SLOT_MAX &&
    volumes.every(({ weight }) => weight >= 1 && weight <= WEIGHT_MAX) &&
    all.every(({ id, slot }) => isVolumeId(id) && isSlot(slot) && slot <= slotMax) &&
    new Set(all.map(({ id }) => id)).size === all.length &&
    new Set(all.map(({ slot }) => slot)).size === all.length
  );
}
