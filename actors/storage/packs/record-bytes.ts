/**
 * Bytes of records for readers. A failure says whether the record is to blame: `storage.corrupt` where its bytes are not
 * what was stored, are gone, or lie in a place that the disk refuses; `storage.read-failed` where it said nothing about them.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { isBadPlace, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import { HOME_SLOT, slotOf } from "#actors/storage/packs/pack-number.ts";
import type { RecordPlace } from "#actors/storage/packs/record-check.ts";
import type { StorageCorrupt, StorageReadFailed } from "#actors/storage/protocol.ts";
import { errnoOf } from "#runtime/disk/disk-failure.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** Only `storage.corrupt` is a reason to quarantine the record. */
export type ReadTrouble = StorageCorrupt | StorageReadFailed;

/** Fills `into` from the pack of the record of `digest`. Nothing is verified yet. */
export async function fillFrom(
  files: PackFiles,
  digest: Digest,
  pack: number,
  into: Uint8Array,
  position: number,
): Promise<Result<void, ReadTrouble>> {
  const outcome = await files.fill(pack, into, position);
  if (outcome === "filled") return ok();
  // A file that was cut may be put back: not damage for good, as bytes that differ are.
  if (outcome === "lost") return fail({ code: "storage.corrupt", digest, errno: "ENODATA" });
  const errno = errnoOf(outcome);
  // On a volume that is only the mount point of one, nothing has a name.
  const isGone = outcome.code === "disk.not-found" && slotOf(pack) === HOME_SLOT;
  return fail(
    isGone || isBadPlace(outcome) ? { code: "storage.corrupt", digest, errno } : { code: "storage.read-failed", errno },
  );
}

/** A whole payload, verified. For the nodes of manifests, which are short. */
export async function readPayload(
  files: PackFiles,
  digest: Digest,
  { pack, position, payloadOffset, payloadBytes }: RecordPlace,
  hash: (bytes: Uint8Array) => Uint8Array,
): Promise<Result<Uint8Array, ReadTrouble>> {
  const payload = new Uint8Array(payloadBytes);
  const filled = await fillFrom(files, digest, pack, payload, position + payloadOffset);
  if (!filled.ok) return filled;
  return digestFromBytes(hash(payload)) === digest ? ok(payload) : corrupt(digest);
}

/** Of what several records came to: one that may be read later says nothing of the bytes, and counts more than one that is damaged. */
export function worth(known: ReadTrouble | undefined, next: ReadTrouble | undefined): ReadTrouble | undefined {
  return known?.code === "storage.read-failed" ? known : (next ?? known);
}

export function corrupt(digest: Digest): Result<never, StorageCorrupt> {
  return fail({ code: "storage.corrupt", digest });
}
