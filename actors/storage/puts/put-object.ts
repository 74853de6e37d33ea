/**
 * One put, from its first byte to its commit. Small objects join the group commit; large ones stream into a pack of
 * their own. Whatever goes wrong, nothing is kept.
 */
import { type Address, addressOf, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNK_PROFILES, CHUNKER_DEFAULT, type ChunkProfile } from "#actors/domain/chunk-profiles.ts";
import type { ManifestLink } from "#actors/domain/manifest.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { TREE_MEDIA_TYPE } from "#actors/domain/tree.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import { cursorOf } from "#actors/storage/catalog/cursor.ts";
import { checkTree } from "#actors/storage/check-tree.ts";
import { cutSmall } from "#actors/storage/chunks/cut-small.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import { FOR_EVER } from "#actors/storage/keeps/keep.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type {
  AddressMismatch,
  PutFailure,
  PutObject,
  SourceFailed,
  StoredObject,
  TooManyChunks,
} from "#actors/storage/protocol.ts";
import type { GroupCommit } from "#actors/storage/puts/group-commit.ts";
import {
  type Beginning,
  fill,
  Intake,
  readBeginning,
  reservedBytesFor,
  SMALL_BYTES_MAX,
} from "#actors/storage/puts/intake.ts";
import type { ObjectUpload } from "#actors/storage/puts/object-upload.ts";
import type { UploadOptions } from "#actors/storage/puts/upload.ts";
import type { AdmittedPut, WriteLimit } from "#actors/storage/puts/write-limit.ts";
import type { Space } from "#actors/storage/space.ts";
import type { Reservations } from "#runtime/buffers.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Within } from "#runtime/ref.ts";
import { slabBytes } from "#runtime/slabs.ts";
import { asSource } from "#runtime/whole-source.ts";

/** The source delivered more or fewer bytes than its size said. */
export interface SizeMismatch extends Failure<"storage.size-mismatch"> {
  readonly expectedBytes: number;
  /** At least so many: it is not read further. */
  readonly seenBytes: number;
}

/** How large objects are written. */
export interface LargePuts {
  /** Waits for its turn; undefined when `signal` was aborted first. */
  begin(options: UploadOptions, signal: AbortSignal): Promise<Result<ObjectUpload, DiskFailure> | undefined>;
  /** Memory of one beside the slabs that its bytes arrive in. */
  readonly extraBytes: number;
}

type Outcome = Result<StoredObject, PutFailure>;

export interface PutDeps {
  readonly cpu: Pick<Cpu, "digest" | "hasher">;
  readonly catalog: Catalog;
  readonly keeping: Keeping;
  readonly gearTable: Int32Array;
  readonly pause: Pause;
  readonly smalls: Pick<GroupCommit, "put">;
  readonly larges: LargePuts;
  readonly reservations: Reservations;
  readonly space: Space;
  readonly limit: WriteLimit;
  readonly config: () => StorageConfig;
  readonly clock: Clock;
}

interface StreamedPut extends PutObject {
  readonly source: ByteSource;
}

interface OnePutDeps extends PutDeps {
  readonly admitted: AdmittedPut;
}

export async function putObject(put: PutObject, deps: PutDeps, within: Within): Promise<Outcome> {
  const { objectSizeBytesMax: sizeBytesMax } = deps.config();
  const { source, sizeBytes } = put;
  if (sizeBytes !== undefined && sizeBytes > sizeBytesMax) {
    return fail({ code: "storage.object-too-large", sizeBytesMax });
  }
  const isSmall = source instanceof Uint8Array && source.length <= SMALL_BYTES_MAX;
  return isSmall
    ? await putWhole(put, source, deps, within)
    : await putStreamed({ ...put, source: asSource(source) }, deps, within);
}

/** There is nothing to wait for, and no buffer to read into: its bytes are counted while they are in use. */
async function putWhole(put: PutObject, bytes: Uint8Array, deps: PutDeps, within: Within): Promise<Outcome> {
  const { length } = bytes;
  const reserved = await deps.reservations.reserve(put, reservedBytesFor(length), within);
  if (!reserved.ok) return sourceFailed(reserved.failure);

  const admitted = deps.limit.begin();
  const outcome = await putSmall(put, { parts: [bytes], sizeBytes: length, ended: true }, { ...deps, admitted });
  admitted.end();
  reserved.value.release();
  return outcome;
}

