/** Getting what is not as it should be: nothing wrong leaves, and nothing that is here is called unknown. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf, type Digest } from "#actors/domain/address.ts";
import { FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";
import { asSource } from "#runtime/whole-source.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  failureOf,
  getBytes,
  pass,
  readAll,
  type StartedOverlay,
  startOverlay,
  stored,
  unknown,
  within,
} from "#test/actors/overlay/start-overlay.ts";

const SEGMENT = 64 * KiB;

describe("overlay: get of what is not as it should be", () => {
  it("says unknown only when the index knows everything (OVL-2)", async () => {
    const overlay = await startOverlay();

    assert.deepEqual(await failureOf(overlay, "get"), { code: "overlay.unknown", address: unknown });
    assert.deepEqual(await failureOf(overlay, "stat"), { code: "overlay.unknown", address: unknown });
    overlay.fake.isNotReady = true;
    await overlay.index.crash();

    const rebuilding = { code: "index.rebuilding", doneCount: 0, totalCount: 0 };
    assert.deepEqual(await failureOf(overlay, "get"), rebuilding);
    assert.deepEqual(await failureOf(overlay, "stat"), rebuilding);
  });

  const damages: readonly (readonly [what: string, damage: (overlay: StartedOverlay, root: Digest) => void])[] = [
    ["a missing manifest", ({ fake }, root) => fake.nodes.delete(root)],
    ["a malformed manifest", ({ fake }, root) => fake.nodes.set(root, Buffer.from("rubbish"))],
    [
      "a manifest of another object",
      ({ fake }, root) => {
        const other = fake.nodes.get(fake.store(bytesOf(10, 9)).manifest);
        if (other !== undefined) fake.nodes.set(root, other);
      },
    ],
    [
      "a manifest that storage finds damaged",
      ({ toStorage }, root) => toStorage.answer("getManifest", { code: "storage.corrupt", digest: root } as Failure),
    ],
  ];
  for (const [what, damage] of damages) {
    for (const name of ["get", "stat"] as const) {
      it(`calls ${what} corrupt, not unknown (${name}) (OVL-3)`, async () => {
        const overlay = await stored(bytesOf(10));
        const { address, manifest } = overlay.fake.store(bytesOf(10));
        damage(overlay, manifest);

        assert.deepEqual(await failureOf(overlay, name, address), { code: "storage.corrupt", digest: manifest });
      });
    }
  }

  it("tells of damage that storage knows of to a stat that asks for it, and to no other (OVL-3)", async () => {
    const overlay = await stored(bytesOf(10));
    const { address, manifest } = overlay.fake.store(bytesOf(10));
    const stat = async (): Promise<unknown> => await overlay.ref.call("stat", { address, damageToo: true }, within);
    const facts = { ok: true, value: { address, manifest, sizeBytes: 10, chunkCount: 1 } };
    assert.deepEqual(await stat(), facts);

    overlay.fake.damagedRoots.add(manifest);

    assert.deepEqual(await stat(), { ok: false, failure: { code: "storage.corrupt", digest: manifest } });
    assert.deepEqual(await overlay.ref.call("stat", { address }, within), facts);
  });

  for (const name of ["get", "stat"] as const) {
    it(`passes on that a manifest could not be read just now, and asks again (${name}) (OVL-5)`, async () => {
      const overlay = await stored(bytesOf(10));
      const { address } = overlay.fake.store(bytesOf(10));
      const failure = { code: "storage.read-failed", errno: "EMFILE" } as Failure;
      overlay.toStorage.answer("getManifest", failure);

      assert.deepEqual(await failureOf(overlay, name, address), failure);
    });
  }

  it("calls a missing inner node, and one of another size, corrupt (OVL-3)", async () => {
    const bytes = bytesOf(2500);
    const overlay = await stored(
      bytes,
      Array.from({ length: 2500 }, () => 1),
    );
    const address = addressOf(digest(bytes));
    await getBytes(overlay, address);
    const [root, last, first] = overlay.fake.askedNodes;
    assert(root !== undefined && last !== undefined && first !== undefined);
    const lastBytes = overlay.fake.nodes.get(last);
    assert(lastBytes !== undefined);

    overlay.fake.nodes.delete(last);
    assert.deepEqual(await failureOf(overlay, "stat", address), { code: "storage.corrupt", digest: last });
    overlay.fake.nodes.set(last, lastBytes);
    overlay.fake.nodes.set(first, lastBytes);
    assert.deepEqual(await failureOf(overlay, "get", address), { code: "storage.corrupt", digest: first });
  });

  it("calls a chunk that is missing at the beginning corrupt before any byte (OVL-3)", async () => {
    const bytes = bytesOf(10);
    const overlay = await stored(bytes, [5]);
    const chunk = digest(bytes.subarray(5));
    overlay.fake.chunks.delete(chunk);

    const failure = { code: "storage.corrupt", digest: chunk };
    assert.deepEqual(await failureOf(overlay, "get", addressOf(digest(bytes))), failure);
  });

  it("fails the source where storage finds a damaged segment (OVL-1)", async () => {
    const bytes = bytesOf(10);
    const overlay = await stored(bytes, [5]);
    const chunk = digest(bytes.subarray(5));
    overlay.fake.damaged.add(chunk);

    const got = await getBytes(overlay, addressOf(digest(bytes)), { first: 0, last: 8 });

    assert.deepEqual(got, { bytes: bytes.subarray(0, 5), failure: { code: "storage.corrupt", digest: chunk } });
    assert.equal(overlay.fake.open.size, 0);
  });

  for (const [where, at] of [
    ["first", 0],
    ["last", SEGMENT * 3 + 99],
    ["middle", SEGMENT * 2],
  ] as const) {
    for (const bufferBytes of [1000, SEGMENT, SEGMENT * 4]) {
      it(`never delivers the last segment when the ${where} byte is wrong (${bufferBytes}) (OVL-1)`, async () => {
        const bytes = bytesOf(SEGMENT * 3 + 100);
        const cut = SEGMENT + 10;
        const overlay = await stored(bytes, [cut]);
        const part = at < cut ? bytes.subarray(0, cut) : bytes.subarray(cut);
        const wrong = Buffer.from(part);
        wrong.writeUInt8((wrong.readUInt8(at < cut ? at : at - cut) + 1) & 0xff, at < cut ? at : at - cut);
        overlay.fake.chunks.set(digest(part), wrong);

        const got = await getBytes(overlay, addressOf(digest(bytes)), undefined, bufferBytes);

        const lastSegmentBytes = (SEGMENT * 3 + 100 - cut) % SEGMENT;
        assert.equal(got.bytes.length, bytes.length - lastSegmentBytes);
        const { manifest } = overlay.fake.store(bytes, [cut]);
        assert.deepEqual(got.failure, { code: "storage.corrupt", digest: manifest });
      });
    }
  }

  it("leaves nothing of what did not match in the reader's buffer (OVL-1)", async () => {
    const bytes = bytesOf(100);
    const overlay = await stored(bytes, [50]);
    overlay.fake.chunks.set(digest(bytes.subarray(50)), Buffer.alloc(50, 7));
    const got = await overlay.ref.call("get", { address: addressOf(digest(bytes)) }, within);
    assert(got.ok);
    const into = new Uint8Array(200);

    const counts = [await asSource(got.value.body).read(into), await asSource(got.value.body).read(into)];

    assert.deepEqual(counts, [50, FAILED]);
    assert(!into.includes(7));
  });

  it("refuses an empty object under an address that is not that of nothing (OVL-1)", async () => {
    const overlay = await startOverlay();
    const { address, manifest } = overlay.fake.store(Buffer.alloc(0), [], unknown);
    await pass(overlay, 10_000);

    assert.deepEqual(await failureOf(overlay, "get", address), { code: "storage.corrupt", digest: manifest });
  });

  for (const [what, delivered] of [
    ["fewer", 9],
    ["more", 11],
  ] as const) {
    it(`fails when storage delivers ${what} bytes than it was asked for, and never ends early (OVL-1)`, async () => {
      const bytes = bytesOf(10);
      const overlay = await stored(bytes, [5]);
      const { manifest } = overlay.fake.store(bytes, [5]);
      const got = await overlay.ref.call("get", { address: addressOf(digest(bytes)) }, within);
      assert(got.ok);
      const [inner] = overlay.fake.open;
      assert(inner !== undefined);
      let left = delivered;
      inner.read = async (into) => {
        const count = Math.min(left, into.length);
        left -= count;
        return count;
      };

      const { failure } = await readAll(got.value.body);

      assert.deepEqual(failure, { code: "storage.corrupt", digest: manifest });
    });
  }
});
