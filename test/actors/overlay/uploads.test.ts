/** Uploads in pieces through overlay: what storage says passes through, and what they become is found. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import type { UploadId } from "#actors/domain/upload.ts";
import type { Failure } from "#runtime/errors.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  getBytes,
  pass,
  type StartedOverlay,
  sourceOf,
  startOverlay,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const bytes = bytesOf(10);
const address = addressOf(digest(bytes));
const plain = { sizeBytes: undefined, lengthBytes: undefined, isWhole: false };

async function begun(overlay: StartedOverlay): Promise<UploadId> {
  const facts = await overlay.ref.call("beginUpload", { sizeBytes: 10, note: "n", manner: {} }, within);
  assert(facts.ok);
  return facts.value.upload;
}

async function complete(overlay: StartedOverlay): Promise<UploadId> {
  const upload = await begun(overlay);
  const appended = await overlay.ref.call(
    "appendUpload",
    { upload, offsetBytes: 0, source: sourceOf(bytes, 3), ...plain },
    within,
  );
  assert(appended.ok && appended.value.offsetBytes === 10);
  return upload;
}

describe("overlay: uploads in pieces", () => {
  it("name an object only when it can be got (OVL-14)", async () => {
    const overlay = await startOverlay();
    const upload = await complete(overlay);

    const told = await overlay.ref.call("statUpload", { upload, waitMs: 100 }, within);

    assert(told.ok);
    assert.equal(told.value.stored?.address, address);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("are unavailable while the index takes no record, and name the object later (OVL-14)", async () => {
    const overlay = await startOverlay();
    const upload = await complete(overlay);
    overlay.toIndex.answer("record", { code: "index.full", pendingCountMax: 1 } as Failure);

    const untold = await overlay.ref.call("statUpload", { upload, waitMs: 0 }, within);
    const told = await overlay.ref.call("statUpload", { upload, waitMs: 0 }, within);

    const unavailable = { code: "overlay.unavailable", cause: "index.full", executed: "maybe" };
    assert.deepEqual(untold, { ok: false, failure: unavailable });
    assert(told.ok && told.value.stored?.address === address);
  });

  it("do not bring back an object that was removed since (OVL-14)", async () => {
    const overlay = await startOverlay();
    const upload = await complete(overlay);
    assert((await overlay.ref.call("statUpload", { upload, waitMs: 0 }, within)).ok);

    const removed = await overlay.ref.call("remove", { address }, within);
    const told = await overlay.ref.call("statUpload", { upload, waitMs: 0 }, within);
    const stat = await overlay.ref.call("stat", { address }, within);

    assert(removed.ok && told.ok);
    assert.equal(told.value.stored?.address, address);
    assert.deepEqual(stat, { ok: false, failure: { code: "overlay.unknown", address } });
    assert.equal(overlay.toIndex.calls.filter((name) => name === "record").length, 1);
  });

  it("pass on what storage says of them, and who broke off", async () => {
    const overlay = await startOverlay();
    const upload = await begun(overlay);
    const append = (offsetBytes: number, cause?: Failure) =>
      overlay.ref.call("appendUpload", { upload, offsetBytes, source: sourceOf(bytes, 4, cause), ...plain }, within);

    const elsewhere = await append(1);
    const broken = await append(0, { code: "test.aborted" });
    const ended = await overlay.ref.call("cancelUpload", { upload }, within);
    const gone = await overlay.ref.call("statUpload", { upload, waitMs: 0 }, within);

    assert.deepEqual(elsewhere, { ok: false, failure: { code: "storage.upload-conflict", offsetBytes: 0 } });
    assert.deepEqual(broken, {
      ok: false,
      failure: { code: "storage.source-failed", cause: { code: "test.aborted" } },
    });
    assert.deepEqual(ended, { ok: true, value: undefined });
    assert.deepEqual(gone, { ok: false, failure: { code: "storage.upload-unknown", upload } });
  });

  it("are added to once more where storage did not begin, and never where the body was read (OVL-5)", async () => {
    const overlay = await startOverlay();
    const upload = await begun(overlay);
    const no = { code: "runtime.not-connected", actor: "x", executed: "no" } as Failure;
    overlay.toStorage.answer("appendUpload", no);

    const adding = overlay.ref.call(
      "appendUpload",
      { upload, offsetBytes: 0, source: sourceOf(bytes), ...plain },
      within,
    );
    await pass(overlay, 10);

    assert((await adding).ok);
  });

  it("may be waited for longer than other calls take", async () => {
    const overlay = await startOverlay();
    const upload = await begun(overlay);
    let answer: (facts: never) => void = () => undefined;
    overlay.toStorage.instead("statUpload", () => new Promise((resolve) => (answer = resolve as never)));

    const waiting = overlay.ref.call("statUpload", { upload, waitMs: 5000 }, { timeoutMs: 10_000 });
    await pass(overlay, 5000);
    answer({ ok: false, failure: { code: "storage.upload-unknown", upload } } as never);

    assert.deepEqual(await waiting, { ok: false, failure: { code: "storage.upload-unknown", upload } });
  });
});
