/** Objects under several manifests, of which one was put without an end and others for a time (OVL-26). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address, Digest } from "#actors/domain/address.ts";
import type { Failure } from "#runtime/errors.ts";
import { type StartedStore, startStore } from "#test/actors/overlay/real-store.ts";
import { addressIn, bytesOf, getBytes, pass, sourceOf } from "#test/actors/overlay/start-overlay.ts";

const within = { timeoutMs: 60_000 };
const bytes = bytesOf(200_000);
const KEEP_MS = 60_000;

interface Stored {
  readonly address: Address;
  readonly manifest: Digest;
}

async function put(store: StartedStore, keepMs?: number, chunker?: "gear-fine/1"): Promise<Stored> {
  const cut = keepMs === undefined ? { chunker } : ({ chunker: "fixed/1", keepMs } as const);
  const stored = await store.ref.call("put", { source: sourceOf(bytes), ...cut }, within);
  assert(stored.ok, JSON.stringify(stored));
  return { address: addressIn(stored.value), manifest: stored.value.manifest };
}

async function upload(store: StartedStore, keepMs: number): Promise<() => Promise<Stored | undefined>> {
  const sizeBytes = bytes.length;
  const manner = { chunker: "fixed/1", keepMs } as const;
  const begun = await store.ref.call("beginUpload", { sizeBytes, note: "", manner }, within);
  assert(begun.ok);
  const part = {
    offsetBytes: 0,
    source: sourceOf(bytes),
    lengthBytes: sizeBytes,
    sizeBytes: undefined,
    isWhole: false,
  };
  assert((await store.ref.call("appendUpload", { upload: begun.value.upload, ...part }, within)).ok);
  return async () => {
    const told = await store.ref.call("statUpload", { upload: begun.value.upload, waitMs: 0 }, within);
    assert(told.ok, JSON.stringify(told));
    const { stored } = told.value;
    return stored && { address: addressIn(stored), manifest: stored.manifest };
  };
}

async function until<Value>(store: StartedStore, what: () => Promise<Value | undefined>): Promise<Value> {
  for (let turn = 0; turn < 1000; turn += 1) {
    const value = await what();
    if (value !== undefined) return value;
    await pass(store, 10);
  }
  return assert.fail("it comes to that");
}

/** What nobody holds any more goes. */
async function collect(store: StartedStore): Promise<void> {
  const { ref } = store.storage;
  const begun = await ref.call("collectGarbage", { emptyTrash: true }, within);
  assert(begun.ok);
  await until(store, async () => {
    const facts = await ref.call("describe", {}, within);
    assert(facts.ok);
    const { last, phase } = facts.value.collection;
    return phase === "idle" && last !== begun.value.last ? last : undefined;
  });
}

async function isRead(store: StartedStore, { address }: Stored): Promise<void> {
  const read = await getBytes(store, address);
  assert.equal(read.failure, undefined);
  assert(read.bytes.equals(bytes));
}

async function isUnknown(store: StartedStore, { address }: Stored): Promise<void> {
  const unknown = { ok: false, failure: { code: "overlay.unknown", address } };
  assert.deepEqual(await store.ref.call("stat", { address }, within), unknown);
  assert.deepEqual(await store.ref.call("get", { address }, within), unknown);
}

/** The time of what was put for one is over, for good. */
async function timeOver(store: StartedStore): Promise<void> {
  await pass(store, KEEP_MS + 1000);
  for (let round = 0; round < 2; round += 1) await collect(store);
}

/** Nothing is known of what was given up any more. */
async function forgotten(store: StartedStore, { address, manifest: root }: Stored): Promise<void> {
  for (let round = 0; round < 3; round += 1) await collect(store);
  const read = await store.storage.ref.call("getManifest", { root, address }, within);
  assert(!read.ok && read.failure.code === "storage.manifest-not-found", JSON.stringify(read));
}

