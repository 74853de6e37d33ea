/** Files of a bucket found and made: what a `BucketFile` begins with. */
import type { Bucket, BucketFailure } from "#runtime/bucket/bucket.ts";
import { decodeTable, ExtentTable, encodeTable } from "#runtime/bucket/extent-table.ts";
import type { FileObjects } from "#runtime/bucket/file-objects.ts";
import { EXTENT_BYTES_MAX } from "#runtime/bucket/merge-plan.ts";
import { type ExtentName, formatName, type HeadName } from "#runtime/bucket/object-name.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** A file as it was found, or made. */
export interface FileOrigin {
  /** As in failures. */
  readonly path: string;
  /** In the bucket, with a slash at its end. */
  readonly folder: string;
  readonly head: HeadName;
  /** By the head, with what is newer on top. */
  readonly table: ExtentTable;
  readonly sizeBytes: number;
  /** All that are there, also those that count no more. */
  readonly extents: readonly ExtentName[];
  /** Names of other objects that count no more. */
  readonly surplus: readonly string[];
  /** Its head was made by this life, and no put of it was given up. */
  readonly isOwn: boolean;
}

/** Where a file is, or is to be. */
export type FilePlace = Pick<FileOrigin, "path" | "folder">;

/** The file that the list showed; `head` is its latest. */
export async function loadFile(
  bucket: Bucket,
  place: FilePlace,
  head: HeadName,
  { log, older, sizeBytes, surplus }: FileObjects,
): Promise<Result<FileOrigin, BucketFailure>> {
  const body = new Uint8Array(head.lengthBytes);
  const key = place.folder + formatName(head);
  const read = await bucket.read(key, body, 0);
  if (!read.ok) return read;
  const table = decodeTable(body);
  if (table === undefined) return fail({ code: "bucket.refused", key, status: 200, reason: "HeadNotUnderstood" });
  for (const extent of log) table.add(extent);
  return ok({ ...place, head, table, sizeBytes, extents: [...older, ...log], surplus, isOwn: false });
}

/** A new file with these bytes, which is there when its head is: whole or not at all. */
export async function makeFile(
  bucket: Bucket,
  place: FilePlace,
  nextGeneration: () => string,
  sizeBytes: number,
  read: (into: Uint8Array, position: number) => Promise<Result<unknown, BucketFailure>>,
): Promise<Result<FileOrigin, BucketFailure>> {
  const file = nextGeneration();
  const table = new ExtentTable();
  const extents: ExtentName[] = [];
  for (let start = 0; start < sizeBytes; start += EXTENT_BYTES_MAX) {
    const bytes = new Uint8Array(Math.min(EXTENT_BYTES_MAX, sizeBytes - start));
    const filled = await read(bytes, start);
    if (!filled.ok) return filled;
    const extent: ExtentName = { kind: "extent", file, generation: nextGeneration(), start, lengthBytes: bytes.length };
    const put = await bucket.put(place.folder + formatName(extent), [bytes]);
    if (!put.ok) return put;
    table.add(extent);
    extents.push(extent);
  }
  const head = await putHead(bucket, place, { file, generation: nextGeneration(), sizeBytes }, table);
  if (!head.ok) return head;
  return ok({ ...place, head: head.value, table, sizeBytes, extents, surplus: [], isOwn: true });
}

export async function putHead(
  bucket: Bucket,
  { folder }: FilePlace,
  facts: Pick<HeadName, "file" | "generation" | "sizeBytes">,
  table: ExtentTable,
): Promise<Result<HeadName, BucketFailure>> {
  const body = encodeTable(table);
  const head: HeadName = { kind: "head", ...facts, lengthBytes: body.length };
  const put = await bucket.put(folder + formatName(head), [body]);
  return put.ok ? ok(head) : put;
}
