/**
 * A get and a stat: from an address over index's answer and storage's manifest, or from the root of a manifest at once, to
 * facts and a source.
 */
import { type Address, bytesFromDigest, type Digest } from "#actors/domain/address.ts";
import { type ByteRange, type Extent, extentOf } from "#actors/domain/byte-range.ts";
import type { Manifest } from "#actors/domain/manifest.ts";
import { ask, optionsOf } from "#actors/overlay/ask.ts";
import { corrupt, type ManifestReader, type ReadFailure } from "#actors/overlay/manifest-reader.ts";
import { HELD_BACK_BYTES_MAX, ObjectSource } from "#actors/overlay/object-source.ts";
import type {
  ContentBytes,
  ContentFacts,
  ObjectBytes,
  ObjectFacts,
  OverlayProtocol,
  OverlayUnavailable,
  RangeUnsatisfiable,
} from "#actors/overlay/protocol.ts";
import type { Below } from "#actors/overlay/put.ts";
import { type Gone, isGone, withResolved } from "#actors/overlay/resolve.ts";
import { SliceWalk } from "#actors/overlay/slice-walk.ts";
import { readAsSmall, readSmall, type SmallObjects, smallIn } from "#actors/overlay/small-object.ts";
import type { StorageCorrupt } from "#actors/storage/protocol.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import { fail, ok } from "#runtime/errors.ts";
import type { Hasher } from "#runtime/pool/cpu.ts";
import type { FailureOf, RequestOf } from "#runtime/protocol.ts";
import type { Within } from "#runtime/ref.ts";
import type { Scope } from "#runtime/scope.ts";

export interface Reading extends Below {
  readonly manifests: ManifestReader;
  readonly small: SmallObjects;
  readonly hasher: () => Hasher;
}

export interface Located {
  readonly facts: ContentFacts;
  readonly manifest: Manifest;
  readonly lastChunkBytes: number;
}

export async function statObject(
  reading: Reading,
  { address, damageToo = false }: RequestOf<OverlayProtocol, "stat">,
  within: Within,
): Promise<Result<ObjectFacts, FailureOf<OverlayProtocol, "stat">>> {
  return await atAddress(reading, address, within, async ({ facts }) => {
    const { manifest: root } = facts;
    const intact = damageToo ? await mustBeIntact(reading, root, within) : ok();
    return intact.ok ? ok({ ...facts, address }) : intact;
  });
}

/** As far as storage knows. */
async function mustBeIntact(
  reading: Reading,
  root: Digest,
  within: Within,
): Promise<Result<void, StorageCorrupt | OverlayUnavailable>> {
  const options = optionsOf(reading, within);
  const isDamaged = await ask(reading, within, () => reading.storage.call("isDamaged", { root }, options));
  if (!isDamaged.ok) return isDamaged;
  return isDamaged.value ? corrupt(root) : ok();
}

export async function statByRoot(
  reading: Reading,
  root: Digest,
  within: Within,
): Promise<Result<ContentFacts, FailureOf<OverlayProtocol, "statByRoot">>> {
  const located = await locateRoot(reading, root, within);
  return located.ok ? ok(located.value.facts) : located;
}

export async function getObject(
  reading: Reading,
  { address, range }: { readonly address: Address; readonly range?: ByteRange | undefined },
  within: Within,
  scope: Scope,
): Promise<Result<ObjectBytes, FailureOf<OverlayProtocol, "get">>> {
  const known = reading.small.get(address);
  const again = known && (await readSmall(reading, known, range, within));
  if (again?.ok === true) return again;
  // What is refused now is asked for anew: the object may be removed, also where it has no such range, or described by another
  // manifest.
  if (known !== undefined) reading.small.delete(address);

  return await atAddress(reading, address, within, async (located) => {
    const small = smallIn(located, address);
    if (small !== undefined) return await readAsSmall(reading, small, range, within);
    const opened = await open(reading, located, range, within, scope);
    return opened.ok ? ok({ ...opened.value, address }) : opened;
  });
}

export async function getByRoot(
  reading: Reading,
  { root, range }: { readonly root: Digest; readonly range?: ByteRange | undefined },
  within: Within,
  scope: Scope,
): Promise<Result<ContentBytes, FailureOf<OverlayProtocol, "getByRoot">>> {
  const located = await locateRoot(reading, root, within);
  return located.ok ? await open(reading, located.value, range, within, scope) : located;
}