describe("overlay: an object that was put without an end, and then for a time", () => {
  it("is found when that time is over, and removed by its address (OVL-26)", async () => {
    const store = await startStore();
    const lasting = await put(store);
    const { address } = await put(store, KEEP_MS);
    assert.equal(address, lasting.address);
    await isRead(store, lasting);

    await timeOver(store);

    await isRead(store, lasting);
    assert((await store.ref.call("remove", { address }, within)).ok);
    await isUnknown(store, lasting);
    assert((await store.ref.call("restore", { address }, within)).ok);
    await isRead(store, lasting);
  });

  it("is found so by an index that was made anew (OVL-26)", async () => {
    const store = await startStore();
    const lasting = await put(store);
    await put(store, KEEP_MS);
    await store.stop();
    store.kv.remove("/data/index");
    const next = await startStore(store.disk, store.kv);
    await pass(next, 2000);
    await isRead(next, lasting);

    await timeOver(next);

    await isRead(next, lasting);
  });

  it("is found so where it was put for a time in pieces, whoever asks what became of that (OVL-14, OVL-26)", async () => {
    const store = await startStore();
    const early = await upload(store, KEEP_MS);
    await until(store, early);
    const lasting = await put(store, undefined, "gear-fine/1");
    await until(store, await upload(store, KEEP_MS));
    await early();

    await timeOver(store);
    await early();

    await isRead(store, lasting);
  });

  for (const at of ["readSmallObject", "getManifest", "resolve"] as const) {
    it(`is found so while a collection ends that time, just after ${at} was answered (OVL-26)`, async () => {
      const store = await startStore();
      const lasting = await put(store);
      await put(store, KEEP_MS);
      await pass(store, KEEP_MS + 1000);
      let collected: Promise<void> = Promise.resolve();
      const probe = at === "resolve" ? store.toIndex : store.toStorage;
      probe.after(at, () => {
        collected = collect(store);
      });

      const stat = await store.ref.call("stat", { address: lasting.address }, within);
      await collected;

      assert(stat.ok);
      await isRead(store, lasting);
    });
  }

  it("is found so where what was to last before is gone, and index has not heard of what lasts now (OVL-26)", async () => {
    const store = await startStore();
    const { address } = await put(store);
    assert((await store.ref.call("unpin", { address }, within)).ok);
    store.toIndex.answer("record", { code: "runtime.actor-crashed", executed: "maybe" } as Failure);
    const source = sourceOf(bytes);
    assert(!(await store.ref.call("put", { source, chunker: "gear-fine/1" }, within)).ok);
    // The feeder has a page with it in hand.
    store.toStorage.instead("listManifests", async () => {
      const page = await store.storage.ref.call("listManifests", { after: undefined, limit: 10 }, within);
      await put(store, KEEP_MS);
      return page;
    });
    await pass(store, 20_000);

    await timeOver(store);

    const read = await getBytes(store, address);
    assert(read.failure === undefined && read.bytes.equals(bytes));
  });

  it("is found by the one that is pinned, of those that were restored (OVL-26)", async () => {
    const store = await startStore();
    const lasting = await put(store);
    const { address } = await put(store, KEEP_MS);
    for (const what of ["remove", "restore", "unpin"] as const) {
      assert((await store.ref.call(what, { address }, within)).ok);
    }
    assert((await store.ref.call("pin", { target: { root: lasting.manifest } }, within)).ok);

    await timeOver(store);

    await isRead(store, lasting);
  });
});

describe("overlay: an object that was put again since it was removed", () => {
  for (const what of ["is refused", "is cut off by a crash"]) {
    it(`is found where its restore ${what} half way (OVL-21, OVL-26)`, async () => {
      const store = await startStore();
      const { address } = await put(store);
      assert((await store.ref.call("remove", { address }, within)).ok);
      const again = await put(store, undefined, "gear-fine/1");
      await pass(store, 11_000);
      let crashed: Promise<void> = Promise.resolve();
      const full = { code: "storage.full", storedBytesMax: 1 } as Failure;
      store.toStorage.answer("restoreObject", full, full);
      if (what !== "is refused") {
        store.toIndex.after("record", () => {
          crashed = store.crash();
        });
      }

      assert(!(await store.ref.call("restore", { address }, within)).ok);
      await crashed;
      await pass(store, 20_000);

      await isRead(store, again);
    });
  }
});

describe("overlay: an object that nobody holds any more", () => {
  for (const keepMs of [KEEP_MS, undefined]) {
    const what = keepMs === undefined ? "it was let go" : "its time is over";
    it(`is unknown when ${what}, also when nothing is known of it any more (OVL-15)`, async () => {
      const store = await startStore();
      const stored = await put(store, keepMs);
      if (keepMs === undefined) assert((await store.ref.call("unpin", { address: stored.address }, within)).ok);
      await timeOver(store);
      await isUnknown(store, stored);

      await forgotten(store, stored);

      await isUnknown(store, stored);
      assert.equal((await put(store)).address, stored.address);
      await isRead(store, stored);
    });
  }

  it("is not taken for gone where storage cannot say what became of it (OVL-26)", async () => {
    const store = await startStore();
    const { address } = await put(store);
    assert((await store.ref.call("unpin", { address }, within)).ok);
    await collect(store);
    const timed = await put(store, KEEP_MS);
    const rebuilding = { code: "storage.rebuilding", doneBytes: 0, totalBytes: 1 } as Failure;
    store.toStorage.answer("getManifest", rebuilding);

    const stat = await store.ref.call("stat", { address }, within);

    assert(!stat.ok && stat.failure.code === "storage.rebuilding", JSON.stringify(stat));
    await isRead(store, timed);
  });
});

describe("overlay: who asks by a root after a removal", () => {
  it("shares no read of another manifest that began before (OVL-17)", async () => {
    const store = await startStore();
    const { address, manifest: root } = await put(store);
    await put(store, undefined, "gear-fine/1");
    const gate = Promise.withResolvers<void>();
    store.toStorage.instead("getManifest", async () => {
      const answer = await store.storage.ref.call("getManifest", { root }, within);
      await gate.promise;
      return answer;
    });
    const before = store.ref.call("statByRoot", { root }, within);
    await pass(store, 1);
    assert((await store.ref.call("remove", { address }, within)).ok);
    const after = store.ref.call("statByRoot", { root }, within);
    await pass(store, 1);
    gate.resolve();

    assert((await before).ok);
    const answer = await after;
    assert(!answer.ok && answer.failure.code === "storage.manifest-not-found", JSON.stringify(answer));
  });
});
