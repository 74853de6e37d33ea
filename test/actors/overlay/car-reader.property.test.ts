/** The CAR reader against a list of sections that is compared as a whole, and against every way to damage one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CAR_HEADER_BYTES_MAX, encodeSectionHead, encodeVarint } from "#actors/domain/car.ts";
import { CHUNK_BYTES_MAX } from "#actors/domain/chunk-profiles.ts";
import { CID_BYTES, encodeDag, type Link, linkTo } from "#actors/domain/dag.ts";
import { encodeManifest, MANIFEST_BYTES_MAX } from "#actors/domain/manifest.ts";
import { CarReader } from "#actors/overlay/car-reader.ts";
import type { CarProblem } from "#actors/overlay/protocol.ts";
import { FAILED } from "#runtime/byte-source.ts";
import { createHasher } from "#runtime/pool/blake3.ts";
import { carOf, readCar, type Section, sample, type Tree, writeCar } from "#test/actors/overlay/car-kit.ts";
import { digest } from "#test/actors/overlay/fake-storage.ts";
import { bytesOf, sourceOf } from "#test/actors/overlay/start-overlay.ts";

const leaves = fc.record({ children: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }) });
const nodesOver = (below: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> =>
  fc.record({ children: fc.array(below, { minLength: 1, maxLength: 3 }) });
const trees: fc.Arbitrary<Tree> = fc.oneof(
  fc.constant({ children: [] }),
  leaves,
  nodesOver(leaves),
  nodesOver(nodesOver(leaves)),
);

interface Change {
  readonly kind: "drop" | "repeat" | "swap";
  readonly at: number;
  /** For a swap. */
  readonly other: number;
}
const changes: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom("drop", "repeat", "swap"),
  at: fc.nat(),
  other: fc.nat(),
});

function change(sections: readonly Section[], step: Change): readonly Section[] {
  const at = step.at % sections.length;
  if (step.kind === "drop") return sections.toSpliced(at, 1);
  const section = sections[at];
  assert(section !== undefined);
  if (step.kind === "repeat") return sections.toSpliced(at, 0, section);
  const other = step.other % sections.length;
  return sections.map((kept, index) => (index === at ? sections[other] : index === other ? section : kept) ?? kept);
}

const names = (sections: readonly Section[]): readonly string[] => sections.map(({ link }) => link.digest);

