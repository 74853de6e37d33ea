/**
 * A page of what is in the trash. Where many objects are known it is a long walk, which gives the loop back on its way: what
 * changes meanwhile may be told of as it was or as it is.
 */
import type { Removal } from "#actors/storage/keeps/keep.ts";
import type { KeepName } from "#actors/storage/keeps/keep-codec.ts";
import type { Keeps } from "#actors/storage/keeps/keeps.ts";
import type { Pause } from "#actors/storage/pause.ts";

/** Entries of one `listTrash`. */
export const TRASH_ENTRIES_MAX = 1000;

export interface TrashPage {
  readonly page: readonly (readonly [KeepName, Removal])[];
  /** What the next one begins behind; undefined where there is none. */
  readonly next: KeepName | undefined;
}

/** It begins behind the object that is named `after`; where that is gone, or goes meanwhile, at the start. */
export async function readTrash(
  keeps: Pick<Keeps, "entries">,
  after: string | undefined,
  limit: number,
  pause: Pause,
): Promise<TrashPage> {
  const entriesMax = Math.max(1, Math.min(limit, TRASH_ENTRIES_MAX));
  // From the start, until `after` is met.
  let page: (readonly [KeepName, Removal])[] = [];
  let isFound = after === undefined;
  let isLast = true;
  for (const [name, { removal }] of keeps.entries()) {
    await pause.ifDue();
    if (removal?.buriedUpToPack !== 0) continue;
    if (name === after) {
      page = [];
      isFound = true;
      isLast = true;
    } else if (page.length < entriesMax) page.push([name, removal]);
    else isLast = false;
    if (isFound && !isLast) break;
  }
  return { page, next: isLast ? undefined : page.at(-1)?.[0] };
}
