/**
 * Where the cells of a node keep compiled code: a directory for every build, those of old builds removed.
 *
 * Only where no launcher gives a place that is shared by all nodes. Nothing depends on what is kept, so what fails here
 * fails nothing: the next start tries again.
 */
import type { Disk } from "#runtime/disk/disk.ts";

/** Builds whose compiled code is kept: going back to the one before is as quick as staying. */
export const COMPILED_BUILDS_MAX = 2;

/** The directory for `buildId` in `parent`, which is made. From here on it is the newest. */
export async function compileCacheFor(disk: Disk, parent: string, buildId: string): Promise<string> {
  const record = `${parent}/newest-first`;
  const read = await disk.readFile(record);
  const known = read.ok ? Buffer.from(read.value).toString("utf8").split("\n") : [];
  const kept = [buildId, ...known.filter((id) => id !== buildId)].slice(0, COMPILED_BUILDS_MAX);
  await disk.makeDirectory(`${parent}/${buildId}`);
  if (known[0] === buildId) return `${parent}/${buildId}`;

  await disk.replaceFile(record, Buffer.from(kept.join("\n")));
  const listed = await disk.list(parent);
  for (const { name, kind } of listed.ok ? listed.value : []) {
    if (kind === "directory" && !kept.includes(name)) await disk.removeTree(`${parent}/${name}`);
  }
  return `${parent}/${buildId}`;
}
