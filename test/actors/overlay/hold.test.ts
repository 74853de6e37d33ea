/** Removing, restoring and pinning, driven through overlay's protocol (OVL-15, OVL-16, OVL-22). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import type { Failure } from "#runtime/errors.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  getBytes,
  type StartedOverlay,
  smallOverlayConfig,
  sourceOf,
  startOverlay,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const bytes = bytesOf(10);
const address = addressOf(digest(bytes));
const unknown = { ok: false, failure: { code: "overlay.unknown", address } };

async function withObject(): Promise<StartedOverlay> {
  const overlay = await startOverlay({ config: { ...smallOverlayConfig, nodeCacheBytesMax: 100_000 } });
  assert((await overlay.ref.call("put", { source: sourceOf(bytes) }, within)).ok);
  return overlay;
}

describe("overlay: restore", () => {
  /** The feeder has told of the object and of its removal, and is past them. */
  async function withRemoved(): Promise<StartedOverlay> {
    const overlay = await withObject();
    await overlay.clock.advance(smallOverlayConfig.feedIntervalMs);
    assert((await overlay.ref.call("remove", { address }, within)).ok);
    await overlay.clock.advance(smallOverlayConfig.feedIntervalMs);
    // What comes now waits for the batch after this one.
    assert((await overlay.ref.call("put", { source: sourceOf(bytesOf(11)) }, within)).ok);
    return overlay;
  }

  it("is not undone by a crash of index, however soon (OVL-21)", async () => {
    const overlay = await withRemoved();

    const restoring = overlay.ref.call("restore", { address }, within);
    await overlay.clock.settle();
    assert((await restoring).ok);
    await overlay.index.crash();
    await overlay.clock.advance(smallOverlayConfig.feedIntervalMs);

    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("comes after what makes it findable: a crash between the two changes nothing (OVL-21)", async () => {
    const overlay = await withRemoved();
    overlay.toIndex.answer("record", { code: "index.not-written", cause: "full" } as Failure);

    const restored = await overlay.ref.call("restore", { address }, within);

    assert(!restored.ok && restored.failure.code === "overlay.unavailable", JSON.stringify(restored));
    assert.deepEqual(await overlay.ref.call("stat", { address }, within), unknown);
    assert((await overlay.ref.call("restore", { address }, within)).ok, "it is in the trash still");
  });
});

