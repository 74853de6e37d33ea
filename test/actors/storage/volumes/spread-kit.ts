/** A store over several volumes, from outside: what it says of them, what it does about them, and volumes that go. */
import assert from "node:assert/strict";
import type { VolumesFacts } from "#actors/domain/volumes-facts.ts";
import { VOLUME_LOOK_INTERVAL_MS } from "#actors/storage/volumes/volumes.ts";
import { type StorageKit, within } from "#test/actors/storage/storage-kit.ts";

export async function facts(kit: StorageKit): Promise<VolumesFacts> {
  const described = await kit.ref.call("describeVolumes", {}, within);
  assert(described.ok, JSON.stringify(described));
  return described.value;
}

/** Until repair rests. */
export async function settled(kit: StorageKit): Promise<VolumesFacts> {
  for (let turn = 0; turn < 20_000; turn += 1) {
    const now = await facts(kit);
    if (now.repair.state !== "running") return now;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (turn % 100 === 99) await kit.clock.advance(1);
  }
  return assert.fail(`repair goes on: ${JSON.stringify((await facts(kit)).repair)}`);
}

export async function looked(kit: StorageKit, afterMs: number = VOLUME_LOOK_INTERVAL_MS): Promise<void> {
  await kit.clock.advance(afterMs);
  for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

export async function pull(kit: StorageKit, directory: string): Promise<void> {
  const pulled = await kit.disk.rename(directory, `/pulled${directory}`);
  assert(pulled.ok, JSON.stringify(pulled));
}

export async function putBack(kit: StorageKit, directory: string): Promise<void> {
  const back = await kit.disk.rename(`/pulled${directory}`, directory);
  assert(back.ok, JSON.stringify(back));
}

/** Everything was read again, on disks that answer without delay. */
export async function scrubbed(kit: StorageKit): Promise<void> {
  assert((await kit.ref.call("scrubNow", {}, within)).ok);
  for (let turn = 0; turn < 3000; turn += 1) {
    const described = await kit.ref.call("describe", {}, within);
    assert(described.ok);
    if (!described.value.scrub.isRunning) return;
    await kit.clock.advance(1);
  }
  assert.fail("scrubbing ends");
}
