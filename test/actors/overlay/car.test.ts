/** CARs through overlay's protocol: what goes out is what every CAR reader can walk, and what comes in is put or refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CarReader } from "@ipld/car";
import * as dagCbor from "@ipld/dag-cbor";
import { create as createBlock } from "multiformats/block";
import type { CID } from "multiformats/cid";
import * as raw from "multiformats/codecs/raw";
import { from as hasherFrom } from "multiformats/hashes/hasher";
import type { Address, Digest } from "#actors/domain/address.ts";
import { TREE_MEDIA_TYPE } from "#actors/domain/tree.ts";
import { FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";
import { digestOf as blake3 } from "#runtime/pool/blake3.ts";
import { KiB } from "#runtime/units.ts";
import { carOf, sample } from "#test/actors/overlay/car-kit.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import {
  bytesOf,
  getBytes,
  readAll,
  type StartedOverlay,
  sourceOf,
  startOverlay,
  stored,
  unknown,
  within,
} from "#test/actors/overlay/start-overlay.ts";

/** As an IPLD tool knows it: by its code in the multicodec table. */
const blake3Hasher = hasherFrom({ name: "blake3", code: 0x1e, encode: (bytes) => Uint8Array.from(blake3(bytes)) });

async function getCar(overlay: StartedOverlay, wanted: { address: Address } | { root: Digest }, bufferBytes?: number) {
  const got = await overlay.ref.call("getCar", wanted, within);
  assert(got.ok, JSON.stringify(got));
  return { ...got.value, ...(await readAll(got.value.source, bufferBytes)) };
}

/** The raw leaves below `cid`, found as a public tool finds them: by links of verified blocks. */
async function leavesBelow(car: CarReader, cid: CID): Promise<Uint8Array[]> {
  const found = await car.get(cid);
  assert(found !== undefined, `${cid} is in the CAR`);
  const { bytes } = found;
  if (cid.code === raw.code) return [(await createBlock({ bytes, cid, codec: raw, hasher: blake3Hasher })).value];
  const block = await createBlock({ bytes, cid, codec: dagCbor, hasher: blake3Hasher });
  const leaves: Uint8Array[] = [];
  for (const [, link] of block.links()) leaves.push(...(await leavesBelow(car, link)));
  return leaves;
}

describe("overlay: getCar", () => {
  it("is a CAR that a public reader walks from its root to the object (OVL-12)", async () => {
    const bytes = bytesOf(1500);
    const overlay = await stored(bytes, Array<number>(1500).fill(1));
    const { address, manifest } = overlay.fake.store(bytes, Array<number>(1500).fill(1));

    for (const wanted of [{ address }, { root: manifest }]) {
      const car = await getCar(overlay, wanted);
      const read = await CarReader.fromBytes(car.bytes);
      const [root] = await read.getRoots();
      assert(root !== undefined);

      assert.deepEqual([car.failure, car.lengthBytes, car.root], [undefined, car.bytes.length, manifest]);
      assert.equal(Buffer.from(root.multihash.digest).toString("hex"), manifest);
      assert.deepEqual(Buffer.concat(await leavesBelow(read, root)), bytes);
    }
  });

  it("has each block as often as it is linked to, every node before what is below it (OVL-12)", async () => {
    const bytes = Buffer.concat([bytesOf(5), bytesOf(5), bytesOf(3)]);
    const overlay = await stored(bytes, [5, 5]);
    const { address, manifest } = overlay.fake.store(bytes, [5, 5]);

    const { bytes: car } = await getCar(overlay, { address }, 7);

    const names: string[] = [];
    for await (const { cid } of (await CarReader.fromBytes(car)).blocks()) {
      names.push(Buffer.from(cid.multihash.digest).toString("hex"));
    }
    assert.deepEqual(names, [manifest, digest(bytesOf(5)), digest(bytesOf(5)), digest(bytesOf(3))]);
  });

  it("is the same bytes through a buffer of any size", async () => {
    const bytes = bytesOf(200 * KiB);
    const overlay = await stored(bytes, [70 * KiB, 100]);
    const { address } = overlay.fake.store(bytes, [70 * KiB, 100]);

    const whole = await getCar(overlay, { address }, 1024 * KiB);

    for (const bufferBytes of [1, 37, 64 * KiB, 64 * KiB + 1]) {
      assert.deepEqual((await getCar(overlay, { address }, bufferBytes)).bytes, whole.bytes);
    }
  });

  it("never ends a block whose bytes are not what its CID says (OVL-12)", async () => {
    const bytes = bytesOf(150 * KiB);
    const overlay = await stored(bytes, [100 * KiB]);
    const { address } = overlay.fake.store(bytes, [100 * KiB]);
    const whole = await getCar(overlay, { address });
    const first = digest(bytes.subarray(0, 100 * KiB));
    overlay.fake.chunks.set(first, bytesOf(100 * KiB, 7));

    const { bytes: car, failure } = await getCar(overlay, { address });

    assert.equal(failure?.code, "storage.corrupt");
    assert(car.length <= whole.bytes.length - 50 * KiB - 36 * KiB, "the last segment of the chunk stays here");
    assert.equal(overlay.fake.open.size, 0);
  });

  it("says what is unknown, and what is damaged, before a byte leaves (OVL-3)", async () => {
    const bytes = bytesOf(1500);
    const overlay = await stored(bytes, Array<number>(1500).fill(1));
    const { address, manifest } = overlay.fake.store(bytes, Array<number>(1500).fill(1));
    const failureOf = async (wanted: { address: Address } | { root: Digest }): Promise<Failure | undefined> => {
      const got = await overlay.ref.call("getCar", wanted, within);
      return got.ok ? undefined : got.failure;
    };
    const nowhere = digest(bytesOf(3));
    const inner = [...overlay.fake.nodes.keys()].find((node) => node !== manifest);
    assert(inner !== undefined);
    overlay.fake.nodes.delete(inner);

    assert.deepEqual(await failureOf({ address: unknown }), { code: "overlay.unknown", address: unknown });
    assert.deepEqual(await failureOf({ root: nowhere }), { code: "storage.manifest-not-found", root: nowhere });
    assert.deepEqual(await failureOf({ address }), { code: "storage.corrupt", digest: inner });
  });

  it("lets go of storage when its reader cancels, and when overlay ends", async () => {
    const bytes = bytesOf(300 * KiB);
    const overlay = await stored(bytes, [200 * KiB]);
    const { address } = overlay.fake.store(bytes, [200 * KiB]);
    const begun = async () => {
      const got = await overlay.ref.call("getCar", { address }, within);
      assert(got.ok);
      assert((await got.value.source.read(new Uint8Array(KiB))) > 0);
      assert((await got.value.source.read(new Uint8Array(KiB))) > 0);
      return got.value.source;
    };

    const cancelled = await begun();
    cancelled.cancel({ code: "test.enough" });
    const left = await begun();
    await overlay.crash();

    assert.equal(cancelled.failure?.code, "test.enough");
    assert.equal(await left.read(new Uint8Array(1)), FAILED);
    assert.equal(overlay.fake.open.size, 0);
  });
});

