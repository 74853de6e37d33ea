/**
 * What this node is called among the readers of a stream, for good: what it had in hand when it ended it is given first when it
 * comes back.
 */
import { join } from "node:path";
import type { Disk, DiskFailure } from "#runtime/disk/disk.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";

const FILE = "node-name";
const FORM = /^[0-9a-z-]{1,64}$/;

/** `directory` belongs to the actor that reads. A file without a name in it is replaced. */
export async function nodeNameIn(disk: Disk, directory: string, random: Random): Promise<Result<string, DiskFailure>> {
  const path = join(directory, FILE);
  const found = await disk.readFile(path);
  if (!found.ok && found.failure.code !== "disk.not-found") return found;
  const text = found.ok ? Buffer.from(found.value).toString("latin1").trim() : "";
  if (FORM.test(text)) return ok(text);
  const made = await disk.makeDirectory(directory);
  if (!made.ok) return made;
  const name = Buffer.from(random.bytes(8)).toString("hex");
  const written = await disk.replaceFile(path, Buffer.from(`${name}\n`));
  return written.ok ? ok(name) : written;
}