describe("overlay: reading a CAR", () => {
  it("takes what a public writer writes, in pieces of any length", async () => {
    await fc.assert(
      fc.asyncProperty(
        trees,
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        async (tree, piece, room) => {
          const given = sample(tree);

          assert.deepEqual(await readCar(await carOf(given), piece, room), given.object);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("takes sections exactly where they are those of the manifest, in their order", async () => {
    await fc.assert(
      fc.asyncProperty(trees, changes, async (tree, step) => {
        const given = sample(tree);
        const sections = change(given.sections, step);

        const read = await readCar(await carOf({ ...given, sections }));

        const isSame = JSON.stringify(names(sections)) === JSON.stringify(names(given.sections));
        if (isSame) assert.deepEqual(read, given.object);
        else assert(["out-of-order", "truncated", "trailing-bytes"].includes(String(read)), String(read));
      }),
      { numRuns: 300 },
    );
  });

  it("takes no other bytes: every bit that turns is noticed, and so is every end that is too early", async () => {
    const car = await carOf(sample({ children: [{ children: [40, 3] }, { children: [1] }] }));

    for (let at = 0; at < car.length; at += 1) {
      assert.equal(await readCar(car.subarray(0, at)), "truncated", `cut at ${at}`);
      for (let bit = 0; bit < 8; bit += 1) {
        const damaged = Buffer.from(car);
        damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
        assert.equal(typeof (await readCar(damaged)), "string", `bit ${bit} of byte ${at}`);
      }
    }
    assert.equal(await readCar(Buffer.concat([car, Buffer.of(0)])), "trailing-bytes");
  });

  it("takes no bytes at all that nobody wrote as a CAR, with or without the front of one", async () => {
    const front = (await carOf(sample({ children: [9] }))).subarray(0, 60);
    const anything = fc.tuple(fc.constantFrom(Buffer.of(), front), fc.uint8Array({ maxLength: 200, size: "max" }));
    await fc.assert(
      fc.asyncProperty(anything, async (parts) => {
        assert.equal(typeof (await readCar(Buffer.concat(parts))), "string");
      }),
    );
  });

  it("says where what is wrong begins", async () => {
    const given = sample({ children: [10, 20] });
    const car = await carOf(given);
    const lastAt = car.length - 20 - CID_BYTES - 1;
    car.writeUInt8(car.readUInt8(car.length - 1) ^ 1, car.length - 1);
    const reader = new CarReader(sourceOf(car), createHasher);
    await reader.open();

    const into = new Uint8Array(64);
    const counts = [await reader.read(into), await reader.read(into), await reader.read(into)];

    assert.deepEqual(counts, [10, FAILED, FAILED]);
    assert.deepEqual(reader.failure, { code: "overlay.car-refused", problem: "digest-mismatch", atByte: lastAt });
  });
});

describe("overlay: a CAR from somebody hostile", () => {
  const given = sample({ children: [10] });
  const header = (value: unknown): Buffer => framed(Buffer.from(encodeDag(value)));
  const framed = (bytes: Buffer): Buffer => Buffer.concat([encodeVarint(bytes.length), bytes]);
  const roots = [linkTo(given.root)];
  const good = header({ version: 1, roots });
  const rootSection = given.sections[0]?.bytes ?? Buffer.of();
  const rootHead = (link: Link, bytes: number): Buffer => Buffer.concat([good, encodeSectionHead(link, bytes)]);

  const refused: readonly (readonly [what: string, car: Buffer, problem: CarProblem])[] = [
    ["nothing", Buffer.of(), "truncated"],
    ["a length of zero", Buffer.of(0), "bad-length"],
    ["a length that does not end", Buffer.alloc(20, 0x80), "bad-length"],
    ["a length in more bytes than it needs", Buffer.of(0x81, 0x00, 0xa0), "bad-length"],
    ["a header one byte too long", Buffer.from(encodeVarint(CAR_HEADER_BYTES_MAX + 1)), "bad-length"],
    ["a header of the longest length that stops", Buffer.from(encodeVarint(CAR_HEADER_BYTES_MAX)), "truncated"],
    ["a header that is no DAG-CBOR", framed(Buffer.from("rubbish")), "bad-header"],
    ["a header that is no map", header([1]), "bad-header"],
    ["a header of version 2", header({ version: 2 }), "bad-header"],
    ["no version", header({ roots }), "bad-header"],
    ["no root", header({ version: 1, roots: [] }), "bad-root"],
    ["two roots", header({ version: 1, roots: [...roots, ...roots] }), "bad-root"],
    ["a root that is a chunk", header({ version: 1, roots: [linkTo({ ...given.root, kind: "chunk" })] }), "bad-root"],
    ["a root that is text", header({ version: 1, roots: ["root"] }), "bad-root"],
    ["a section shorter than a CID", Buffer.concat([good, encodeVarint(CID_BYTES - 1)]), "bad-cid"],
    [
      "a CID of SHA-256",
      Buffer.concat([good, encodeVarint(40), Buffer.of(1, 0x71, 0x12, 32), Buffer.alloc(36)]),
      "bad-cid",
    ],
    ["a node one byte too long", rootHead(given.root, MANIFEST_BYTES_MAX + 1), "bad-length"],
    ["a node of the longest length that stops", rootHead(given.root, MANIFEST_BYTES_MAX), "truncated"],
    ["another root than it says", rootHead({ kind: "node", digest: digest(bytesOf(9)) }, 9), "out-of-order"],
    ["a root with another codec", rootHead({ ...given.root, kind: "chunk" }, 9), "out-of-order"],
    [
      "a chunk longer than the manifest says",
      Buffer.concat([rootHead(given.root, rootSection.length), rootSection, section(given.sections[1], 11)]),
      "wrong-length",
    ],
    [
      "a chunk longer than any",
      Buffer.concat([
        rootHead(given.root, rootSection.length),
        rootSection,
        section(given.sections[1], CHUNK_BYTES_MAX + 1),
      ]),
      "bad-length",
    ],
  ];
  for (const [what, car, problem] of refused) {
    it(`is refused: ${what} (${problem})`, async () => {
      assert.equal(await readCar(car), problem);
    });
  }

  it("is refused when its root is no manifest, or its nodes are deeper than they may be", async () => {
    const chunk = bytesOf(5);
    const link: Link = { kind: "node", digest: digest(chunk) };
    const deep = sample({ children: [{ children: [{ children: [{ children: [{ children: [1] }] }] }] }] });

    assert.equal(await readCar(await writeCar([linkTo(link)], [{ link, bytes: chunk }])), "bad-manifest");
    assert.equal(await readCar(await carOf(deep)), "bad-manifest");
  });

  it("is refused when a node stands for another length than it holds", async () => {
    const { sections } = sample({ children: [{ children: [5] }] });
    const [, inner, leaf] = sections;
    assert(inner !== undefined && leaf !== undefined);
    const links = [{ length: 6, digest: inner.link.digest }];
    const bytes = encodeManifest({ size: 6, linkKind: "node", links, chunker: "fixed/1", object: inner.link.digest });
    const root: Link = { kind: "node", digest: digest(bytes) };

    const car = await writeCar([linkTo(root)], [{ link: root, bytes }, inner, leaf]);

    assert.equal(await readCar(car), "bad-manifest");
  });

  it("passes on why its bytes stopped coming, which is no fault of the CAR", async () => {
    const car = await carOf(given);
    for (const length of [0, 30, 80, car.length - 1]) {
      const reader = new CarReader(sourceOf(car.subarray(0, length), 7, { code: "test.gone" }), createHasher);
      if ((await reader.open()) !== undefined) {
        while ((await reader.read(new Uint8Array(64))) > 0);
      }

      assert.deepEqual([reader.failure, reader.refusal], [{ code: "test.gone" }, undefined]);
    }
  });
});

function section(of: Section | undefined, blockBytes: number): Uint8Array {
  assert(of !== undefined);
  return encodeSectionHead(of.link, blockBytes);
}
