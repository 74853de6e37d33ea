/** Names in overlay: only what is held can be named, and one read of a manifest serves all who want it at once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import { type NameValue, parseNameValue } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import { ok } from "#runtime/errors.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  pass,
  type StartedOverlay,
  smallOverlayConfig,
  startOverlay,
  stored,
  within,
} from "#test/actors/overlay/start-overlay.ts";
import { nextRecord, objectValue, signedRecord, signerOf } from "#test/kit/names.ts";

const owner = signerOf(1);
const bytes = bytesOf(10);

function valueFor(text: string): NameValue {
  const value = parseNameValue(text);
  assert(value !== undefined);
  return value;
}

const held = valueFor(`b3:${digest(bytes)}`);

async function outcomeOf({ ref }: StartedOverlay, record: NameRecord): Promise<unknown> {
  const set = await ref.call("setName", { record }, within);
  return set.ok ? "set" : set.failure;
}

describe("overlay: setName", () => {
  it("leads a name to an object that is held, and to nothing else (OVL-18)", async () => {
    const overlay = await stored(bytes);
    const first = signedRecord(owner, { value: held });
    const away = nextRecord(owner, first, { value: objectValue(7) });

    assert.equal(await outcomeOf(overlay, first), "set");
    assert.deepEqual(await outcomeOf(overlay, away), { code: "overlay.target-unknown", value: away.value });

    const got = await overlay.ref.call("getName", { name: first }, within);
    assert.deepEqual(got, { ok: true, value: first });
    assert.equal(overlay.fake.pinned.size, 1, "it is held before the name leads to it");
  });

  it("freezes a name for a second record that leads to what is not held (OVL-23)", async () => {
    const overlay = await stored(bytes);
    const first = signedRecord(owner, { value: held });
    const rival = signedRecord(owner, { value: objectValue(7) });
    await outcomeOf(overlay, first);

    const frozen = { code: "index.name-frozen", evidence: [first, rival] };
    assert.deepEqual(await outcomeOf(overlay, rival), frozen);

    assert.deepEqual(await overlay.ref.call("getName", { name: first }, within), { ok: false, failure: frozen });
  });

  it("takes the current record once more when what it leads to was removed (OVL-23)", async () => {
    const overlay = await stored(bytes);
    const first = signedRecord(owner, { value: held });
    await outcomeOf(overlay, first);
    await overlay.ref.call("remove", { address: addressOf(digest(bytes)) }, within);

    assert.equal(await outcomeOf(overlay, first), "set");
  });

  it("pins nothing for a record that does not follow (OVL-23)", async () => {
    const overlay = await stored(bytes);

    const early = signedRecord(owner, { seq: 2, prev: digest(bytes), value: held });
    assert.deepEqual(await outcomeOf(overlay, early), { code: "index.name-conflict", current: undefined });

    assert.equal(overlay.fake.pinned.size, 0);
  });

  it("pins one target for two records that follow on the same one, brought at once (OVL-25)", async () => {
    const overlay = await startOverlay();
    const others = bytesOf(10, 2);
    const [{ manifest }] = [overlay.fake.store(bytes), overlay.fake.store(others)];
    await pass(overlay, smallOverlayConfig.feedIntervalMs);
    const first = signedRecord(owner, { value: held });
    const rival = signedRecord(owner, { value: valueFor(`b3:${digest(others)}`) });

    const outcomes = await Promise.all([outcomeOf(overlay, first), outcomeOf(overlay, rival)]);

    assert.deepEqual(outcomes, ["set", { code: "index.name-frozen", evidence: [first, rival] }]);
    assert.deepEqual([...overlay.fake.pinned.keys()], [manifest]);
  });

  it("is seen by whoever reads the history meanwhile, and holds up nobody else (OVL-27)", async () => {
    const overlay = await stored(bytes);
    const first = signedRecord(owner, { value: held });
    const next = nextRecord(owner, first, { value: held, exp: 2_000_000_000 });
    await outcomeOf(overlay, first);
    const gate = Promise.withResolvers<void>();
    overlay.toStorage.instead("pinObject", () => gate.promise.then(() => ok({ untilMs: undefined })));

    const setting = outcomeOf(overlay, next);
    await overlay.clock.settle();
    const reading = overlay.ref.call("readNameHistory", { name: first }, within);
    assert.deepEqual(await overlay.ref.call("getName", { name: first }, within), { ok: true, value: first });
    const others = await overlay.ref.call("readNameHistory", { name: signedRecord(signerOf(2)) }, within);
    assert.deepEqual(others, { ok: false, failure: { code: "index.name-unknown" } });
    gate.resolve();

    assert.equal(await setting, "set");
    assert.deepEqual(await reading, { ok: true, value: { history: [first, next], evidence: undefined } });
  });

  it("leads a name to the root of a private object, not to another node of it (OVL-18)", async () => {
    const overlay = await startOverlay();
    const { manifest } = overlay.fake.storeEncrypted(bytes, [4, 4]);
    const [chunk] = [...overlay.fake.nodes.keys()].filter((root) => root !== manifest);

    assert.equal(await outcomeOf(overlay, signedRecord(owner, { value: valueFor(`cepa:${manifest}`) })), "set");
    const unknown = signedRecord(signerOf(2), { value: valueFor(`cepa:${chunk ?? digest(bytes)}`) });
    assert.deepEqual(await outcomeOf(overlay, unknown), { code: "overlay.target-unknown", value: unknown.value });
    // An address is no root, though their digits are alike.
    const mistaken = signedRecord(signerOf(2), { value: valueFor(`b3:${manifest}`) });
    assert.deepEqual(await outcomeOf(overlay, mistaken), { code: "overlay.target-unknown", value: mistaken.value });
  });

  it("does not call unknown what the index has yet to learn", async () => {
    const overlay = await startOverlay({ prepare: ({ toStorage }) => toStorage.answer("listManifests", down, down) });

    const outcome = await outcomeOf(overlay, signedRecord(owner, { value: held }));

    assert.deepEqual(outcome, { code: "index.rebuilding", doneCount: 0, totalCount: 0 });
  });

  it("takes a name back with a record that has expired, whatever it names (OVL-18)", async () => {
    const overlay = await stored(bytes);
    const first = signedRecord(owner, { value: held });
    const back = nextRecord(owner, first, { value: objectValue(7), exp: 1 });
    await overlay.clock.advance(1000);
    assert.equal(await outcomeOf(overlay, first), "set");

    assert.equal(await outcomeOf(overlay, back), "set");

    const got = await overlay.ref.call("getName", { name: first }, within);
    assert.deepEqual(got, { ok: false, failure: { code: "overlay.name-expired", record: back } });
    const history = await overlay.ref.call("readNameHistory", { name: first }, within);
    assert.deepEqual(history, { ok: true, value: { history: [first, back], evidence: undefined } });
  });

  it("answers an expiring name until its time, and the owner can go on after it (OVL-18)", async () => {
    const overlay = await stored(bytes);
    const exp = Math.floor(overlay.clock.wallMs() / 1000) + 10;
    const first = signedRecord(owner, { value: held, exp });
    assert.equal(await outcomeOf(overlay, first), "set");
    const leftMs = exp * 1000 - overlay.clock.wallMs();

    await pass(overlay, leftMs - 1);
    assert.deepEqual(await overlay.ref.call("getName", { name: first }, within), { ok: true, value: first });
    await pass(overlay, 1);
    const expired = await overlay.ref.call("getName", { name: first }, within);
    assert.equal(expired.ok ? "" : expired.failure.code, "overlay.name-expired");

    const next = nextRecord(owner, first, { value: held });
    assert.equal(await outcomeOf(overlay, next), "set");
    assert.deepEqual(await overlay.ref.call("getName", { name: first }, within), { ok: true, value: next });
  });
});

const down = { code: "runtime.actor-stopped", actor: "storage", executed: "no" } as const;
const caching = { config: { nodeCacheBytesMax: 1_000_000 } };

describe("overlay: many who want one manifest", () => {
  it("share one read of it, and what comes later finds it in memory (OVL-17)", async () => {
    const overlay = await startOverlay(caching);
    const { address, manifest } = overlay.fake.store(bytes, [4, 4]);
    await pass(overlay, smallOverlayConfig.feedIntervalMs);
    const gate = Promise.withResolvers<void>();
    const node = overlay.fake.nodes.get(manifest);
    assert(node !== undefined);
    overlay.toStorage.instead("getManifest", () => gate.promise.then(() => ok(node)));

    const stats = Array.from({ length: 10 }, () => overlay.ref.call("stat", { address }, within));
    await overlay.clock.settle();
    gate.resolve();
    for (const stat of await Promise.all(stats)) assert(stat.ok);
    const late = await overlay.ref.call("stat", { address }, within);

    assert(late.ok);
    assert.equal(overlay.toStorage.calls.filter((name) => name === "getManifest").length, 1);
    const reads = overlay.metrics.takeDeltas().filter(({ name }) => name === "overlay_manifest_reads_total");
    const counted = Object.fromEntries(reads.map(({ labels, value }) => [labels["from"], value]));
    assert.deepEqual(counted, { storage: 1, others: 9, cache: 1 });
  });

  it("are not given up with the first of them (OVL-17)", async () => {
    const overlay = await startOverlay(caching);
    const { address, manifest } = overlay.fake.store(bytes);
    await pass(overlay, smallOverlayConfig.feedIntervalMs);
    const gate = Promise.withResolvers<void>();
    const node = overlay.fake.nodes.get(manifest);
    assert(node !== undefined);
    overlay.toStorage.instead("getManifest", () => gate.promise.then(() => ok(node)));
    const controller = new AbortController();
    const impatient = { deadlineMs: Number.POSITIVE_INFINITY, signal: controller.signal };

    const first = overlay.ref.call("stat", { address }, { ...within, within: impatient });
    await overlay.clock.settle();
    const second = overlay.ref.call("stat", { address }, within);
    await overlay.clock.settle();
    controller.abort();
    gate.resolve();

    assert.equal((await first).ok, false);
    assert((await second).ok);
  });

  it("share nothing that began before the object was removed (OVL-17)", async () => {
    const overlay = await startOverlay(caching);
    const { address, manifest } = overlay.fake.store(bytes);
    await pass(overlay, smallOverlayConfig.feedIntervalMs);
    const gate = Promise.withResolvers<void>();
    const node = overlay.fake.nodes.get(manifest);
    assert(node !== undefined);
    overlay.toStorage.instead("getManifest", () => gate.promise.then(() => ok(node)));
    const before = overlay.ref.call("stat", { address }, within);
    await overlay.clock.settle();
    // The index does not hear of the removal, so that it still leads to the manifest.
    overlay.toIndex.answer("forget", down, down);
    const removal = overlay.ref.call("remove", { address }, within);
    await pass(overlay, smallOverlayConfig.retryPauseMsMax);
    await removal;

    const after = overlay.ref.call("stat", { address }, within);
    await overlay.clock.settle();
    gate.resolve();

    assert((await before).ok);
    assert.deepEqual(await after, { ok: false, failure: { code: "overlay.unknown", address } });
  });
});