describe("overlay: remove", () => {
  it("makes the object unknown at once, also where its manifest was read before, until it is restored", async () => {
    const overlay = await withObject();
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);

    const removed = await overlay.ref.call("remove", { address }, within);

    assert.deepEqual(removed, { ok: true, value: { address, restorableUntilMs: 1000 } });
    assert.deepEqual(await overlay.ref.call("stat", { address }, within), unknown);
    assert.deepEqual(await overlay.ref.call("remove", { address }, within), unknown);
    assert((await overlay.ref.call("restore", { address }, within)).ok);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("leaves what index could not be told to storage, which refuses it", async () => {
    const overlay = await withObject();
    overlay.toIndex.answer("forget", { code: "runtime.actor-crashed" }, { code: "runtime.actor-crashed" });

    const removed = await overlay.ref.call("remove", { address }, within);

    assert(!removed.ok && removed.failure.code === "overlay.unavailable" && removed.failure.executed === "maybe");
    assert.deepEqual(await overlay.ref.call("stat", { address }, within), unknown);
  });

  it("never makes a put unfindable that was answered after it", async () => {
    const overlay = await withObject();
    const gate = Promise.withResolvers<void>();
    overlay.toIndex.instead("forget", async () => {
      await gate.promise;
      return await overlay.index.ref.call("forget", { address }, within);
    });
    const removing = overlay.ref.call("remove", { address }, within);
    await overlay.clock.settle();
    overlay.fake.removed.clear();

    const putting = overlay.ref.call("put", { source: sourceOf(bytes) }, within);
    await overlay.clock.settle();
    gate.resolve();

    assert((await removing).ok);
    assert((await putting).ok);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("takes the root of ciphertext, and asks index nothing", async () => {
    const overlay = await withObject();
    const { manifest: root } = overlay.fake.storeEncrypted(bytes, [4, 4]);
    const asked = overlay.toIndex.calls.length;

    assert((await overlay.ref.call("remove", { root }, within)).ok);

    const gone = { ok: false, failure: { code: "storage.manifest-not-found", root } };
    assert.deepEqual(await overlay.ref.call("statByRoot", { root }, within), gone);
    assert.deepEqual(await overlay.ref.call("getManifest", { root }, within), gone);
    assert.equal(overlay.toIndex.calls.length, asked);
  });

  it("by the root of an object is as by its address, and says that: index forgets it (OVL-22)", async () => {
    const overlay = await withObject();
    const { manifest: root } = overlay.fake.store(bytes, [4, 4]);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);

    const removed = await overlay.ref.call("remove", { root }, within);

    assert.deepEqual(removed, { ok: true, value: { address, restorableUntilMs: 1000 } });
    const resolved = await overlay.index.ref.call("resolve", { address }, within);
    assert(!resolved.ok && resolved.failure.code === "index.unknown");
    assert.deepEqual(await overlay.ref.call("stat", { address }, within), unknown);
    assert((await overlay.ref.call("restore", { root }, within)).ok);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("by a root takes turns with puts of the object, too (OVL-16, OVL-22)", async () => {
    const overlay = await withObject();
    const { manifest: root } = overlay.fake.store(bytes, [4, 4]);
    const gate = Promise.withResolvers<void>();
    overlay.toIndex.instead("forget", async () => {
      await gate.promise;
      return await overlay.index.ref.call("forget", { address }, within);
    });
    const removing = overlay.ref.call("remove", { root }, within);
    await overlay.clock.settle();
    overlay.fake.removed.clear();

    const putting = overlay.ref.call("put", { source: sourceOf(bytes) }, within);
    await overlay.clock.settle();
    gate.resolve();

    assert((await removing).ok && (await putting).ok);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("by a root that is not held says so (OVL-22)", async () => {
    const overlay = await withObject();
    const root = digest(bytesOf(3));

    const removed = await overlay.ref.call("remove", { root }, within);

    assert.deepEqual(removed, { ok: false, failure: { code: "storage.manifest-not-found", root } });
  });
});

describe("overlay: pin", () => {
  it("holds the manifest that answers for the address, until it is let go", async () => {
    const overlay = await withObject();
    const { manifest } = overlay.fake.store(bytes, [4, 4]);

    assert((await overlay.ref.call("pin", { target: { address }, untilMs: 77 }, within)).ok);
    assert.deepEqual([...overlay.fake.pinned], [[manifest, 77]]);
    assert((await overlay.ref.call("unpin", { address }, within)).ok);
    assert.equal(overlay.fake.pinned.size, 0);
  });

  it("knows nothing of what is removed", async () => {
    const overlay = await withObject();
    const { manifest: root } = overlay.fake.store(bytes, [4, 4]);
    overlay.fake.removed.add(root);

    assert.deepEqual(await overlay.ref.call("pin", { target: { address } }, within), unknown);
    assert.deepEqual(await overlay.ref.call("unpin", { root }, within), {
      ok: false,
      failure: { code: "storage.manifest-not-found", root },
    });
  });
});

describe("overlay: what storage removes by itself", () => {
  it("is unknown at once, also where its manifest is remembered (OVL-15)", async () => {
    const overlay = await withObject();
    const { manifest } = overlay.fake.store(bytes, [4, 4]);
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
    const asked = overlay.fake.askedNodes.length;
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
    assert.equal(overlay.fake.askedNodes.length, asked, "it is remembered");

    overlay.fake.removed.add(manifest);

    assert.deepEqual(await overlay.ref.call("stat", { address }, within), unknown);
    assert.deepEqual(await overlay.ref.call("get", { address }, within), unknown);
  });
});
