/** A chunk that an upload refers to is found damaged while the upload is under way. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeManifest } from "#actors/domain/manifest.ts";
import { LINK_LOST } from "#actors/storage/packs/pack-write.ts";
import { SMALL_BYTES_MAX } from "#actors/storage/puts/intake.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { MiB } from "#runtime/units.ts";
import { mustRead, readObject } from "#test/actors/storage/object-reader.ts";
import { put, randomBytes, sourceOf, startStorage, within } from "#test/actors/storage/storage-kit.ts";

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

  for (const kind of ["small", "large"] as const) {
    it(`fails the put also when that is during its last sync (${kind} object)`, async () => {
      const kit = await startStorage({ config: { packSealBytes: 64 * MiB } });
      const { bytes: known, lastChunkBytes } = await withSmallLastChunk();
      const first = await put(kit, known);
      assert(first.ok);
      const last = known.subarray(known.length - lastChunkBytes);
      // The large one begins with all that is known but its last chunk, which it ends with.
      const bytes = kind === "small" ? last : Buffer.concat([randomBytes(3 * MiB, 7), known]);
      const file = await kit.disk.readFile("/data/packs/00000001.pack");
      assert(file.ok);
      kit.disk.flipByte("/data/packs/00000001.pack", Buffer.from(file.value).indexOf(last.subarray(0, 64)) + 10);
      const { sync } = kit.disk;
      kit.disk.sync = async (descriptor) => {
        assert(!((await readObject(kit.ref, first.value.manifest)) instanceof Uint8Array), "the damage is found");
        return await sync.call(kit.disk, descriptor);
      };

      const refused = await put(kit, bytes);

      kit.disk.sync = sync;
      assert.deepEqual(refused, { ok: false, failure: { code: "storage.write-failed", errno: LINK_LOST } });
      const again = await put(kit, bytes);
      assert(again.ok);
      assert.deepEqual(await mustRead(kit.ref, again.value.manifest, "the object"), new Uint8Array(bytes));
    });
  }
});

/** An object of several chunks, the last of which is so short that its bytes alone are a small object. */
async function withSmallLastChunk(): Promise<{ bytes: Uint8Array; lastChunkBytes: number }> {
  for (let seed = 20; seed < 60; seed += 1) {
    const bytes = randomBytes(5 * MiB, seed);
    const scratch = await startStorage({ config: { packSealBytes: 64 * MiB } });
    const stored = await put(scratch, bytes);
    assert(stored.ok);
    const node = await scratch.ref.call("getManifest", { root: stored.value.manifest }, within);
    const manifest = node.ok ? decodeManifest(node.value) : node;
    assert(manifest.ok);
    const lastChunkBytes = manifest.value.links.at(-1)?.length ?? 0;
    if (lastChunkBytes <= SMALL_BYTES_MAX) return { bytes, lastChunkBytes };
  }
  assert.fail("some object ends with a short chunk");
}

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
