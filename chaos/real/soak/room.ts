/** Whether a soak has the room that it takes: it is told before it starts, and not by a full disk in the middle of it. */
import { statfsSync } from "node:fs";
import { GiB } from "#runtime/units.ts";

/** `neededBytes` in `folder`. Undefined: there is as much. */
export function roomProblem(folder: string, neededBytes: number): string | undefined {
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return undefined;
  const gib = (bytes: number): string => `${(bytes / GiB).toFixed(1)} GiB`;
  return `${folder} has ${gib(freeBytes)} free, and this takes some ${gib(neededBytes)} there: free some, name another directory by TMPDIR, or give fewer --events and --objects`;
}
