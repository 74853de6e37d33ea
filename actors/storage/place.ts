/** Whether storage can work where it is told to. What a person has to mend is said in a sentence, before anything is touched. */
import type { Disk, DiskFailure, FileFacts } from "#runtime/disk/disk.ts";

const KINDS: readonly (readonly [name: string, kind: FileFacts["kind"]])[] = [
  ["packs", "directory"],
  ["store.lock", "file"],
];

/** What is wrong with the data directory, and what to do; undefined if nothing is. */
export async function problemWithPlace(
  directory: string,
  disk: Pick<Disk, "close" | "list" | "open">,
): Promise<string | undefined> {
  const listed = await disk.list(directory);
  if (!listed.ok) return unusable(directory, listed.failure);
  for (const [name, kind] of KINDS) {
    const found = listed.value.find((entry) => entry.name === name);
    if (found === undefined) continue;
    const path = `${directory}/${name}`;
    if (found.kind !== kind) return `${path} is not a ${kind}: put back what belongs there, or remove it`;
    const problem = kind === "directory" ? await disk.list(path) : await disk.open(path, "write");
    if (!problem.ok) return unusable(path, problem.failure);
    if (typeof problem.value === "number") await disk.close(problem.value);
  }
  return undefined;
}

function unusable(path: string, failure: DiskFailure): string {
  const why = failure.code === "disk.broken" ? failure.errno : failure.code;
  return `cannot use ${path} (${why}): mend its owner and mode`;
}
