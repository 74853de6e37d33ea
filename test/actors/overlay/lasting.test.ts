/** Objects that were put without an end, and for a time with another manifest (OVL-26). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address } from "#actors/domain/address.ts";
import { type StartedStore, startStore } from "#test/actors/overlay/real-store.ts";
import { addressIn, bytesOf, getBytes, pass, sourceOf } from "#test/actors/overlay/start-overlay.ts";

const within = { timeoutMs: 60_000 };
const bytes = bytesOf(200_000);

async function put(store: StartedStore, keepMs?: number): Promise<Address> {
  const cut = keepMs === undefined ? {} : ({ chunker: "fixed/1", keepMs } as const);
  const stored = await store.ref.call("put", { source: sourceOf(bytes), ...cut }, within);
  assert(stored.ok, JSON.stringify(stored));
  return addressIn(stored.value);
}

/** What nobody holds any more goes. */
async function collect(store: StartedStore): Promise<void> {
  const { ref } = store.storage;
  const begun = await ref.call("collectGarbage", { emptyTrash: true }, within);
  assert(begun.ok);
  for (let turn = 0; turn < 1000; turn += 1) {
    const facts = await ref.call("describe", {}, within);
    assert(facts.ok);
    const { last, phase } = facts.value.collection;
    if (phase === "idle" && last !== begun.value.last) return;
    await pass(store, 10);
  }
  assert.fail("a collection ends");
}

async function isRead(store: StartedStore, address: Address): Promise<void> {
  const read = await getBytes(store, address);
  assert.equal(read.failure, undefined);
  assert(read.bytes.equals(bytes));
}

/** Its time is over, for good. */
async function timeOver(store: StartedStore): Promise<void> {
  await pass(store, 61_000);
  await collect(store);
  await collect(store);
}

describe("overlay: an object that was put without an end, and then for a time", () => {
  it("is found when that time is over, and removed by its address (OVL-26)", async () => {
    const store = await startStore();
    const address = await put(store);
    assert.equal(await put(store, 60_000), address);
    await isRead(store, address);

    await timeOver(store);

    await isRead(store, address);
    assert((await store.ref.call("remove", { address }, within)).ok);
    const stat = await store.ref.call("stat", { address }, within);
    assert.deepEqual(stat, { ok: false, failure: { code: "overlay.unknown", address } });
    assert((await store.ref.call("restore", { address }, within)).ok);
    await isRead(store, address);
  });

  it("is found so by an index that was made anew (OVL-26)", async () => {
    const store = await startStore();
    const address = await put(store);
    await put(store, 60_000);
    await store.stop();
    store.kv.remove("/data/index");
    const next = await startStore(store.disk, store.kv);
    await pass(next, 2000);
    await isRead(next, address);

    await timeOver(next);

    await isRead(next, address);
  });
});
