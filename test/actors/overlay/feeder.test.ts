/** Feeding the index: from the checkpoint, one round at a time, again after whatever went down. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Address, addressOf } from "#actors/domain/address.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import type { Failure } from "#runtime/errors.ts";
import { digest, FakeStorage } from "#test/actors/overlay/fake-storage.ts";
import {
  addressIn,
  bytesOf,
  pass,
  type StartedOverlay,
  sourceOf,
  startOverlay,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const maybe: CallFailure = { code: "runtime.call-timeout", actor: "x", executed: "maybe" };

function fakeWith(count: number): FakeStorage {
  const fake = new FakeStorage();
  for (let number = 0; number < count; number += 1) fake.store(bytesOf(10, number + 1));
  return fake;
}

async function verdict({ ref }: StartedOverlay, address: Address): Promise<string> {
  const stat = await ref.call("stat", { address }, within);
  return stat.ok ? "known" : stat.failure.code;
}

const roundsOf = (overlay: StartedOverlay): number =>
  overlay.toIndex.calls.filter((name) => name === "readCheckpoint").length;

/** A round has asked for the first page, which comes as it was then when it is handed over. */
async function pageInHand(overlay: StartedOverlay): Promise<() => void> {
  const gate = Promise.withResolvers<void>();
  overlay.toStorage.instead("listManifests", async () => {
    const page = await overlay.storage.ref.call("listManifests", { after: undefined, limit: 2 }, within);
    await gate.promise;
    return page;
  });
  await pass(overlay, 10_000);
  return gate.resolve;
}

