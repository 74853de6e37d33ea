/**
 * Where a node in amnesia mode may live: a directory of its own in a file system that is memory, named after the data
 * directory that it stands in for, so that clients find it as they find any node. Pure: names only.
 */
import { join } from "node:path";

/** How the directories of a user begin, in whatever file system: what is left of killed nodes is found by it. */
export function memoryHomePrefix(userId: number): string {
  return `cepa-amnesia-${userId}-`;
}

export interface MemoryHomeFacts {
  /** Absolute. */
  readonly dataDirectory: string;
  /** `XDG_RUNTIME_DIR`. */
  readonly runtimeDirectory: string | undefined;
  readonly userId: number;
  /** Hex, of at least 12 digits. */
  readonly digest: (text: string) => string;
}

/** Directories that may be memory, the first choice first: the data directory itself may be one. */
export function memoryPlaces({ dataDirectory, runtimeDirectory }: MemoryHomeFacts): readonly string[] {
  return [dataDirectory, "/dev/shm", ...(runtimeDirectory ? [runtimeDirectory] : [])];
}

/** The node's directory in `place`. */
export function memoryHome(place: string, { dataDirectory, userId, digest }: MemoryHomeFacts): string {
  return join(place, `${memoryHomePrefix(userId)}${digest(dataDirectory).slice(0, 12)}`);
}
