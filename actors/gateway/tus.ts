/**
 * Uploads in pieces, by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload).
 *
 * The last piece, and HEAD of an upload that is complete, are answered when the object is stored, with its address, or after
 * `uploadStoreWaitMs` without: it is stored all the same.
 */
import type { UploadFacts, UploadId } from "#actors/domain/upload.ts";
import type { Answer, Desk, Served, Visit } from "#actors/gateway/desk.ts";
import { expectedDigests } from "#actors/gateway/digest-fields.ts";
import { DigestedSource } from "#actors/gateway/digested-source.ts";
import type { HttpFailure, ObjectOverLimit } from "#actors/gateway/failures.ts";
import { LimitedSource } from "#actors/gateway/limited-source.ts";
import { optionsOf } from "#actors/gateway/objects.ts";
import { mannerOf } from "#actors/gateway/put-manner.ts";
import {
  badField,
  checksumIn,
  lengthIn,
  metadataIn,
  numberIn,
  TUS_VERSION,
  tusAbilities,
} from "#actors/gateway/tus-fields.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

type Moved = Promise<Result<UploadFacts, HttpFailure>>;

export function describeTus({ config }: Desk): Answer {
  return { status: 204, headers: tusAbilities(config.current.objectSizeBytesMax), body: undefined };
}

/** POST: with a body, its first piece is in it. */
export async function beginUpload(desk: Desk, visit: Visit): Served {
  const { headers, body } = visit.request;
  const spoken = checkVersion(visit);
  if (!spoken.ok) return spoken;
  const sizeBytes = lengthIn(headers);
  if (!sizeBytes.ok) return sizeBytes;
  const note = metadataIn(headers);
  if (!note.ok) return note;
  const manner = mannerOf(visit, undefined);
  if (!manner.ok) return manner;
  if (body !== undefined && !isPiece(visit)) return fail({ code: "gateway.not-a-piece" });
  if (desk.writeGate.isDraining) return fail({ code: "gateway.draining" });
  const allowed = checkSize(desk, visit, 0, sizeBytes.value);
  if (!allowed.ok) return allowed;

  const options = optionsOf(desk, visit);
  const begin = { sizeBytes: sizeBytes.value, note: note.value, manner: manner.value };
  const begun = await desk.overlay.call("beginUpload", begin, options);
  if (!begun.ok) {
    desk.writeGate.failed(begun.failure);
    return begun;
  }
  const { upload } = begun.value;
  const moved = await (body === undefined
    ? arrived(desk, visit, begun.value)
    : move(desk, visit, upload, 0, undefined));
  if (moved.ok) return ok(answerOf(201, moved.value, { Location: `/uploads/${upload}` }));
  // Nobody was told its name. That it goes is not for the client's sake, who may be gone.
  await desk.overlay.call("cancelUpload", { upload }, { ...options, within: undefined });
  return moved;
}

/** PATCH. */
export async function appendUpload(desk: Desk, visit: Visit, upload: UploadId): Served {
  const { headers } = visit.request;
  const spoken = checkVersion(visit);
  if (!spoken.ok) return spoken;
  if (!isPiece(visit)) return fail({ code: "gateway.not-a-piece" });
  const offsetBytes = numberIn(headers, "upload-offset");
  if (!offsetBytes.ok) return offsetBytes;
  if (offsetBytes.value === undefined) return badField("upload-offset");
  const sizeBytes = numberIn(headers, "upload-length");
  if (!sizeBytes.ok) return sizeBytes;
  if (desk.writeGate.isDraining) return fail({ code: "gateway.draining" });
  const allowed = checkSize(desk, visit, offsetBytes.value, sizeBytes.value);
  if (!allowed.ok) return allowed;
  const moved = await move(desk, visit, upload, offsetBytes.value, sizeBytes.value);
  return moved.ok ? ok(answerOf(204, moved.value)) : moved;
}

/** HEAD. */
export async function statUpload(desk: Desk, visit: Visit, upload: UploadId): Served {
  const spoken = checkVersion(visit);
  if (!spoken.ok) return spoken;
  const facts = await settled(desk, visit, upload);
  if (!facts.ok) return facts;
  const { sizeBytes, note } = facts.value;
  return ok(
    answerOf(200, facts.value, {
      ...(sizeBytes === undefined ? { "Upload-Defer-Length": "1" } : { "Upload-Length": String(sizeBytes) }),
      ...(note === "" ? {} : { "Upload-Metadata": note }),
    }),
  );
}