describe("overlay: feeding the index", () => {
  it("tells it all that storage has committed, page by page, and then that it is all (OVL-9)", async () => {
    const fake = fakeWith(5);

    const overlay = await startOverlay({ fake });

    assert.deepEqual(overlay.toIndex.calls, [
      "readCheckpoint",
      ...["record", "reportRebuild", "record", "reportRebuild", "record", "reportRebuild"],
    ]);
    for (const commit of fake.commits) assert.equal(await verdict(overlay, addressIn(commit)), "known");
    assert.deepEqual(overlay.index.actor.health, { state: "ready", reason: undefined });
  });

  it("goes on from the checkpoint after overlay crashed (OVL-9)", async () => {
    const overlay = await startOverlay({ fake: fakeWith(5) });
    const last = overlay.fake.store(bytesOf(10, 99));
    overlay.toIndex.calls.length = 0;
    overlay.toIndex.requests.length = 0;

    await overlay.crash();
    await pass(overlay, 0);

    assert.deepEqual(overlay.toIndex.calls, ["readCheckpoint", "record", "reportRebuild"]);
    const [, record] = overlay.toIndex.requests;
    assert.deepEqual((record as { entries: unknown }).entries, [last]);
  });

  it("begins again when the index restarts, and says rebuilding of all it does not know yet (OVL-2)", async () => {
    const overlay = await startOverlay();
    const { address } = overlay.fake.store(bytesOf(10));
    await pass(overlay, 10_000);
    overlay.fake.isNotReady = true;
    // Without a store that survives: everything is to be told again.
    await overlay.index.crash();
    await pass(overlay, 0);
    const missing = overlay.fake.store(bytesOf(10, 2)).address;
    assert.equal(await verdict(overlay, missing), "index.rebuilding");

    overlay.fake.isNotReady = false;
    await pass(overlay, 2000);

    assert.equal(await verdict(overlay, address), "known");
    assert.equal(await verdict(overlay, missing), "known");
  });

  it("that waits for a journal which does not mend by itself is no rebuild: who asks is told what to mend (STO-96)", async () => {
    const damaged = { code: "storage.journal-damaged", journal: "keeps", fileName: "1.log", position: 32 };
    const overlay = await startOverlay({
      fake: fakeWith(1),
      prepare: ({ toStorage }) => toStorage.answer("listManifests", damaged, damaged, damaged),
    });

    const address = addressOf(digest(bytesOf(10, 99)));
    const stat = await overlay.ref.call("stat", { address }, within);
    const removed = await overlay.ref.call("remove", { address }, within);

    for (const refused of [stat, removed]) assert.deepEqual(refused, { ok: false, failure: damaged });
  });

  it("runs another round when storage went down: a commit may not have been answered", async () => {
    const overlay = await startOverlay();
    const { address } = overlay.fake.store(bytesOf(10));
    assert.equal(await verdict(overlay, address), "overlay.unknown");

    await overlay.storage.crash();
    await pass(overlay, 0);

    assert.equal(await verdict(overlay, address), "known");
    assert.equal(roundsOf(overlay), 2);
  });

  it("watches every incarnation: the second crash is noticed as the first was", async () => {
    const overlay = await startOverlay();

    for (let crash = 1; crash <= 3; crash += 1) {
      await overlay.index.crash();
      await pass(overlay, 1000);
      assert.deepEqual(overlay.index.actor.health, { state: "ready", reason: undefined });
    }
  });

  it("runs a round every feedIntervalMs, and none earlier", async () => {
    const overlay = await startOverlay();
    assert.equal(roundsOf(overlay), 1);

    await pass(overlay, 9_999);
    assert.equal(roundsOf(overlay), 1);
    await pass(overlay, 1);

    assert.equal(roundsOf(overlay), 2);
  });

  const failures: readonly (readonly ["toIndex" | "toStorage", string, Failure, string])[] = [
    ["toIndex", "readCheckpoint", maybe, "runtime.call-timeout"],
    ["toStorage", "listManifests", maybe, "runtime.call-timeout"],
    ["toStorage", "listManifests", { code: "storage.rebuilding" }, "storage.rebuilding"],
    ["toIndex", "record", maybe, "runtime.call-timeout"],
    ["toIndex", "record", { code: "index.restarted" }, "index.restarted"],
    ["toIndex", "record", { code: "index.full" }, "index.full"],
    ["toIndex", "reportRebuild", maybe, "runtime.call-timeout"],
  ];
  for (const [probe, name, failure, cause] of failures) {
    it(`repeats a round in which ${name} failed with ${failure.code}, and is degraded until then (OVL-9)`, async () => {
      const overlay = await startOverlay({
        fake: fakeWith(3),
        prepare: (probes) => probes[probe].answer(name, failure, failure),
      });
      assert.deepEqual(overlay.actor.health, { state: "degraded", reason: `feeding the index: ${cause}` });
      assert.equal(roundsOf(overlay), 1);

      await pass(overlay, 100);
      await pass(overlay, 200);

      assert.equal(roundsOf(overlay), 3);
      assert.deepEqual(overlay.actor.health, { state: "ready", reason: undefined });
      assert.deepEqual(overlay.index.actor.health, { state: "ready", reason: undefined });
    });
  }

  it("never runs two rounds at once, whatever goes down meanwhile", async () => {
    const overlay = await startOverlay();
    let answer: ((result: { ok: false; failure: Failure }) => void) | undefined;
    overlay.toStorage.instead("listManifests", () => new Promise((resolve) => (answer = resolve)));
    await overlay.index.crash();
    await pass(overlay, 0);
    assert.equal(roundsOf(overlay), 2);

    await overlay.storage.crash();
    await overlay.index.crash();
    await pass(overlay, 5000);
    assert.equal(roundsOf(overlay), 2);
    answer?.({ ok: false, failure: maybe });
    await pass(overlay, 1000);

    assert.equal(roundsOf(overlay), 3);
    assert.deepEqual(overlay.index.actor.health, { state: "ready", reason: undefined });
  });

  it("does not make an object unknown that was removed and put again while it had a page in hand (OVL-16)", async () => {
    const overlay = await startOverlay();
    const bytes = bytesOf(10);
    const put = await overlay.ref.call("put", { source: sourceOf(bytes) }, within);
    assert(put.ok);
    const handOver = await pageInHand(overlay);
    const address = addressIn(put.value);

    assert((await overlay.ref.call("remove", { address }, within)).ok);
    overlay.fake.chunkBytes = 5;
    const again = await overlay.ref.call("put", { source: sourceOf(bytes) }, within);
    assert(again.ok && again.value.manifest !== put.value.manifest);
    handOver();
    await pass(overlay, 0);

    assert.deepEqual(overlay.index.actor.health, { state: "ready", reason: undefined });
    assert.equal(await verdict(overlay, address), "known");
  });

  it("tells also of what lasts, where it was put for a time since (OVL-26)", async () => {
    const overlay = await startOverlay();
    const bytes = bytesOf(10);
    const { address, manifest: lasting } = overlay.fake.store(bytes);
    assert(address !== undefined);
    const handOver = await pageInHand(overlay);

    overlay.fake.chunkBytes = 5;
    const put = await overlay.ref.call("put", { source: sourceOf(bytes), keepMs: 1000 }, within);
    assert(put.ok && put.value.manifest !== lasting);
    handOver();
    await pass(overlay, 0);

    const { manifest, sizeBytes } = put.value;
    const resolved = await overlay.index.ref.call("resolve", { address }, within);
    assert.deepEqual(resolved, { ok: true, value: { address, manifest, sizeBytes, lasting } });
  });

  it("tells of what it had in hand where the put that came since could not be told of (OVL-16)", async () => {
    const overlay = await startOverlay();
    const bytes = bytesOf(10);
    const { address } = overlay.fake.store(bytes);
    const handOver = await pageInHand(overlay);

    overlay.toIndex.answer("record", maybe);
    assert(!(await overlay.ref.call("put", { source: sourceOf(bytes) }, within)).ok);
    handOver();
    await pass(overlay, 0);

    assert.equal(await verdict(overlay, address), "known");
  });

  it("stops with its incarnation, and leaves no timer behind", async () => {
    const overlay = await startOverlay();

    const { clean } = await overlay.actor.stop();

    assert.equal(clean, true);
    const rounds = roundsOf(overlay);
    await pass(overlay, 60_000);
    assert.equal(roundsOf(overlay), rounds);
  });
});

