/** Uploads in pieces as gateway sees them: in memory, stored as soon as they are asked for. */
import {
  type AppendUpload,
  type BeginUpload,
  type PutManner,
  type UploadFacts,
  type UploadId,
  uploadIdFromBytes,
} from "#actors/domain/upload.ts";
import { FAILED } from "#runtime/byte-source.ts";
import { fail, ok } from "#runtime/errors.ts";
import { type FakeOverlay, manifestOf } from "#test/actors/gateway/fake-overlay.ts";

export interface FakeUpload {
  readonly facts: UploadFacts;
  readonly bytes: Uint8Array;
  readonly manner: PutManner;
}

export function beginUpload(overlay: FakeOverlay, { sizeBytes, note, manner }: BeginUpload): unknown {
  const upload = uploadIdFromBytes(new Uint8Array(16).fill(overlay.uploads.size + 1));
  const { expiresWallMs } = overlay;
  const facts = { upload, offsetBytes: 0, sizeBytes, note, expiresWallMs, stored: undefined };
  overlay.uploads.set(upload, { facts, manner, bytes: new Uint8Array(0) });
  return ok(facts);
}

export async function appendUpload({ uploads }: FakeOverlay, request: AppendUpload): Promise<unknown> {
  const { upload, offsetBytes, source, isWhole } = request;
  const found = uploads.get(upload);
  if (found === undefined) return fail({ code: "storage.upload-unknown", upload });
  const { facts } = found;
  if (offsetBytes !== facts.offsetBytes) {
    return fail({ code: "storage.upload-conflict", offsetBytes: facts.offsetBytes });
  }
  const sizeBytes = facts.sizeBytes ?? request.sizeBytes;
  const into = new Uint8Array(1024);
  const parts = [found.bytes];
  let count = await source.read(into);
  for (; count > 0; count = await source.read(into)) parts.push(into.slice(0, count));
  const bytes = Buffer.concat(parts);
  if (sizeBytes !== undefined && bytes.length > sizeBytes) return fail({ code: "storage.upload-overrun", sizeBytes });
  const now = { ...facts, sizeBytes, offsetBytes: bytes.length };
  if (count !== FAILED || !isWhole) uploads.set(upload, { ...found, facts: now, bytes });
  return count === FAILED ? fail({ code: "storage.source-failed", cause: source.failure }) : ok(now);
}

export function statUpload(overlay: FakeOverlay, { upload }: { readonly upload: UploadId }): unknown {
  const found = overlay.uploads.get(upload);
  if (found === undefined) return fail({ code: "storage.upload-unknown", upload });
  const { facts, bytes } = found;
  if (facts.sizeBytes !== bytes.length || overlay.isStoringSlow) return ok(facts);
  const address = overlay.add(bytes);
  const stored = { address, manifest: manifestOf(address), sizeBytes: bytes.length, chunkCount: 1 };
  return ok({ ...facts, stored });
}