/** DELETE. */
export async function cancelUpload(desk: Desk, visit: Visit, upload: UploadId): Served {
  const spoken = checkVersion(visit);
  if (!spoken.ok) return spoken;
  const cancelled = await desk.overlay.call("cancelUpload", { upload }, optionsOf(desk, visit));
  return cancelled.ok ? ok({ status: 204, headers: {}, body: undefined }) : cancelled;
}

/** The body is added; what carries a proof is kept whole or not at all. */
async function move(
  desk: Desk,
  visit: Visit,
  upload: UploadId,
  offsetBytes: number,
  sizeBytes: number | undefined,
): Moved {
  const { body, contentLength, headers } = visit.request;
  const digests = expectedDigests(headers);
  if (!digests.ok) return digests;
  const checksum = checksumIn(headers);
  if (!checksum.ok) return checksum;
  const expected = [...digests.value, ...checksum.value];
  const isWhole = expected.length > 0;
  const { objectSizeBytesMax } = desk.config.current;
  const limited = new LimitedSource(body, objectSizeBytesMax, (bytes) => desk.meters.received(bytes), offsetBytes);
  const source = isWhole ? new DigestedSource(limited, expected) : limited;
  const lengthBytes = body === undefined ? 0 : contentLength;
  const request = { upload, offsetBytes, source, lengthBytes, sizeBytes, isWhole };
  const appended = await desk.overlay.call("appendUpload", request, optionsOf(desk, visit));
  if (appended.ok) return await arrived(desk, visit, appended.value);
  desk.writeGate.failed(appended.failure);
  return appended;
}

/** An upload that is complete becomes an object before that is answered. */
async function arrived(desk: Desk, visit: Visit, facts: UploadFacts): Moved {
  if (facts.offsetBytes !== facts.sizeBytes) return ok(facts);
  return await settled(desk, visit, facts.upload);
}

async function settled(desk: Desk, visit: Visit, upload: UploadId): Moved {
  const options = optionsOf(desk, visit);
  const waitMs = desk.config.current.uploadStoreWaitMs;
  const facts = await desk.overlay.call(
    "statUpload",
    { upload, waitMs },
    { ...options, timeoutMs: options.timeoutMs + waitMs },
  );
  if (!facts.ok) desk.writeGate.failed(facts.failure);
  if (facts.ok && facts.value.stored !== undefined) desk.writeGate.stored();
  return facts;
}

function answerOf(status: number, facts: UploadFacts, more: Readonly<Record<string, string>> = {}): Answer {
  const { offsetBytes, expiresWallMs, stored } = facts;
  const address = stored?.address;
  return {
    status,
    headers: {
      "Cache-Control": "no-store",
      "Upload-Offset": String(offsetBytes),
      "Upload-Expires": new Date(expiresWallMs).toUTCString(),
      ...(address === undefined ? {} : { "Cepa-Address": address }),
      ...(stored === undefined ? {} : { "Cepa-Manifest": stored.manifest }),
      ...more,
    },
    body: undefined,
  };
}

/** How long the upload is said to be, and how far this request is known to take it. */
function checkSize(
  { config }: Desk,
  { request }: Visit,
  offsetBytes: number,
  sizeBytes: number = 0,
): Result<void, ObjectOverLimit> {
  const { objectSizeBytesMax } = config.current;
  const knownBytes = Math.max(sizeBytes, offsetBytes + (request.contentLength ?? 0));
  if (knownBytes <= objectSizeBytesMax) return ok();
  return fail({ code: "gateway.object-too-large", sizeBytesMax: objectSizeBytesMax });
}

function checkVersion({ request }: Visit): Result<void, HttpFailure> {
  return request.headers["tus-resumable"] === TUS_VERSION ? ok() : fail({ code: "gateway.tus-version" });
}

function isPiece({ request }: Visit): boolean {
  return request.headers["content-type"]?.trim().toLowerCase() === "application/offset+octet-stream";
}
