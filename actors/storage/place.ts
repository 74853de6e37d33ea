/** Whether storage can work where it is told to. What a person has to mend is said in a sentence, before anything is touched. */
import type { Disk, DiskFailure, FileFacts } from "#runtime/disk/disk.ts";

const KINDS: readonly (readonly [name: string, kind: FileFacts["kind"]])[] = [
  ["packs", "directory"],
  ["keeps", "directory"],
  ["store.lock", "file"],
];

const MEND_RIGHTS = "mend its owner and mode";
/** What does not pass by itself, and what to do about it. */
const FOR_PEOPLE: ReadonlyMap<string, string> = new Map([
  ["EACCES", MEND_RIGHTS],
  ["EPERM", MEND_RIGHTS],
  ["EROFS", "the file system is read-only; look why, mount it for writing, then resume or start the node"],
  ["ELOOP", "it is a symbolic link that leads to itself; put back what belongs there"],
]);

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
  if (failure.code !== "disk.broken") return undefined;
  const advice = FOR_PEOPLE.get(failure.errno);
  return advice === undefined ? undefined : `cannot use ${path} (${failure.errno}): ${advice}`;
}
