/** What is found in a directory that should be a volume. Looking changes nothing. */
import { decodeMark, MARK_NAME, type VolumeMark } from "#actors/storage/volumes/volume-mark.ts";
import type { Disk, DiskFailure, SpaceFacts } from "#runtime/disk/disk.ts";
import { isWantOfMeans } from "#runtime/disk/disk-failure.ts";

export type Sighting =
  | ({ readonly kind: "marked"; readonly mark: VolumeMark } & SpaceFacts)
  /** A directory without the file: fresh, or a mount point without its disk. */
  | { readonly kind: "unmarked" }
  | { readonly kind: "missing" }
  /** The file is there and is none. */
  | { readonly kind: "damaged" }
  | { readonly kind: "refused"; readonly cause: string }
  /** This process has no descriptors or memory left: that says nothing about the volume. */
  | { readonly kind: "unclear"; readonly cause: string };

export async function lookAt(directory: string, disk: Pick<Disk, "readFile" | "space">): Promise<Sighting> {
  const read = await disk.readFile(`${directory}/${MARK_NAME}`);
  if (!read.ok && read.failure.code !== "disk.not-found") return refusal(read.failure);
  const space = await disk.space(directory);
  if (!space.ok) return space.failure.code === "disk.not-found" ? { kind: "missing" } : refusal(space.failure);
  if (!read.ok) return { kind: "unmarked" };
  const mark = decodeMark(read.value);
  return mark === undefined ? { kind: "damaged" } : { kind: "marked", mark, ...space.value };
}

/** For people: the system's own word where there is one. */
export function causeOf(failure: DiskFailure): string {
  return failure.code === "disk.broken" ? failure.errno : failure.code;
}

function refusal(failure: DiskFailure): Sighting {
  return { kind: isWantOfMeans(failure) ? "unclear" : "refused", cause: causeOf(failure) };
}
