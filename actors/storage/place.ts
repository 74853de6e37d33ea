/** Whether storage can work where it is told to. What a person has to mend is said in a sentence, before anything is touched. */
import type { Disk, DiskFailure, FileFacts } from "#runtime/disk/disk.ts";

const KINDS: readonly (readonly [name: string, kind: FileFacts["kind"]])[] = [
  ["packs", "directory"],
  ["store.lock", "file"],
];

/** What does not pass by itself. */
const FOR_PEOPLE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ELOOP"]);

/** What is wrong with the data directory, and what to do; undefined if nothing is. */
export async function problemWithPlace(
  directory: string,
  disk: Pick<Disk, "close" | "list" | "open">,
): Promise<string | undefined> {
  const listed = await disk.list(directory);
  if (!listed.ok) return problemOf(directory, listed.failure);
  for (const [name, kind] of KINDS) {
    const found = listed.value.find((entry) => entry.name === name);
    if (found === undefined) continue;
    const path = `${directory}/${name}`;
    if (found.kind !== kind) return `${path} is not a ${kind}: put back what belongs there, or remove it`;
    const problem = kind === "directory" ? await disk.list(path) : await disk.open(path, "write");
    const sentence = problem.ok ? undefined : problemOf(path, problem.failure);
    if (sentence !== undefined) return sentence;
    if (problem.ok && typeof problem.value === "number") await disk.close(problem.value);
  }
  return undefined;
}

/** Anything else may pass: whoever uses the place is told, and tries again. */
function problemOf(path: string, failure: DiskFailure): string | undefined {
  if (failure.code !== "disk.broken" || !FOR_PEOPLE.has(failure.errno)) return undefined;
  return `cannot use ${path} (${failure.errno}): mend its owner and mode`;
}
