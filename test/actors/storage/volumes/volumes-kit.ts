/** A node with volumes on a simulated disk, and what its owner was told. */
import assert from "node:assert/strict";
import { encodeMark, type VolumeMark } from "#actors/storage/volumes/volume-mark.ts";
import type { VolumeView } from "#actors/storage/volumes/volume-view.ts";
import { VOLUME_LOOK_INTERVAL_MS, Volumes, type VolumesDeps } from "#actors/storage/volumes/volumes.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type LockTable, memoryLocks } from "#runtime/simulated/lock.ts";
import { memoryLog } from "#runtime/simulated/log.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { GiB, MiB } from "#runtime/units.ts";

export const RESERVE_BYTES: number = 64 * MiB;
export const ANOTHER_STORE = "ffffffffffffffffffffffffffffffff";

export interface VolumesWorld {
  readonly disk: MemoryDisk;
  /** Of all processes on it. */
  readonly locks: LockTable;
  readonly clock: ManualClock;
  readonly log: ReturnType<typeof memoryLog>;
  /** `slot: was → is`, since it was last asked. */
  changes(): readonly string[];
  /** A life of the node; the one before is closed. */
  start(directories: readonly string[], over?: Partial<VolumesDeps>): Promise<Volumes>;
  /** The next look is over. */
  look(): Promise<void>;
  /** Takes the disk out, as a directory that is kept elsewhere; the mount point stays, empty. */
  unmount(directory: string): Promise<void>;
  mount(directory: string, from?: string): Promise<void>;
  putMark(directory: string, mark: VolumeMark): Promise<void>;
  readonly exists: (path: string) => Promise<boolean>;
}

export async function volumesWorld(seed = 1): Promise<VolumesWorld> {
  const disk = new MemoryDisk({ capacityBytes: 1 * GiB });
  const clock = new ManualClock();
  const log = memoryLog();
  const random = seededRandom(seed);
  const locks: LockTable = new Map();
  const lines: string[] = [];
  const onChange = ({ slot, state }: VolumeView, was: string) => void lines.push(`${slot}: ${was} → ${state}`);
  let life: Volumes | undefined;
  await disk.makeDirectory("/data");

  const start = async (directories: readonly string[], over: Partial<VolumesDeps> = {}): Promise<Volumes> => {
    await life?.close();
    const { signal } = new AbortController();
    const reserveBytes = () => RESERVE_BYTES;
    const own = {
      disk,
      locks: memoryLocks(clock, { table: locks }),
      clock,
      random,
      log,
      dataDirectory: "/data",
      reserveBytes,
      onChange,
      signal,
    };
    life = await Volumes.open({ ...own, directories, ...over });
    return life;
  };
  const renamed = async (from: string, to: string): Promise<void> => {
    assert((await disk.rename(from, to)).ok);
  };
  return {
    disk,
    locks,
    clock,
    log,
    start,
    changes: () => lines.splice(0),
    look: () => clock.advance(VOLUME_LOOK_INTERVAL_MS),
    unmount: async (directory) => {
      await disk.makeDirectory("/shelf");
      await renamed(directory, `/shelf/${directory.replaceAll("/", "_")}`);
      await disk.makeDirectory(directory);
    },
    mount: async (directory, from = directory) => {
      await disk.removeTree(directory);
      await renamed(`/shelf/${from.replaceAll("/", "_")}`, directory);
    },
    putMark: async (directory, mark) => {
      await disk.makeDirectory(directory);
      assert((await disk.replaceFile(`${directory}/VOLUME`, encodeMark(mark))).ok);
    },
    exists: async (path) => (await disk.readFile(path)).ok || (await disk.list(path)).ok,
  };
}

/** Slot and state of each, in the order of the configuration. */
export function statesOf({ all }: Volumes): readonly string[] {
  return all.map(({ slot, state }) => `${slot} ${state}`);
}

/** The mark that is on the disk. */
export async function markOn(disk: MemoryDisk, directory: string): Promise<string> {
  const read = await disk.readFile(`${directory}/VOLUME`);
  assert(read.ok);
  return Buffer.from(read.value).toString();
}
