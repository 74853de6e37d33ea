/** Getting, driven through overlay's protocol over a storage that can lie. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "#actors/domain/address.ts";
import type { ByteRange } from "#actors/domain/byte-range.ts";
import { FAILED } from "#runtime/byte-source.ts";
import type { CallFailure } from "#runtime/call-failure.ts";
import { KiB } from "#runtime/units.ts";
import { asSource } from "#runtime/whole-source.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  failureOf,
  getBytes,
  pass,
  readAll,
  startOverlay,
  stored,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const SEGMENT = 64 * KiB;

describe("overlay: get", () => {
  for (const [what, length, cuts] of [
    ["of no bytes", 0, []],
    ["of one byte", 1, []],
    ["of one chunk", 100, []],
    ["of many chunks", 1000, [1, 10, 100, 200, 300]],
    ["of one segment in two chunks", SEGMENT, [SEGMENT - 1]],
    ["of one segment and a byte in two chunks", SEGMENT + 1, [SEGMENT]],
    ["of more chunks than one question holds", 600, Array.from({ length: 600 }, () => 1)],
    ["of more chunks than one node holds", 2500, Array.from({ length: 2500 }, () => 1)],
  ] as const) {
    it(`answers with the facts and bytes of an object ${what} (OVL-1)`, async () => {
      const bytes = bytesOf(length);
      const overlay = await stored(bytes, cuts);
      const { address, manifest } = overlay.fake.store(bytes, cuts);
      const chunkCount = new Set(cuts).size <= 1 && cuts.length > 1 ? cuts.length : length === 0 ? 0 : cuts.length + 1;

      const got = await overlay.ref.call("get", { address }, within);

      assert(got.ok);
      const { body, ...facts } = got.value;
      assert.deepEqual(facts, { address, manifest, sizeBytes: length, chunkCount, firstByte: 0, lengthBytes: length });
      assert.deepEqual(await readAll(body), { bytes, failure: undefined });
      assert.equal(overlay.fake.open.size, 0);
    });
  }

  it("asks storage for at most 256 slices at a time, and only when they are wanted", async () => {
    const bytes = bytesOf(600);
    const overlay = await stored(
      bytes,
      Array.from({ length: 600 }, () => 1),
    );
    const got = await overlay.ref.call(
      "get",
      { address: addressOf(digest(bytes)), range: { first: 0, last: 598 } },
      within,
    );
    assert(got.ok);
    assert.deepEqual(
      overlay.fake.asked.map((slices) => slices.length),
      [256],
    );

    for (let read = 0; read < 256; read += 1) await asSource(got.value.body).read(new Uint8Array(1));
    assert.deepEqual(
      overlay.fake.asked.map((slices) => slices.length),
      [256],
    );
    await asSource(got.value.body).read(new Uint8Array(1));

    assert.deepEqual(
      overlay.fake.asked.map((slices) => slices.length),
      [256, 256],
    );
    asSource(got.value.body).cancel({ code: "test.over" });
  });

  it("does not read nodes and chunks outside the range", async () => {
    const bytes = bytesOf(3000);
    const overlay = await stored(
      bytes,
      Array.from({ length: 3000 }, () => 1),
    );
    const { manifest } = overlay.fake.store(
      bytes,
      Array.from({ length: 3000 }, () => 1),
    );

    const got = await getBytes(overlay, addressOf(digest(bytes)), { first: 1023, last: 1023 });

    assert.deepEqual(got.bytes, bytes.subarray(1023, 1024));
    // The root; the last node, for the count of chunks; the first, for the byte. Not the one in between.
    assert.equal(overlay.fake.askedNodes.length, 3);
    assert.equal(overlay.fake.askedNodes[0], manifest);
    const slice = { chunk: digest(bytes.subarray(1023, 1024)), offset: 0, lengthBytes: 1 };
    assert.deepEqual(overlay.fake.asked, [[slice]]);
  });

  it("keeps decoded nodes for the next get, within its budget", async () => {
    const overlay = await startOverlay({ config: { nodeCacheBytesMax: 1024 } });
    const bytes = bytesOf(10);
    const { address } = overlay.fake.store(bytes);
    await pass(overlay, 10_000);

    await getBytes(overlay, address);
    await getBytes(overlay, address);

    assert.equal(overlay.fake.askedNodes.length, 1);
  });

  it("puts bytes into the reader's buffer and no other, and asks for no more than fits (OVL-6)", async () => {
    const bytes = bytesOf(300 * KiB);
    const overlay = await stored(bytes, [100 * KiB, 100 * KiB]);
    const got = await overlay.ref.call("get", { address: addressOf(digest(bytes)) }, within);
    assert(got.ok);
    const asked: ArrayBufferLike[] = [];
    const [inner] = overlay.fake.open;
    assert(inner !== undefined);
    const read = inner.read.bind(inner);
    inner.read = (into) => {
      if (into.length > 1) asked.push(into.buffer);
      return read(into);
    };
    const into = new Uint8Array(SEGMENT);

    let total = 0;
    for (
      let count = await asSource(got.value.body).read(into);
      count > 0;
      count = await asSource(got.value.body).read(into)
    ) {
      assert.deepEqual(Buffer.from(into.subarray(0, count)), bytes.subarray(total, total + count));
      total += count;
    }

    assert.equal(total, bytes.length);
    assert(asked.every((buffer) => buffer === into.buffer));
  });

  it("delivers nothing that nobody asked for: a slow reader holds one buffer (OVL-6)", async () => {
    const bytes = bytesOf(SEGMENT * 3);
    const overlay = await stored(bytes, [SEGMENT]);
    const got = await overlay.ref.call("get", { address: addressOf(digest(bytes)) }, within);
    assert(got.ok);
    const [inner] = overlay.fake.open;
    assert(inner !== undefined);
    let reads = 0;
    const read = inner.read.bind(inner);
    inner.read = (into) => {
      reads += 1;
      return read(into);
    };

    await asSource(got.value.body).read(new Uint8Array(10));
    await pass(overlay, 60_000);

    assert.equal(reads, 1);
    asSource(got.value.body).cancel({ code: "test.over" });
    assert.equal(overlay.fake.open.size, 0);
  });
});

describe("overlay: get of a range", () => {
  const bytes = bytesOf(10);
  const cases: readonly (readonly [what: string, range: ByteRange, from: number, to: number])[] = [
    ["the first byte", { first: 0, last: 0 }, 0, 1],
    ["the last byte", { first: 9, last: 9 }, 9, 10],
    ["an open end", { first: 4 }, 4, 10],
    ["an end at the last byte", { first: 4, last: 9 }, 4, 10],
    ["an end one past the last byte", { first: 4, last: 10 }, 4, 10],
    ["a suffix", { suffix: 3 }, 7, 10],
    ["a suffix of all", { suffix: 10 }, 0, 10],
    ["a suffix of more than all", { suffix: 11 }, 0, 10],
    ["all bytes", { first: 0 }, 0, 10],
  ];
  for (const [what, range, from, to] of cases) {
    it(`answers for ${what} (OVL-4)`, async () => {
      const overlay = await stored(bytes, [3, 3]);

      const got = await overlay.ref.call("get", { address: addressOf(digest(bytes)), range }, within);

      assert(got.ok);
      const { firstByte, lengthBytes, sizeBytes, body } = got.value;
      assert.deepEqual(
        { firstByte, lengthBytes, sizeBytes },
        { firstByte: from, lengthBytes: to - from, sizeBytes: 10 },
      );
      assert.deepEqual((await readAll(body)).bytes, bytes.subarray(from, to));
    });
  }

  for (const [what, range, object] of [
    ["a start at the size", { first: 10 }, bytes],
    ["an end before the start", { first: 5, last: 4 }, bytes],
    ["a suffix of nothing", { suffix: 0 }, bytes],
    ["a negative start", { first: -1, last: 4 }, bytes],
    ["anything of an empty object", { first: 0 }, Buffer.alloc(0)],
    ["a suffix of an empty object", { suffix: 1 }, Buffer.alloc(0)],
  ] as const) {
    it(`refuses ${what} with the size (OVL-4)`, async () => {
      const overlay = await stored(object);

      const got = await overlay.ref.call("get", { address: addressOf(digest(object)), range }, within);

      const failure = { code: "overlay.range-unsatisfiable", sizeBytes: object.length };
      assert.deepEqual(got, { ok: false, failure });
    });
  }
});

describe("overlay: get while actors below do not answer", () => {
  const no: CallFailure = { code: "runtime.not-connected", actor: "x", executed: "no" };
  const maybe: CallFailure = { code: "runtime.actor-crashed", actor: "x", executed: "maybe" };
  for (const [probe, name, cuts] of [
    ["toIndex", "resolve", []],
    ["toStorage", "getManifest", []],
    ["toStorage", "readSmallObject", []],
    ["toStorage", "readChunks", [5]],
  ] as const) {
    it(`repeats ${name} once when it did not run (OVL-5)`, async () => {
      const bytes = bytesOf(10);
      const overlay = await stored(bytes, cuts);
      overlay[probe].answer(name, no);

      const getting = getBytes(overlay, addressOf(digest(bytes)));
      await pass(overlay, 10);

      assert.deepEqual((await getting).bytes, bytes);
    });

    it(`is unavailable when ${name} twice did not run (OVL-5)`, async () => {
      const overlay = await stored(bytesOf(10), cuts);
      overlay[probe].answer(name, no, no);

      const failing = failureOf(overlay, "get", addressOf(digest(bytesOf(10))));
      await pass(overlay, 10);

      assert.deepEqual(await failing, { code: "overlay.unavailable", cause: "runtime.not-connected", executed: "no" });
    });

    it(`does not repeat ${name} when it may have run (OVL-5)`, async () => {
      const overlay = await stored(bytesOf(10), cuts);
      overlay[probe].answer(name, maybe);

      const failure = await failureOf(overlay, "get", addressOf(digest(bytesOf(10))));

      assert.deepEqual(failure, { code: "overlay.unavailable", cause: "runtime.actor-crashed", executed: "maybe" });
    });
  }

  it("fails the source when storage crashes under it (OVL-5)", async () => {
    const bytes = bytesOf(10);
    const overlay = await stored(bytes, [5]);
    const got = await overlay.ref.call(
      "get",
      { address: addressOf(digest(bytes)), range: { first: 0, last: 8 } },
      within,
    );
    assert(got.ok);
    await asSource(got.value.body).read(new Uint8Array(2));

    await overlay.storage.crash();

    const { failure } = await readAll(got.value.body);
    assert.deepEqual(failure, { code: "overlay.unavailable", cause: "runtime.actor-crashed", executed: "maybe" });
  });
});

describe("overlay: the life of a source", () => {
  it("ends with the incarnation that made it (OVL-7)", async () => {
    const bytes = bytesOf(10);
    const overlay = await stored(bytes, [5]);
    const got = await overlay.ref.call("get", { address: addressOf(digest(bytes)) }, within);
    assert(got.ok);

    await overlay.crash();

    assert.equal(await asSource(got.value.body).read(new Uint8Array(1)), FAILED);
    assert.equal(overlay.fake.open.size, 0);
  });

  it("ends when the caller gave up before it was answered (OVL-7)", async () => {
    const bytes = bytesOf(10);
    const overlay = await stored(bytes, [5]);
    const controller = new AbortController();
    overlay.toStorage.instead("readChunks", async () => {
      controller.abort();
      const answer = await overlay.storage.ref.call(
        "readChunks",
        { slices: [{ chunk: digest(bytes.subarray(0, 5)), offset: 0, lengthBytes: 5 }] },
        within,
      );
      return answer;
    });

    const got = await overlay.ref.call(
      "get",
      { address: addressOf(digest(bytes)) },
      { timeoutMs: 1000, within: { deadlineMs: Number.POSITIVE_INFINITY, signal: controller.signal } },
    );
    await overlay.clock.settle();

    assert.equal(got.ok ? "" : got.failure.code, "runtime.cancelled");
    assert.equal(overlay.fake.open.size, 0);
  });

  it("cancelled, answers FAILED for good and releases what storage holds (OVL-7)", async () => {
    const bytes = bytesOf(10);
    const overlay = await stored(bytes, [5]);
    const got = await overlay.ref.call(
      "get",
      { address: addressOf(digest(bytes)), range: { first: 0, last: 8 } },
      within,
    );
    assert(got.ok);
    const source = asSource(got.value.body);
    const pending = source.read(new Uint8Array(1));

    source.cancel({ code: "test.over" });
    source.cancel({ code: "test.over-again" });

    assert.equal(await pending, FAILED);
    assert.equal(await source.read(new Uint8Array(1)), FAILED);
    assert.deepEqual(source.failure, { code: "test.over" });
    assert.equal(overlay.fake.open.size, 0);
  });
});