describe("overlay: index restarts while objects are put", () => {
  for (const crashAfter of ["readCheckpoint", "listManifests", "record", "reportRebuild"] as const) {
    it(`an acknowledged object is never unknown, when index crashes at ${crashAfter} (OVL-2)`, async () => {
      const fake = fakeWith(7);
      const overlay = await startOverlay({ fake });
      const acknowledged: Address[] = [];
      let crashing: Promise<void> = Promise.resolve();
      const crash = (): Promise<void> => {
        crashing = crashing.then(() => overlay.index.crash());
        return crashing;
      };
      const check = async (): Promise<void> => {
        for (const address of acknowledged) assert.notEqual(await verdict(overlay, address), "overlay.unknown");
      };

      for (let step = 0; step < 12; step += 1) {
        const put = await overlay.ref.call("put", { source: sourceOf(bytesOf(20, 100 + step)) }, within);
        if (put.ok) acknowledged.push(addressIn(put.value));
        const probe = crashAfter === "listManifests" ? overlay.toStorage : overlay.toIndex;
        if (step % 2 === 0) probe.after(crashAfter, () => void crash());
        if (step % 3 === 0) await crash();
        await check();
        await pass(overlay, step * 40);
        await check();
      }
      await pass(overlay, 20_000);
      await pass(overlay, 20_000);

      assert(acknowledged.length > 0);
      for (const address of [...acknowledged, ...fake.commits.map(addressIn)]) {
        assert.equal(await verdict(overlay, address), "known");
      }
    });
  }
});
