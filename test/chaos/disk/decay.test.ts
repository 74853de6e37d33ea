/** Where bytes of a store decay, and which objects that may have damaged. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import {
  encodeHeader,
  NO_TABLE,
  type PayloadKind,
  RECORD_HEADER_BYTES,
  recordEnd,
} from "#actors/storage/packs/record.ts";
import { Damage } from "#chaos/disk/damage.ts";
import { anyDecay, type Decay } from "#chaos/disk/decay.ts";
import type { WorkObject } from "#chaos/workload/objects.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB } from "#runtime/units.ts";
import { randomBytes } from "#test/kit/objects.ts";

const mark = new Uint8Array(8).fill(5);
const bytes = randomBytes(100 * KiB, 1);

function packOf(...records: readonly { readonly kind: PayloadKind; readonly payload: Uint8Array }[]): Uint8Array {
  const parts: Uint8Array[] = [encodePackFront(1, mark)];
  let position = PACK_FRONT_BYTES;
  for (const { kind, payload } of records) {
    const facts = { mark, kind, sequence: 0, isTransient: false, epoch: 1 };
    const place = { payloadOffset: RECORD_HEADER_BYTES, payloadBytes: payload.length };
    const end = recordEnd(position, place);
    const header = encodeHeader({ ...facts, ...place, digest: digestOf(payload), tableDigest: NO_TABLE });
    parts.push(header, payload, new Uint8Array(end - position - header.length - payload.length));
    position = end;
  }
  return Buffer.concat(parts);
}

function objectOf(contents: Uint8Array): WorkObject {
  return { address: `b3:${Buffer.from(digestOf(contents)).toString("hex")}`, bytes: contents };
}

function chunk(payload: Uint8Array): Decay {
  return { path: "/pack", position: 0, mask: 1, kind: "chunk", payload };
}

describe("chaos: decay", () => {
  it("comes to any record, its front and its payload, one bit at a time, and to nothing else", () => {
    const payloads = [bytes.subarray(0, 300), bytes.subarray(500, 1500), bytes.subarray(0, 0)];
    const pack = packOf(...payloads.map((payload) => ({ kind: "chunk", payload }) as const));
    const random = seededRandom(1);
    const places = new Set<string>();

    for (let drawn = 0; drawn < 300; drawn += 1) {
      const decay = anyDecay(new Map([["/pack", pack]]), random);
      assert(decay !== undefined);
      const { path, position, mask, kind, payload } = decay;
      assert.deepEqual([path, kind, Math.log2(mask) % 1], ["/pack", "chunk", 0]);
      assert(position >= PACK_FRONT_BYTES && position < pack.length);
      const record = payloads.findIndex((one) => Buffer.compare(one, payload) === 0);
      assert(record >= 0, "the payload is one of them");
      const payloadAt = payload.length > 0 ? Buffer.from(pack).indexOf(payload) : pack.length;
      places.add(`${record} ${position < payloadAt ? "front" : "payload"}`);
    }

    assert.deepEqual([...places].sort(), ["0 front", "0 payload", "1 front", "1 payload", "2 front"]);
  });

  it("finds none where there is no record, or one that is cut, or no whole object's", () => {
    const pack = packOf({ kind: "chunk", payload: bytes.subarray(0, 300) });
    const decayIn = (contents: Uint8Array) => anyDecay(new Map([["/pack", contents]]), seededRandom(2));

    assert.notEqual(decayIn(pack), undefined);
    assert.equal(decayIn(packOf()), undefined);
    assert.equal(decayIn(pack.subarray(0, PACK_FRONT_BYTES + 400)), undefined);
    assert.equal(decayIn(packOf({ kind: "shard", payload: bytes.subarray(0, 300) })), undefined);
    assert.equal(anyDecay(new Map(), seededRandom(2)), undefined);
  });
});

describe("chaos: damage", () => {
  const first = objectOf(bytes.subarray(0, 60 * KiB));
  const sharing = objectOf(bytes.subarray(10 * KiB, 90 * KiB));
  const other = objectOf(randomBytes(60 * KiB, 2));
  const shared = chunk(bytes.subarray(20 * KiB, 40 * KiB));

  it("may be of objects that have the chunk, or whose manifest it was, and of no others", () => {
    const damage = new Damage();
    const tail = chunk(first.bytes.slice(-100));
    const manifest = { ...chunk(Buffer.from(other.address.slice(3), "hex")), kind: "manifest" as const };
    const mayBe = (): readonly boolean[] => [first, sharing, other].map((object) => damage.mayBe(object));

    const none = mayBe();
    damage.decayed([tail]);
    const ofTail = mayBe();
    damage.decayed([shared]);
    const ofShared = mayBe();
    damage.decayed([manifest]);

    assert.deepEqual(
      [none, ofTail, ofShared, mayBe()],
      [
        [false, false, false],
        [true, false, false],
        [true, true, false],
        [true, true, true],
      ],
    );
  });

  it("is over with a put that came after the node had told of it, and not with one before", () => {
    const damage = new Damage();
    damage.decayed([shared]);

    const before = damage.put(first);
    damage.told(first);
    before();
    const silent = damage.mayBe(first);
    damage.put(first)();
    const unread = damage.mayBe(first);
    damage.told(first);
    damage.put(first)();

    assert.deepEqual([silent, unread, damage.mayBe(first), damage.mayBe(sharing)], [true, true, false, true]);
  });

  it("is not over where the node may have forgotten it, or another put has mended what was told", () => {
    const damage = new Damage();
    damage.decayed([shared]);

    damage.told(first);
    damage.powerLost();
    damage.put(first)();
    const forgotten = damage.mayBe(first);
    damage.told(first);
    damage.told(sharing);
    damage.put(sharing)();
    damage.put(first)();

    assert.deepEqual([forgotten, damage.mayBe(sharing), damage.mayBe(first)], [true, false, true]);
  });

  it("begins anew with what decays later, also while the put is under way", () => {
    const damage = new Damage();
    damage.decayed([shared]);
    damage.told(first);
    const acknowledged = damage.put(first);
    damage.decayed([shared]);
    acknowledged();

    assert.equal(damage.mayBe(first), true);
  });

  it("may make an object unknown where the power goes afterwards, until it was mended", () => {
    const damage = new Damage();
    const object = objectOf(bytes);
    const decay = chunk(bytes.subarray(0, 32 * KiB));

    damage.powerLost();
    damage.decayed([decay]);
    const before = damage.mayBeForgotten(object);
    damage.powerLost();
    const after = damage.mayBeForgotten(object);
    const other = damage.mayBeForgotten(objectOf(randomBytes(100 * KiB, 2)));
    damage.told(object);
    damage.put(object)();

    assert.deepEqual([before, after, other, damage.mayBeForgotten(object)], [false, true, false, false]);
  });
});