/** The source is open when this settles: chunks that are missing at its beginning are known before any byte leaves. */
async function open(
  reading: Reading,
  located: Located,
  range: ByteRange | undefined,
  within: Within,
  scope: Scope,
): Promise<Result<ContentBytes, ReadFailure | RangeUnsatisfiable>> {
  const { facts } = located;
  const { sizeBytes } = facts;
  const extent = extentOf(range, sizeBytes);
  if (extent === undefined) return fail({ code: "overlay.range-unsatisfiable", sizeBytes });

  const source = compose(reading, located, extent, within, scope);
  // What was opened for nobody any more ends with the reply that nobody takes.
  const opened = await source.open(within);
  return opened.ok ? ok({ ...facts, ...extent, body: source }) : opened;
}

/** Answers as `read` does with what index and manifest say of the object. What is to last and is nowhere is damage. */
export async function atAddress<Value, Refused extends Failure>(
  reading: Reading,
  address: Address,
  within: Within,
  read: (located: Located) => Promise<Result<Value, Refused>>,
): Promise<Result<Value, Exclude<Refused, Gone> | FailureOf<OverlayProtocol, "stat">>> {
  const outcome = await withResolved<Value, Refused | Gone | ReadFailure>(reading, address, within, async (root) => {
    const manifest = await reading.manifests.root(root, address, within);
    const located = manifest.ok ? await measure(reading, root, manifest.value, within) : manifest;
    return located.ok ? await read(located.value) : located;
  });
  if (outcome.ok) return outcome;
  return isGone(outcome.failure)
    ? corrupt(outcome.failure.root)
    : fail(outcome.failure as Exclude<Refused, Gone> | ReadFailure);
}

async function locateRoot(
  reading: Reading,
  root: Digest,
  within: Within,
): Promise<Result<Located, FailureOf<OverlayProtocol, "statByRoot">>> {
  const manifest = await reading.manifests.held(root, within);
  return manifest.ok ? await measure(reading, root, manifest.value, within) : manifest;
}

/** The manifest's size, not the index's: the manifest is what the digest proves. */
async function measure(
  { manifests }: Reading,
  root: Digest,
  manifest: Manifest,
  within: Within,
): Promise<Result<Located, ReadFailure>> {
  const shape = await manifests.shape(manifest, within);
  if (!shape.ok) return shape;
  const { chunkCount, lastChunkBytes } = shape.value;
  return ok({ facts: { manifest: root, sizeBytes: manifest.size, chunkCount }, manifest, lastChunkBytes });
}

function compose(
  { storage, manifests, hasher, config, clock, random }: Reading,
  { facts, manifest, lastChunkBytes }: Located,
  extent: Extent,
  { trace }: Within,
  scope: Scope,
): ObjectSource {
  // A closed scope closes at once what is added to it, before it answers.
  let forget = (): void => undefined;
  const object = extent.lengthBytes === manifest.size ? digestToCompare(manifest) : undefined;
  const source = new ObjectSource({
    storage,
    seams: { config, clock, random },
    walk: new SliceWalk(manifest, extent, manifests),
    lengthBytes: extent.lengthBytes,
    manifest: facts.manifest,
    expected:
      object === undefined
        ? undefined
        : { digest: bytesFromDigest(object), hasher: hasher(), lastSegmentBytes: lastSegment(lastChunkBytes) },
    trace,
    onSettled: () => forget(),
  });
  forget = scope.add(() => source.cancel(ENDED_WITH_INCARNATION));
  return source;
}

/**
 * Undefined where hashing again could say nothing new: the one chunk is named by the address itself, and storage hands
 * out only bytes that it has verified under that name.
 */
function digestToCompare({ links, linkKind, object }: Manifest): Digest | undefined {
  const isProvenByChunk = linkKind === "chunk" && links.length === 1 && links[0]?.digest === object;
  return isProvenByChunk ? undefined : object;
}

/** Segments are cut from the beginning of a chunk, so the last one is what remains. */
function lastSegment(chunkBytes: number): number {
  return chunkBytes === 0 ? 0 : ((chunkBytes - 1) % HELD_BACK_BYTES_MAX) + 1;
}

const ENDED_WITH_INCARNATION: Failure & { readonly cause: string; readonly executed: "maybe" } = {
  code: "overlay.unavailable",
  cause: "runtime.actor-crashed",
  executed: "maybe",
};
