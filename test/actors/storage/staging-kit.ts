/** Uploads in pieces as a client of storage sends them. */
import assert from "node:assert/strict";
import type { AppendUpload, BeginUpload, UploadFacts, UploadId } from "#actors/domain/upload.ts";
import type { StorageProtocol } from "#actors/storage/protocol.ts";
import type { Result } from "#runtime/errors.ts";
import type { Ref } from "#runtime/ref.ts";
import { sourceOf, within } from "#test/actors/storage/storage-kit.ts";

interface Kit {
  readonly ref: Ref<StorageProtocol>;
}

export const stagingDirectory = "/data/staging";

export function begin({ ref }: Kit, begun: Partial<BeginUpload> = {}): Promise<Result<UploadFacts>> {
  return ref.call("beginUpload", { sizeBytes: undefined, note: "", manner: {}, ...begun }, within);
}

export async function mustBegin(kit: Kit, begun: Partial<BeginUpload> = {}): Promise<UploadId> {
  const facts = await begin(kit, begun);
  assert(facts.ok, JSON.stringify(facts));
  return facts.value.upload;
}

export function append(
  { ref }: Kit,
  upload: UploadId,
  offsetBytes: number,
  bytes: Uint8Array,
  more: Partial<AppendUpload> = {},
): Promise<Result<UploadFacts>> {
  const body = { source: sourceOf(bytes), lengthBytes: undefined, sizeBytes: undefined, isWhole: false };
  return ref.call("appendUpload", { upload, offsetBytes, ...body, ...more }, within);
}

export async function mustAppend(...asked: Parameters<typeof append>): Promise<UploadFacts> {
  const facts = await append(...asked);
  assert(facts.ok, JSON.stringify(facts));
  return facts.value;
}

export function stat({ ref }: Kit, upload: UploadId, waitMs = 0): Promise<Result<UploadFacts>> {
  return ref.call("statUpload", { upload, waitMs }, within);
}

/** So long that nothing here takes it. */
export const long = 30_000;

export async function mustStat(kit: Kit, upload: UploadId, waitMs = 0): Promise<UploadFacts> {
  const facts = await stat(kit, upload, waitMs);
  assert(facts.ok, JSON.stringify(facts));
  return facts.value;
}

export function cancel({ ref }: Kit, upload: UploadId): Promise<Result<void>> {
  return ref.call("cancelUpload", { upload }, within);
}

export const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);