describe("overlay: putCar", () => {
  const put = async (overlay: StartedOverlay, car: Uint8Array, failure?: Failure) =>
    await overlay.ref.call("putCar", { source: sourceOf(car, 50, failure) }, within);

  it("puts the object of the root, which can be got from then on, cut as it was (OVL-13)", async () => {
    const overlay = await startOverlay();
    const given = sample({ children: [{ children: [7, 9] }, { children: [1] }] });

    const answer = await put(overlay, await carOf(given));

    assert(answer.ok, JSON.stringify(answer));
    assert.deepEqual([answer.value.address, answer.value.sizeBytes, answer.value.known], [given.address, 17, false]);
    assert.deepEqual((await getBytes(overlay, given.address)).bytes, given.object);
  });

  it("asks storage for exactly the object that the manifest names (OVL-13)", async () => {
    const overlay = await startOverlay();
    const given = sample({ children: [7, 9] });

    const tree = sample({ children: [7, 9] }, { mediaType: TREE_MEDIA_TYPE });
    await put(overlay, await carOf(given));
    await put(overlay, await carOf(tree));

    const requests = overlay.toStorage.requests.filter((_, index) => overlay.toStorage.calls[index] === "putObject");
    const asked = requests.map((request) => ({ ...(request as Record<string, unknown>), source: "the CAR" }));
    const how = { source: "the CAR", sizeBytes: 16, expect: given.address, chunker: "fixed/1", keepMs: undefined };
    assert.deepEqual(asked, [
      { ...how, kind: undefined },
      { ...how, kind: "tree" },
    ]);
  });

  it("keeps nothing of one that is damaged, cut short or too long, and says where (OVL-13)", async () => {
    const given = sample({ children: [300, 20] });
    const car = await carOf(given);
    const damaged = Buffer.from(car);
    damaged.writeUInt8(damaged.readUInt8(car.length - 1) ^ 1, car.length - 1);

    for (const [bytes, problem, atByte] of [
      [damaged, "digest-mismatch", car.length - 57],
      [car.subarray(0, car.length - 1), "truncated", car.length - 1],
      [Buffer.concat([car, Buffer.of(1)]), "trailing-bytes", car.length],
      [Buffer.from("no CAR at all"), "truncated", 13],
    ] as const) {
      const overlay = await startOverlay();

      const answer = await put(overlay, bytes);

      assert.deepEqual(answer, { ok: false, failure: { code: "overlay.car-refused", problem, atByte } });
      assert.deepEqual(overlay.fake.commits, []);
    }
  });

  it("refuses a manifest that says what a put cannot, rather than lose it (OVL-13)", async () => {
    const object = undefined;
    for (const facts of [
      { chunker: "rabin/7" },
      { mediaType: "text/plain" },
      { meta: {} },
      { enc: {} },
      { enc: {}, object },
    ]) {
      const overlay = await startOverlay();

      const answer = await put(overlay, await carOf(sample({ children: [3] }, facts)));

      assert(!answer.ok && answer.failure.code === "overlay.car-refused");
      assert.deepEqual(
        [answer.failure.problem, overlay.toStorage.calls.includes("putObject")],
        ["not-puttable", false],
      );
    }
  });

  it("passes on why the bytes stopped coming, before the root and after it", async () => {
    const car = await carOf(sample({ children: [30, 20] }));
    const cause = { code: "test.gone" };
    for (const length of [10, car.length - 5]) {
      const overlay = await startOverlay();

      const answer = await put(overlay, car.subarray(0, length), cause);

      assert.deepEqual(answer, { ok: false, failure: { code: "storage.source-failed", cause } });
      assert.deepEqual(overlay.fake.commits, []);
    }
  });

  it("takes objects of no chunk, and of more than one node holds (OVL-13)", async () => {
    for (const tree of [{ children: [] }, { children: [ones(1024), ones(3)] }]) {
      const overlay = await startOverlay();
      const given = sample(tree);

      const answer = await put(overlay, await carOf(given));

      assert(answer.ok, JSON.stringify(answer));
      assert.deepEqual((await getBytes(overlay, given.address)).bytes, given.object);
    }
  });
});

function ones(count: number): { children: number[] } {
  return { children: Array<number>(count).fill(1) };
}
