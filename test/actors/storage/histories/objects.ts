/** What histories put: objects of every kind of size, some of which share chunks with others. */
import assert from "node:assert/strict";
import type { Address, Digest } from "#actors/domain/address.ts";
import { CHUNKER_DEFAULT, type ChunkerName } from "#actors/domain/chunk-profiles.ts";
import { decodeManifest } from "#actors/domain/manifest.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { put, randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";

export interface TestObject {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly chunker: ChunkerName;
  /** Set for ciphertext. */
  readonly enc: { readonly format: string } | undefined;
  readonly manifest: Digest;
  readonly address: Address | undefined;
  /** Of every record that the object needs. */
  readonly parts: ReadonlySet<Digest>;
}

const SIZES = [0, 1, 700, 5 * KiB, 64 * KiB, 100 * KiB, 300 * KiB, 1 * MiB, 3, 5 * KiB + 3, 100 * KiB + 3, 1 * MiB - 1];
/** By number. */
const CHUNKERS = ["gear-nc2/1", "gear-fine/1", "gear-nc2/1", "gear-fine/1", "fixed/1"] as const;
/** Every third object is also put as ciphertext: the same chunks, with another manifest. */
const ENC_EVERY = 3;
const shared = [randomBytes(1100 * KiB, 900), randomBytes(700 * KiB, 901)] as const;

/** Stored once, by a node that nothing happens to: so it is known what they consist of. */
export async function makeObjects(): Promise<readonly TestObject[]> {
  const kit = await startStorage();
  const objects: TestObject[] = [];
  for (const [number, { bytes, enc }] of allPuts().entries()) {
    const chunker = enc === undefined ? (CHUNKERS[number % CHUNKERS.length] ?? CHUNKER_DEFAULT) : "fixed/1";
    const stored = await put(kit, bytes, { chunker, enc });
    assert(stored.ok);
    const { address, manifest } = stored.value;
    const node = await kit.ref.call("getManifest", { root: manifest }, within);
    assert(node.ok);
    const decoded = decodeManifest(node.value);
    assert(decoded.ok && decoded.value.linkKind === "chunk");
    const parts = new Set([manifest, ...decoded.value.links.map(({ digest }) => digest)]);
    objects.push({ number, bytes, chunker, enc, manifest, address, parts });
  }
  return objects;
}

function allPuts(): readonly Pick<TestObject, "bytes" | "enc">[] {
  const all = allBytes();
  const encrypted = all.filter((_, at) => at % ENC_EVERY === 0);
  return [
    ...all.map((bytes) => ({ bytes, enc: undefined })),
    ...encrypted.map((bytes) => ({ bytes, enc: { format: "test/1" } })),
  ];
}

function allBytes(): readonly Uint8Array[] {
  const [one, other] = shared;
  const own = (sizeBytes: number, seed: number): Uint8Array => seededRandom(seed).bytes(sizeBytes);
  return [
    ...SIZES.map((sizeBytes, at) => own(sizeBytes, 5000 + at)),
    ...[one, other, one, other].map((begin, at) => Buffer.concat([begin, own(300 * KiB + at, 6000 + at)])),
    Buffer.concat([one, other, own(10, 6010)]),
    Buffer.concat([one, other, own(2000, 6011)]),
    Buffer.concat([own(100 * KiB, 6012), other, one, other]),
    one.slice(0, 1099 * KiB),
    other.slice(0, 699 * KiB),
  ];
}
