/** A chunk that an upload refers to is found damaged while the upload is under way. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LINK_LOST } from "#actors/storage/upload.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { MiB } from "#runtime/units.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, sourceOf, startStorage } from "#test/actors/storage/storage-kit.ts";

describe("storage: a known chunk that is found damaged while a put relies on it", () => {
  it("fails the put, which succeeds when it is tried again (STO-1, STO-4)", async () => {
    const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
    const known = randomBytes(9 * MiB, 1);
    const first = await put(kit, known);
    assert(first.ok);
    const bytes = Buffer.concat([known, randomBytes(2 * MiB, 2)]);
    const held = heldBeforeEnd(bytes);
    const relying = put(kit, bytes, { source: held.source });
    await held.isReached;
    // Behind the headers of pack and record and the longest table: in the first chunk, which both objects have.
    kit.disk.flipByte("/data/packs/00000001.pack", 100_000);
    assert(!((await readObject(kit.ref, first.value.manifest)) instanceof Uint8Array));

    held.goOn();
    const refused = await relying;

    assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: LINK_LOST } });
    const again = await put(kit, bytes);
    assert(again.ok && !again.value.known);
    assert.deepEqual(await mustRead(kit.ref, again.value.manifest, "the object"), new Uint8Array(bytes));
  });
});

/** A source that waits before it says that it has ended: everything was fed by then. */
function heldBeforeEnd(bytes: Uint8Array) {
  const inner = sourceOf(bytes);
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let doneBytes = 0;
  const source: ByteSource = {
    get failure() {
      return inner.failure;
    },
    read: async (into) => {
      if (doneBytes === bytes.length) {
        reached.resolve();
        await gate.promise;
      }
      const count = await inner.read(into);
      doneBytes += Math.max(0, count);
      return count;
    },
    cancel: (reason) => inner.cancel(reason),
  };
  return { source, isReached: reached.promise, goOn: () => gate.resolve() };
}
