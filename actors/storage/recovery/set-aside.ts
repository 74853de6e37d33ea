/** What is said of packs that a start could not read, or make out, and what is to be done about them. */
import type { PackFiles } from "#actors/storage/packs/pack-files.ts";

/** The log has all of them. */
const NAMED_MAX = 3;

/** Undefined where there is none. Those of volumes that are not there are none of it. */
export function describeUnread(
  packs: readonly number[],
  files: Pick<PackFiles, "isThere" | "pathOf">,
): string | undefined {
  const which = name(packs, files);
  return (
    which && `packs that cannot be read: ${which}; put back what they were, or move them away, and start the node again`
  );
}

/** Undefined where there is none. */
export function describeWanting(
  packs: readonly number[],
  files: Pick<PackFiles, "isThere" | "pathOf">,
): string | undefined {
  const which = name(packs, files);
  return (
    which &&
    `objects that need what is not there: in ${which}; put back the packs that are away, if any, and start the node again`
  );
}

function name(packs: readonly number[], files: Pick<PackFiles, "isThere" | "pathOf">): string | undefined {
  const paths = packs.filter((pack) => files.isThere(pack)).map((pack) => files.pathOf(pack));
  if (paths.length === 0) return undefined;
  const more = paths.length > NAMED_MAX ? `, and ${paths.length - NAMED_MAX} more` : "";
  return `${paths.slice(0, NAMED_MAX).join(", ")}${more}`;
}
