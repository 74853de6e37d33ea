/** Objects put, removed, and collected. */
import assert from "node:assert/strict";
import type { CollectionReport } from "#actors/domain/collection-facts.ts";
import type { PutObject, StoredObject } from "#actors/storage/protocol.ts";
import { put, type StorageKit, within } from "#test/actors/storage/storage-kit.ts";

export async function mustPut(
  kit: StorageKit,
  bytes: Uint8Array,
  options: Partial<PutObject> = {},
): Promise<StoredObject> {
  const stored = await put(kit, bytes, options);
  assert(stored.ok, JSON.stringify(stored));
  return stored.value;
}

export async function remove(kit: StorageKit, { manifest }: StoredObject): Promise<void> {
  const removed = await kit.ref.call("removeObject", { manifest }, within);
  assert(removed.ok, JSON.stringify(removed));
}

export async function collect(kit: StorageKit, emptyTrash: boolean): Promise<CollectionReport> {
  const begun = await kit.ref.call("collectGarbage", { emptyTrash }, within);
  assert(begun.ok);
  for (let turn = 0; turn < 10_000; turn += 1) {
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok);
    const { last, phase } = facts.value.collection;
    if (phase === "idle" && last !== undefined && last !== begun.value.last) return last;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  assert.fail("a collection ends");
}