async function putStreamed(put: StreamedPut, deps: PutDeps, within: Within): Promise<Outcome> {
  const { source, sizeBytes } = put;
  // All of it, so that nothing is read of what would not fit; it is admitted again as it comes.
  const probe = deps.limit.begin();
  const fits = await probe.admit(sizeBytes ?? slabBytes);
  probe.end();
  if (!fits.ok) return fits;
  const extraBytes = sizeBytes !== undefined && sizeBytes <= SMALL_BYTES_MAX ? 0 : deps.larges.extraBytes;
  const reserved = await deps.reservations.reserve(put, reservedBytesFor(sizeBytes) + extraBytes, within);
  if (!reserved.ok) return sourceFailed(reserved.failure);

  const intake = new Intake(reserved.value);
  const admitted = deps.limit.begin();
  const outcome = await readAndStore(put, { ...deps, admitted }, within, intake);
  admitted.end();
  intake.release();
  if (!outcome.ok) source.cancel(outcome.failure);
  return outcome;
}

/** When it settles, nothing that it began still reads a slab. */
async function readAndStore(put: StreamedPut, deps: OnePutDeps, within: Within, intake: Intake): Promise<Outcome> {
  const { source, sizeBytes } = put;
  const beginning = await readBeginning(source, sizeBytes, intake);
  if (beginning === undefined) return sourceFailed(source.failure);
  const { sizeBytes: seenBytes, ended } = beginning;
  if (ended && seenBytes <= SMALL_BYTES_MAX) return await putSmall(put, beginning, deps);
  if (sizeBytes !== undefined && seenBytes >= sizeBytes) return sizeMismatch(sizeBytes, seenBytes + 1);
  if (put.kind === "tree") return fail({ code: "storage.tree-refused", problem: "too-large" });
  return await putLarge(put, beginning, deps, within, intake);
}

async function putSmall(put: PutObject, { parts, sizeBytes: size }: Beginning, deps: OnePutDeps): Promise<Outcome> {
  const { admitted, cpu, keeping, smalls, config, gearTable } = deps;
  const { sizeBytes, expect, enc, kind } = put;
  const profile = profileOf(put);
  const { objectSizeBytesMax: sizeBytesMax } = config();
  if (sizeBytes !== undefined && size !== sizeBytes) return sizeMismatch(sizeBytes, size);
  if (size > sizeBytesMax) return fail({ code: "storage.object-too-large", sizeBytesMax });
  const fits = await admitted.admit(size);
  if (!fits.ok) return fits;

  const chunks = cutSmall(parts, profile, gearTable, cpu);
  const links = chunks.map(({ digest, digests }) => ({ length: digests.lengthBytes, digest }));
  const object = enc === undefined ? wholeDigest(parts, links, deps) : undefined;
  const mismatch = mismatchOf(expect, object);
  if (mismatch !== undefined) return fail(mismatch);
  const refused = kind === "tree" ? await checkTree(parts, deps) : undefined;
  if (refused !== undefined) return fail(refused);
  const mediaType = kind === "tree" ? TREE_MEDIA_TYPE : undefined;
  const facts = { size, chunker: profile.name, object, enc, mediaType };
  const { root } = buildManifestTree(facts, links, (bytes) => digestFromBytes(cpu.digest(bytes)));
  const keepUntilMs = keepUntil(put, deps);
  const kept = await keeping.pinWhile({ object, manifest: root.digest }, keepUntilMs, () =>
    smalls.put({ object, chunks, sizeBytes: size, manifest: root, keepUntilMs }),
  );
  const committed = kept.ok ? kept.value : kept;
  if (!committed.ok) return committed;
  const { sequence, known } = committed.value;
  return ok({
    address: object && addressOf(object),
    manifest: root.digest,
    sizeBytes: size,
    chunkCount: links.length,
    known,
    cursor: cursorOf(deps.catalog.era, { sequence, manifest: root.digest }),
  });
}

async function putLarge(
  put: StreamedPut,
  beginning: Beginning,
  deps: OnePutDeps,
  within: Within,
  intake: Intake,
): Promise<Outcome> {
  const options = { profile: profileOf(put), keepUntilMs: keepUntil(put, deps), enc: put.enc };
  const begun = await deps.larges.begin(options, within.signal);
  if (begun === undefined) return sourceFailed(put.source.failure);
  if (!begun.ok) return fail(await writeFailure(begun.failure, deps.space));
  const upload = begun.value;
  const outcome = await streamAndCommit(put, beginning, deps, intake, upload);
  if (!outcome.ok) await upload.abandon();
  return outcome;
}

