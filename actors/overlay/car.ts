/** CARs out and in: a manifest with all that is below it as one stream, and such a stream as an ordinary put. */
import { addressOf } from "#actors/domain/address.ts";
import { encodeCarHeader, sectionBytes } from "#actors/domain/car.ts";
import { isChunkerName } from "#actors/domain/chunk-profiles.ts";
import type { Manifest } from "#actors/domain/manifest.ts";
import { TREE_MEDIA_TYPE } from "#actors/domain/tree.ts";
import { CarReader } from "#actors/overlay/car-reader.ts";
import { CarSource } from "#actors/overlay/car-source.ts";
import { CarWalk, type WalkFailure } from "#actors/overlay/car-walk.ts";
import { atAddress, type Reading } from "#actors/overlay/get.ts";
import type { CarBytes, CarWanted, OverlayProtocol, PutReceipt } from "#actors/overlay/protocol.ts";
import { putObject } from "#actors/overlay/put.ts";
import type { PutObject } from "#actors/storage/protocol.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { FailureOf, RequestOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";

export async function openCar(
  reading: Reading,
  wanted: CarWanted,
  within: Within,
): Promise<Result<CarBytes, FailureOf<OverlayProtocol, "getCar">>> {
  const { storage, manifests, hasher, config, clock, random } = reading;
  const located = await rootOf(reading, wanted, within);
  if (!located.ok) return located;
  const root = located.value;
  const lengthBytes = await measure(new CarWalk(root, manifests), encodeCarHeader(root).length, within);
  if (!lengthBytes.ok) return lengthBytes;

  const seams = { config, clock, random };
  const walk = new CarWalk(root, manifests);
  const source = new CarSource({ storage, seams, root, walk, hasher, trace: within.trace });
  return ok({ root, lengthBytes: lengthBytes.value, source });
}

/** Header and root are read before storage is asked for room, so that what is no CAR costs none. */
export async function putCar(
  reading: Reading,
  { source, keepMs }: RequestOf<OverlayProtocol, "putCar">,
  within: Within,
): Promise<Result<PutReceipt, FailureOf<OverlayProtocol, "putCar">>> {
  const car = new CarReader(source, reading.hasher);
  const manifest = await car.open();
  const request = manifest === undefined ? undefined : puttable(manifest, car);
  if (manifest !== undefined && request === undefined) car.refuse("not-puttable");
  if (request === undefined) {
    return fail(car.refusal ?? { code: "storage.source-failed", cause: car.failure ?? { code: "runtime.cancelled" } });
  }
  const put = await putObject(reading, { ...request, keepMs }, within);
  return !put.ok && car.refusal !== undefined ? fail(car.refusal) : put;
}

/**
 * The put that makes the same object; undefined where the manifest says what no put can say: then something of it would
 * be lost in silence.
 */
function puttable(manifest: Manifest, source: ByteSource): PutObject | undefined {
  const { size, object, chunker, mediaType, enc, meta } = manifest;
  if (object === undefined || !isChunkerName(chunker)) return undefined;
  const kind = mediaType === TREE_MEDIA_TYPE ? "tree" : undefined;
  if ((mediaType !== undefined && kind === undefined) || enc !== undefined || meta !== undefined) return undefined;
  return { source, sizeBytes: size, expect: addressOf(object), chunker, kind };
}

/** A root that somebody names himself is looked for by the walk. */
async function rootOf(
  reading: Reading,
  wanted: CarWanted,
  within: Within,
): Promise<Result<CarBytes["root"], FailureOf<OverlayProtocol, "getCar">>> {
  if ("root" in wanted) return ok(wanted.root);
  return await atAddress(reading, wanted.address, within, async ({ facts }) => ok(facts.manifest));
}

/** Bytes of the whole CAR: its nodes are read for it, its chunks are not. */
async function measure(walk: CarWalk, headerBytes: number, within: Within): Promise<Result<number, WalkFailure>> {
  let totalBytes = headerBytes;
  for (;;) {
    const block = await walk.next(within);
    if (!block.ok) return block;
    if (block.value === undefined) return ok(totalBytes);
    const { value } = block;
    totalBytes += sectionBytes(value.kind === "node" ? value.bytes.length : value.lengthBytes);
  }
}
