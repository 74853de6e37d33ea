/**
 * Objects of one small chunk: storage gives all of it in one answer, in which it has looked whether the object may still be
 * read. Of those read lately it is remembered where they are, so that nobody else need be asked.
 *
 * The chunk has the digest of the object: what storage has verified for the one is verified for the other.
 */
import { type Address, digestOf } from "#actors/domain/address.ts";
import { type ByteRange, extentOf } from "#actors/domain/byte-range.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import type { Located, Reading } from "#actors/overlay/get.ts";
import { corrupt, type ReadFailure } from "#actors/overlay/manifest-reader.ts";
import type { ObjectBytes, ObjectFacts, RangeUnsatisfiable } from "#actors/overlay/protocol.ts";
import type { Gone } from "#actors/overlay/resolve.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { LruCache } from "#runtime/lru-cache.ts";
import type { Within } from "#runtime/ref.ts";
import { KiB } from "#runtime/units.ts";

/** Longest object that is read in one answer: one segment. */
export const SMALL_OBJECT_BYTES_MAX: number = 64 * KiB;
/** Small objects of which it is remembered where they are. */
export const SMALL_OBJECTS_MAX = 8192;

export type SmallObjects = LruCache<Address, ObjectFacts>;

type SmallOutcome = Result<ObjectBytes, Gone | RangeUnsatisfiable | ReadFailure>;

export function newSmallObjects(): SmallObjects {
  return new LruCache(
    () => SMALL_OBJECTS_MAX,
    () => 1,
  );
}

/** What is known of an object of one small chunk; undefined for others. */
export function smallIn({ facts, manifest }: Located, address: Address): ObjectFacts | undefined {
  const [only] = manifest.links;
  const isOne = manifest.linkKind === "chunk" && manifest.links.length === 1 && only?.digest === digestOf(address);
  return isOne && manifest.size <= SMALL_OBJECT_BYTES_MAX ? { ...facts, address } : undefined;
}

/** As `readSmall`, and remembers the object. */
export async function readAsSmall(
  reading: Reading,
  object: ObjectFacts,
  range: ByteRange | undefined,
  within: Within,
): Promise<SmallOutcome> {
  const read = await readSmall(reading, object, range, within);
  if (read.ok) reading.small.set(object.address, object);
  return read;
}

export async function readSmall(
  reading: Reading,
  object: ObjectFacts,
  range: ByteRange | undefined,
  within: Within,
): Promise<SmallOutcome> {
  const { address, manifest, sizeBytes } = object;
  const extent = extentOf(range, sizeBytes);
  if (extent === undefined) return fail({ code: "overlay.range-unsatisfiable", sizeBytes });

  const chunk = digestOf(address);
  const options = optionsOf(reading, within);
  const read = await ask(reading, within, () =>
    reading.storage.call("readSmallObject", { chunk, root: manifest }, options),
  );
  if (!read.ok) {
    return read.failure.code === "storage.chunk-not-found" ? corrupt(chunk) : fail(read.failure);
  }
  if (read.value.length !== sizeBytes) return corrupt(manifest);
  const { firstByte, lengthBytes } = extent;
  const body = read.value.subarray(firstByte, firstByte + lengthBytes);
  return ok({ ...object, firstByte, lengthBytes, body });
}