async function streamAndCommit(
  put: StreamedPut,
  beginning: Beginning,
  deps: OnePutDeps,
  intake: Intake,
  upload: ObjectUpload,
): Promise<Outcome> {
  const { admitted, keeping, space } = deps;
  const fits = await admitted.admit(beginning.sizeBytes);
  if (!fits.ok) return fits;
  for (const part of beginning.parts) {
    const fed = await upload.feed(part);
    if (!fed.ok) return fail(await writeFailure(fed.failure, space));
  }
  const settled = await upload.settle();
  if (!settled.ok) return fail(await writeFailure(settled.failure, space));
  // A source that has ended says so again.
  const streamed = await stream(put, intake.pairOfSlabs(), deps, upload);
  if (!streamed.ok) return streamed;

  if (put.sizeBytes !== undefined && upload.sizeBytes !== put.sizeBytes) {
    return sizeMismatch(put.sizeBytes, upload.sizeBytes);
  }
  const finished = await upload.finish();
  if (!finished.ok) return fail(await writeFailure(finished.failure, space));
  const tooMany = chunksOver(put, upload, deps.config());
  if (tooMany !== undefined) return fail(tooMany);
  const { object: digest, tree } = finished.value;
  const mismatch = mismatchOf(put.expect, digest);
  if (mismatch !== undefined) return fail(mismatch);
  const kept = await keeping.pinWhile({ object: digest, manifest: tree.root.digest }, upload.keepUntilMs, () =>
    upload.commit(finished.value),
  );
  if (!kept.ok) return kept;
  const committed = kept.value;
  if (!committed.ok) return fail(await writeFailure(committed.failure, space));
  const { object, manifest, chunkCount, sequence, known } = committed.value;
  const { sizeBytes } = upload;
  const cursor = cursorOf(deps.catalog.era, { sequence, manifest });
  return ok({ address: object && addressOf(object), manifest, sizeBytes, chunkCount, known, cursor });
}

/** Reads to the end: one slab is filled while the other is being written. */
async function stream(
  put: StreamedPut,
  slabs: readonly [Uint8Array, Uint8Array],
  { admitted, config, space }: OnePutDeps,
  upload: ObjectUpload,
): Promise<Result<void, PutFailure>> {
  let [filling, writing] = slabs;
  for (;;) {
    const filled = await fill(put.source, filling);
    if (filled === undefined) return sourceFailed(put.source.failure);
    const { objectSizeBytesMax: sizeBytesMax } = config();
    if (upload.sizeBytes + filled.count > sizeBytesMax) {
      return fail({ code: "storage.object-too-large", sizeBytesMax });
    }
    admitted.counted(upload.enteredBytes);
    const fits = await admitted.admit(filled.count);
    if (!fits.ok) return fits;
    const fed = await upload.feed(filling.subarray(0, filled.count));
    if (!fed.ok) return fail(await writeFailure(fed.failure, space));
    const tooMany = chunksOver(put, upload, config());
    if (tooMany !== undefined) return fail(tooMany);
    if (filled.ended) return ok();
    [filling, writing] = [writing, filling];
  }
}

function chunksOver(
  { chunker = CHUNKER_DEFAULT }: PutObject,
  { chunkCount }: ObjectUpload,
  { objectChunksMax: chunksMax }: StorageConfig,
): TooManyChunks | undefined {
  return chunkCount > chunksMax ? { code: "storage.too-many-chunks", chunker, chunksMax } : undefined;
}

function keepUntil({ keepMs }: PutObject, { clock }: PutDeps): number {
  return keepMs === undefined ? FOR_EVER : clock.wallMs() + keepMs;
}

function profileOf({ chunker = CHUNKER_DEFAULT }: PutObject): ChunkProfile {
  return CHUNK_PROFILES[chunker];
}

/** One chunk is the whole, and was hashed already. */
function wholeDigest(parts: readonly Uint8Array[], links: readonly ManifestLink[], { cpu }: PutDeps): Digest {
  const [only] = links;
  if (links.length === 1 && only !== undefined) return only.digest;
  const hasher = cpu.hasher();
  for (const part of parts) hasher.update(part);
  return digestFromBytes(hasher.digest());
}

function mismatchOf(expected: Address | undefined, object: Digest | undefined): AddressMismatch | undefined {
  if (expected === undefined) return undefined;
  assert(object !== undefined, "nobody expects an address of ciphertext");
  const actual = addressOf(object);
  if (expected === actual) return undefined;
  return { code: "storage.address-mismatch", expected, actual };
}

function sourceFailed(cause: Failure | undefined): Result<never, SourceFailed> {
  return fail({ code: "storage.source-failed", cause: cause ?? { code: "runtime.cancelled" } });
}

function sizeMismatch(expectedBytes: number, seenBytes: number): Result<never, SourceFailed> {
  const cause: SizeMismatch = { code: "storage.size-mismatch", expectedBytes, seenBytes };
  return sourceFailed(cause);
}
