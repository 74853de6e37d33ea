/** Objects of files that are gone: what is removed late, because somebody had the file open, or by a later life. */
import { type Bucket, listAll } from "#runtime/bucket/bucket.ts";
import type { BucketFile } from "#runtime/bucket/bucket-file.ts";
import { FILE_OBJECTS_MAX, type FolderEntry } from "#runtime/bucket/folders.ts";
import type { Life } from "#runtime/bucket/lives.ts";
import { formatName, lifeOf, parseName } from "#runtime/bucket/object-name.ts";

/** What is left of a file that has lost its path, when nobody has it open any more. What stays is swept later. */
export async function removeRest(bucket: Bucket, { file, folder }: Pick<BucketFile, "file" | "folder">): Promise<void> {
  const listed = await listAll(bucket, folder, FILE_OBJECTS_MAX);
  if (!listed.ok) return;
  const keys = listed.value.map(({ key }) => key);
  await bucket.remove(
    keys.filter((key) => {
      const name = parseName(key.slice(folder.length));
      return name?.file === file && name.kind !== "gone";
    }),
  );
}

/**
 * Removes what earlier lives have left of files that are gone, of the entries of `folder`. What says that one is gone goes
 * last, and never in the life that put it: another put of that life may be late.
 */
export async function sweep(
  bucket: Bucket,
  life: Life,
  folder: string,
  entries: readonly FolderEntry[],
): Promise<void> {
  const isOld = (name: string): boolean => {
    const parsed = parseName(name);
    return parsed !== undefined && lifeOf(parsed.generation) < life.number;
  };
  for (const { name, found } of entries) {
    if (found.kind !== "missing") continue;
    const { latest, surplus } = found.objects;
    const last = latest === undefined ? [] : [formatName(latest)];
    if (![...surplus, ...last].every(isOld)) continue;
    for (const names of [surplus, last]) {
      const removed = await bucket.remove(names.map((one) => `${folder}${name}/${one}`));
      if (!removed.ok) return;
    }
  }
}
