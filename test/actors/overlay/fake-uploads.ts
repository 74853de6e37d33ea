/** Uploads in pieces in a storage of nothing but memory: added to at once, stored when they are asked for. */
import { type UploadFacts, type UploadId, uploadIdFromBytes } from "#actors/domain/upload.ts";
import type { StorageEvents, StorageProtocol } from "#actors/storage/protocol.ts";
import type { Handlers } from "#runtime/behavior.ts";
import { ENDED } from "#runtime/byte-source.ts";
import { fail, ok } from "#runtime/errors.ts";
import type { FakeStorage } from "#test/actors/overlay/fake-storage.ts";

export interface FakeUpload {
  readonly facts: UploadFacts;
  readonly bytes: Uint8Array;
}

type Names = "beginUpload" | "appendUpload" | "statUpload" | "cancelUpload";

export const uploadHandlers: Pick<Handlers<StorageProtocol, StorageEvents, FakeStorage>, Names> = {
  beginUpload: ({ uploads }, { sizeBytes, note }) => {
    const upload = uploadIdFromBytes(new Uint8Array(16).fill(uploads.size + 1));
    const facts = { upload, offsetBytes: 0, sizeBytes, note, expiresWallMs: 0, stored: undefined };
    uploads.set(upload, { facts, bytes: new Uint8Array(0) });
    return ok(facts);
  },

  appendUpload: (storage, { upload, offsetBytes, source }, ctx) => {
    const found = storage.uploads.get(upload);
    if (found === undefined) return unknown(upload);
    if (offsetBytes !== found.bytes.length) {
      return fail({ code: "storage.upload-conflict", offsetBytes: found.bytes.length });
    }
    return ctx.later(
      async () => {
        const into = new Uint8Array(1024);
        const parts = [found.bytes];
        let count = await source.read(into);
        for (; count > 0; count = await source.read(into)) parts.push(into.slice(0, count));
        return count === ENDED ? Buffer.concat(parts) : (source.failure ?? { code: "source.failed" });
      },
      ({ uploads }, bytes) => {
        if (!(bytes instanceof Uint8Array)) return fail({ code: "storage.source-failed", cause: bytes });
        const facts = { ...found.facts, offsetBytes: bytes.length };
        uploads.set(upload, { facts, bytes });
        return ok(facts);
      },
    );
  },

  statUpload: (storage, { upload }) => {
    const found = storage.uploads.get(upload);
    if (found === undefined) return unknown(upload);
    const { facts, bytes } = found;
    if (facts.sizeBytes !== bytes.length) return ok(facts);
    return ok({ ...facts, stored: { ...storage.store(bytes), chunkCount: 1 } });
  },

  cancelUpload: ({ uploads }, { upload }) => (uploads.delete(upload) ? ok() : unknown(upload)),
};

function unknown(upload: UploadId) {
  return fail({ code: "storage.upload-unknown", upload } as const);
}
