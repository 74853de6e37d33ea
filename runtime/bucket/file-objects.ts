/**
 * What a list of objects below a path says: which file is there, and what of it is left over.
 *
 * - Of several files the one made last counts, if it has a head, or was removed: files are published by their first head.
 * - Of its heads the newest counts; extents that are newer than it come on top in their order, older ones count only where
 *   the head has them. So a put that was given up, and takes effect late, changes nothing once a newer head is there.
 */
import type { ObjectFacts } from "#runtime/bucket/bucket.ts";
import { type ExtentName, type GoneName, type HeadName, parseName } from "#runtime/bucket/object-name.ts";

export interface FileObjects {
  /** Undefined where no file is. One that was removed leaves its `gone` for a while. */
  readonly latest: HeadName | GoneName | undefined;
  /** Extents newer than the head, oldest first. */
  readonly log: readonly ExtentName[];
  /** Extents that count only where the head has them. */
  readonly older: readonly ExtentName[];
  readonly sizeBytes: number;
  /** Names of objects that count no more, whatever the head has. */
  readonly surplus: readonly string[];
}

/** `objects` are those right below the path, by their names. What is not of this format is not looked at. */
export function understand(objects: readonly ObjectFacts[]): FileObjects {
  const names = objects.flatMap(({ key, sizeBytes }) => {
    const name = parseName(key);
    return name === undefined ? [] : [{ key, name, isWhole: name.kind === "gone" || name.lengthBytes === sizeBytes }];
  });
  let latest: HeadName | GoneName | undefined;
  for (const { name, isWhole } of names) {
    if (name.kind !== "extent" && isWhole && (latest === undefined || isNewer(name, latest))) latest = name;
  }
  const log: ExtentName[] = [];
  const older: ExtentName[] = [];
  const surplus: string[] = [];
  for (const { key, name, isWhole } of names) {
    const head = latest?.kind === "head" && name.file === latest.file ? latest : undefined;
    if (head !== undefined && isWhole && name.kind === "extent") {
      (name.generation > head.generation ? log : older).push(name);
    } else if (name !== latest) surplus.push(key);
  }
  log.sort((one, other) => (one.generation < other.generation ? -1 : 1));
  const headBytes = latest?.kind === "head" ? latest.sizeBytes : 0;
  const sizeBytes = log.reduce((size, { start, lengthBytes }) => Math.max(size, start + lengthBytes), headBytes);
  return { latest, log, older, sizeBytes, surplus };
}

/** A file that was removed stays so: a head of it may take effect late. */
function isNewer(one: HeadName | GoneName, other: HeadName | GoneName): boolean {
  if (one.file !== other.file) return one.file > other.file;
  if (one.kind !== other.kind) return one.kind === "gone";
  return one.generation > other.generation;
}
