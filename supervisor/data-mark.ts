/**
 * The mark of a data directory: a file by which a running node knows its directory again, whatever device that is on. It is
 * what tells a disk from its mount point.
 *
 * It is drawn at the first start, goes with the directory wherever that is moved, and is read anew at every start. While a
 * node runs nothing makes it again: a directory without it is another one.
 */
import type { Disk, DiskBroken, DiskFailure } from "#runtime/disk/disk.ts";
import { isWantOfMeans } from "#runtime/disk/disk-failure.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

export const MARK_NAME = "node.mark";
const MARK = /^[0-9a-f]{16}\n$/;

/** Nothing is at the path of the data directory, or not what the node was started on. Nothing is made there. */
export interface DataAway extends Failure<"supervisor.data-away"> {
  readonly directory: string;
  /** What became of looking at its mark, where that could not be read. */
  readonly errno: string | undefined;
}

/** Asks whether the data directory is there. `disk.broken` is a want of means, and no answer (SUP-31). */
export type DataCheck = () => Promise<Result<void, DataAway | DiskBroken>>;

/** That of the directory, drawn if it has none. Undefined where a full disk has no room for it: it then counts as there. */
export async function takeMark(
  disk: Disk,
  random: Random,
  directory: string,
): Promise<Result<string | undefined, DiskFailure>> {
  const path = `${directory}/${MARK_NAME}`;
  const read = await disk.readFile(path);
  if (!read.ok && read.failure.code !== "disk.not-found") return read;
  const found = read.ok ? textOf(read.value) : "";
  if (MARK.test(found)) return ok(found);
  const drawn = `${random.id()}\n`;
  const written = await disk.replaceFile(path, Buffer.from(drawn));
  if (written.ok) return ok(drawn);
  return written.failure.code === "disk.full" ? ok(undefined) : written;
}

export function dataCheck(disk: Pick<Disk, "readFile">, directory: string, mark: string | undefined): DataCheck {
  return async () => {
    if (mark === undefined) return ok();
    const read = await disk.readFile(`${directory}/${MARK_NAME}`);
    if (read.ok && textOf(read.value) === mark) return ok();
    if (!read.ok && isWantOfMeans(read.failure)) return fail(read.failure);
    const errno = !read.ok && "errno" in read.failure ? read.failure.errno : undefined;
    return fail({ code: "supervisor.data-away", directory, errno });
  };
}

/** That it is away, where that is known. */
export function awayIn(checked: Awaited<ReturnType<DataCheck>>): DataAway | undefined {
  return !checked.ok && checked.failure.code === "supervisor.data-away" ? checked.failure : undefined;
}

/** One line, the advice first: reasons are cut short. */
export function describeAway({ code, directory, errno }: DataAway): string {
  const what = errno === undefined ? "nothing is at its path, or something else" : errno;
  const next = "mount its disk again, or put it back, and the node goes on by itself";
  return `${code}: the data directory is away: ${next} (${what}: ${directory})`;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
