/** The book of uploads in pieces against a map of what was last said, over any records and any rewriting of the journal. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type UploadId, uploadIdFromBytes } from "#actors/domain/upload.ts";
import { encodeChange, type StagedUpload, UploadBook, type UploadChange } from "#actors/storage/staging/upload-book.ts";

const uploads = fc.nat(3).map((nth): UploadId => uploadIdFromBytes(new Uint8Array(16).fill(nth)));
const sizes = fc.option(fc.nat(1000), { nil: undefined });

const beginnings = fc
  .record({ upload: uploads, sizeBytes: sizes, note: fc.string({ maxLength: 8 }), changedWallMs: fc.nat() })
  .map((begun): UploadChange => ({ ...begun, offsetBytes: 0, crc: 0, manner: { chunker: "gear-fine/1" } }));
const changes = fc.oneof(
  beginnings,
  fc.record({ upload: uploads, offsetBytes: fc.nat(1000), crc: fc.nat(), changedWallMs: fc.nat() }),
  fc.record({ upload: uploads, sizeBytes: fc.nat(1000) }),
  fc.record({ upload: uploads, isOver: fc.constant(true as const) }),
  fc.record({
    upload: uploads,
    stored: fc.record({
      address: fc.constant(undefined),
      manifest: fc.constant("m" as never),
      sizeBytes: fc.nat(),
      chunkCount: fc.nat(),
    }),
  }),
);
const steps = fc.array(
  fc.oneof({ weight: 6, arbitrary: changes }, { weight: 1, arbitrary: fc.constant("rewrite" as const) }),
);

/** As JSON has it: what is undefined is not there. */
const plain = (all: readonly StagedUpload[]): unknown => JSON.parse(JSON.stringify(all));

describe("storage: the book of uploads in pieces", () => {
  it("is what its records say, also after the journal was rewritten", () => {
    fc.assert(
      fc.property(steps, (script) => {
        let book = new UploadBook();
        const model = new Map<UploadId, StagedUpload>();
        for (const step of script) {
          if (step === "rewrite") {
            const again = new UploadBook();
            for (const record of book.snapshot()) again.apply(record);
            book = again;
            continue;
          }
          book.apply(encodeChange(step));
          const before = model.get(step.upload);
          if ("isOver" in step) model.delete(step.upload);
          else if (before !== undefined || "note" in step) {
            model.set(step.upload, { ...before, ...(JSON.parse(JSON.stringify(step)) as StagedUpload) });
          }
        }

        assert.deepEqual(plain(book.all()), plain([...model.values()]));
        const open = [...model.values()].filter(({ stored }) => stored === undefined);
        assert.equal(book.openCount, open.length);
        const promised = open.reduce((sum, { sizeBytes, offsetBytes }) => sum + (sizeBytes ?? offsetBytes), 0);
        assert.equal(book.promisedBytes, promised);
      }),
      { numRuns: 1000 },
    );
  });
});
