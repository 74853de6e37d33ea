/** Whether a volume takes a small write, and gives it back. */
import { causeOf } from "#actors/storage/volumes/sighting.ts";
import { encodeMark, MARK_NAME } from "#actors/storage/volumes/volume-mark.ts";
import type { VolumePlace } from "#actors/storage/volumes/volume-place.ts";
import type { Disk } from "#runtime/disk/disk.ts";

/** Written and read to see whether a volume that was failing takes writes again. */
const PROBE_NAME = `${MARK_NAME}.probe`;

export type Probed = "taken" | "no-room" | { readonly refused: string };

/** Only a volume of the store `node`, seen where it belongs, is written to. */
export async function probe(disk: Disk, { directory, sighting, volume }: VolumePlace, node: string): Promise<Probed> {
  const isThere = sighting.kind === "marked" && sighting.mark.id === volume?.id;
  if (!isThere || sighting.mark.node !== node) return { refused: "ENODEV" };
  const path = `${directory}/${PROBE_NAME}`;
  const bytes = encodeMark(sighting.mark);
  const written = await disk.replaceFile(path, bytes);
  if (!written.ok) return written.failure.code === "disk.full" ? "no-room" : { refused: causeOf(written.failure) };
  const read = await disk.readFile(path);
  await disk.remove(path);
  if (!read.ok) return { refused: causeOf(read.failure) };
  return Buffer.from(read.value).equals(bytes) ? "taken" : { refused: "other bytes" };
}
