/** Putting, driven through overlay's protocol: what is acknowledged is found, and what fails says whether it ran. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import type { PutObject } from "#actors/storage/protocol.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import type { Failure } from "#runtime/errors.ts";
import { asSource } from "#runtime/whole-source.ts";
import { digest, storageFacts } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  getBytes,
  noNames,
  pass,
  sourceOf,
  startOverlay,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const bytes = bytesOf(10);
const address = addressOf(digest(bytes));
const no: CallFailure = { code: "runtime.not-connected", actor: "x", executed: "no" };
const maybe: CallFailure = { code: "runtime.call-timeout", actor: "x", executed: "maybe" };

describe("overlay: put", () => {
  it("acknowledges an object that can be got from then on (OVL-8)", async () => {
    const overlay = await startOverlay();

    const put = await overlay.ref.call("put", { source: sourceOf(bytes, 3) }, within);

    const { manifest } = overlay.fake.store(bytes, [4, 4]);
    assert.deepEqual(put, { ok: true, value: { address, manifest, sizeBytes: 10, chunkCount: 3, known: false } });
    assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
  });

  it("says of the same object, put again, that it is known", async () => {
    const overlay = await startOverlay();
    await overlay.ref.call("put", { source: sourceOf(bytes) }, within);

    const again = await overlay.ref.call("put", { source: sourceOf(bytes) }, within);

    assert(again.ok);
    assert.equal(again.value.known, true);
  });

  const own: readonly Failure[] = [
    { code: "storage.full", freeBytes: 1, reserveBytes: 2 } as Failure,
    { code: "storage.object-too-large", sizeBytesMax: 3 } as Failure,
    { code: "storage.address-mismatch", expected: address, actual: address } as Failure,
    { code: "storage.write-failed", errno: "EIO" } as Failure,
    { code: "storage.rebuilding", doneBytes: 1, totalBytes: 2 } as Failure,
  ];
  for (const failure of own) {
    it(`passes ${failure.code} through as it is, and does not repeat (OVL-5)`, async () => {
      const overlay = await startOverlay();
      overlay.toStorage.answer("putObject", failure);

      const put = await overlay.ref.call("put", { source: sourceOf(bytes) }, within);

      assert.deepEqual(put, { ok: false, failure });
      assert.deepEqual(
        overlay.toStorage.calls.filter((name) => name === "putObject"),
        ["putObject"],
      );
    });
  }

  it("passes on why the source failed, and keeps nothing", async () => {
    const overlay = await startOverlay();
    const cause = { code: "test.aborted" };

    const put = await overlay.ref.call("put", { source: sourceOf(bytes, 4, cause) }, within);

    assert.deepEqual(put, { ok: false, failure: { code: "storage.source-failed", cause } });
    assert.deepEqual(overlay.fake.commits, []);
  });

  for (const [what, source] of [
    ["as it comes", () => sourceOf(bytes)],
    ["whole", () => bytes],
  ] as const) {
    it(`repeats once what storage did not begin, given ${what} (OVL-5)`, async () => {
      const overlay = await startOverlay();
      overlay.toStorage.answer("putObject", no);

      const putting = overlay.ref.call("put", { source: source() }, within);
      await pass(overlay, 10);

      assert((await putting).ok);
      assert.deepEqual((await getBytes(overlay, address)).bytes, bytes);
    });
  }

  it("is unavailable when storage twice did not begin (OVL-5)", async () => {
    const overlay = await startOverlay();
    overlay.toStorage.answer("putObject", no, no);

    const putting = overlay.ref.call("put", { source: sourceOf(bytes) }, within);
    await pass(overlay, 10);

    const failure = { code: "overlay.unavailable", cause: "runtime.not-connected", executed: "no" };
    assert.deepEqual(await putting, { ok: false, failure });
  });

  it("does not repeat what may have run (OVL-5)", async () => {
    const overlay = await startOverlay();
    overlay.toStorage.answer("putObject", maybe);

    const put = await overlay.ref.call("put", { source: sourceOf(bytes) }, within);

    const failure = { code: "overlay.unavailable", cause: "runtime.call-timeout", executed: "maybe" };
    assert.deepEqual(put, { ok: false, failure });
  });

  it("does not repeat when the source was read, whatever the failure says (OVL-5)", async () => {
    const overlay = await startOverlay();
    const { toStorage } = overlay;
    // A storage that reads of the source and then says that it did not run.
    toStorage.instead("putObject", async () => {
      const { source } = toStorage.requests.at(-1) as PutObject;
      await asSource(source).read(new Uint8Array(4));
      return { ok: false, failure: no };
    });

    const put = await overlay.ref.call("put", { source: sourceOf(bytes, 4) }, within);

    assert.equal(put.ok ? "" : put.failure.code, "overlay.unavailable");
    assert.deepEqual(
      toStorage.calls.filter((name) => name === "putObject"),
      ["putObject"],
    );
  });

  for (const [what, failures, cause] of [
    ["does not answer", [maybe], "runtime.call-timeout"],
    ["twice is not reached", [no, no], "runtime.not-connected"],
    ["is full", [{ code: "index.full", pendingCount: 1, pendingCountMax: 1 } as Failure], "index.full"],
  ] as const) {
    it(`is unavailable, and may have run, when index ${what} after storage has acted (OVL-5)`, async () => {
      const overlay = await startOverlay();
      overlay.toIndex.answer("record", ...failures);

      const putting = overlay.ref.call("put", { source: sourceOf(bytes) }, within);
      await pass(overlay, 10);

      assert.deepEqual(await putting, {
        ok: false,
        failure: { code: "overlay.unavailable", cause, executed: "maybe" },
      });
    });
  }

  it("lets a source go on as long as it brings something within the time limit", async () => {
    const overlay = await startOverlay({ config: { putProgressTimeoutMs: 100 } });
    const slow = sourceOf(bytes, 1);
    const read = slow.read.bind(slow);
    slow.read = async (into) => {
      await new Promise<void>((resume) => overlay.clock.after(80, resume));
      return read(into);
    };

    const putting = overlay.ref.call("put", { source: slow }, { timeoutMs: 100 });
    for (let step = 0; step < 12; step += 1) await pass(overlay, 80);

    assert((await putting).ok);
  });

  it("ends when the source brings nothing within the time limit", async () => {
    const overlay = await startOverlay({ config: { putProgressTimeoutMs: 100 } });
    const stuck = sourceOf(bytes, 1);
    stuck.read = () => new Promise(() => undefined);

    const putting = overlay.ref.call("put", { source: stuck }, within);
    await pass(overlay, 200);

    const failure = { code: "overlay.unavailable", cause: "runtime.call-timeout", executed: "maybe" };
    assert.deepEqual(await putting, { ok: false, failure });
  });
});

describe("overlay: stat, getManifest and describe", () => {
  it("stat answers with what get says, without a source", async () => {
    const overlay = await startOverlay();
    await overlay.ref.call("put", { source: sourceOf(bytes) }, within);
    const { manifest } = overlay.fake.store(bytes, [4, 4]);

    const stat = await overlay.ref.call("stat", { address }, within);

    assert.deepEqual(stat, { ok: true, value: { address, manifest, sizeBytes: 10, chunkCount: 3 } });
    assert.deepEqual(overlay.fake.asked, []);
  });

  it("getManifest answers with storage's bytes, and with its failure", async () => {
    const overlay = await startOverlay();
    const { manifest } = overlay.fake.store(bytes);
    const root = digest(Buffer.from("no manifest"));

    const known = await overlay.ref.call("getManifest", { root: manifest }, within);
    const unknown = await overlay.ref.call("getManifest", { root }, within);

    assert.deepEqual(known, { ok: true, value: overlay.fake.nodes.get(manifest) });
    assert.deepEqual(unknown, { ok: false, failure: { code: "storage.manifest-not-found", root } });
  });

  it("describe joins what storage and index say", async () => {
    const overlay = await startOverlay();
    await overlay.ref.call("put", { source: sourceOf(bytes) }, within);

    const described = await overlay.ref.call("describe", {}, within);

    const index = { entryCount: 1, rebuilding: undefined, names: noNames };
    assert.deepEqual(described, { ok: true, value: { storage: storageFacts, index } });
  });
});
