/** The manifest codec: what it writes it reads, and nothing that it is given makes it throw. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesFromDigest, digestFromBytes } from "#actors/domain/address.ts";
import { encodeDag, linkTo } from "#actors/domain/dag.ts";
import {
  decodeManifest,
  decodeNode,
  encodeManifest,
  encodeNode,
  LINKS_MAX,
  MANIFEST_BYTES_MAX,
  type MalformedReason,
  type Manifest,
} from "#actors/domain/manifest.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { digestOf } from "#runtime/pool/blake3.ts";

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(digestFromBytes);
/** With those at which a number takes more bytes. */
const lengths = fc.oneof(
  fc.integer({ min: 1, max: 2 ** 40 }),
  fc.constantFrom(23, 24, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000),
);
const manifests: fc.Arbitrary<Manifest> = fc
  .record({
    links: fc.array(fc.record({ length: lengths, digest }, { noNullPrototype: true }), { maxLength: 20 }),
    linkKind: fc.constantFrom("chunk" as const, "node" as const),
    chunker: fc.string({ minLength: 1, maxLength: 20 }),
    object: digest,
    mediaType: fc.option(fc.string({ maxLength: 30, size: "max" }), { nil: undefined }),
    meta: fc.option(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())), { nil: undefined }),
  })
  .map(({ links, linkKind, mediaType, meta, ...rest }) => ({
    ...rest,
    links,
    linkKind: links.length === 0 ? "chunk" : linkKind,
    size: links.reduce((sum, { length }) => sum + length, 0),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(meta === undefined ? {} : { meta: { ...meta } }),
  }));

/** What is written beside the links, with everything that strings may hold. */
const saidBeside = fc.record({
  chunker: fc.string({ unit: "binary", minLength: 1, maxLength: 100, size: "max" }),
  mediaType: fc.option(fc.string({ unit: "binary", maxLength: 100, size: "max" }), { nil: undefined }),
  enc: fc.option(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())), { nil: undefined }),
});

const object = new Uint8Array(32).fill(7);
const cid = linkTo({ kind: "chunk", digest: digestFromBytes(object) });
const plain = { v: 2, size: 5, chunker: "gear-nc2/1", object, links: [[5, cid]] };

/** The library answers with bytes of one class or another. */
function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(Buffer.from(actual).toString("hex"), Buffer.from(expected).toString("hex"));
}

function reasonOf(value: unknown): MalformedReason | undefined {
  const decoded = decodeManifest(encodeDag(value));
  return decoded.ok ? undefined : decoded.failure.reason;
}

describe("manifest: decode", () => {
  it("reads what encode wrote, and encodes it to the same bytes", () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const bytes = encodeManifest(manifest);

        const decoded = decodeManifest(bytes);

        assert(decoded.ok);
        assert.deepEqual(decoded.value, manifest);
        assert.deepEqual(encodeManifest(decoded.value), bytes);
      }),
    );
  });

  it("is written as the library writes it, a node below the root too", () => {
    fc.assert(
      fc.property(manifests, saidBeside, (manifest, { chunker, mediaType, enc }) => {
        const { object, size, links, linkKind, meta } = manifest;
        const pairs = links.map(({ length, digest }) => [length, linkTo({ kind: linkKind, digest })]);
        const node = { v: 2, size, links: pairs };
        const said = { ...node, chunker, ...(mediaType && { mediaType }), ...(meta && { meta }), ...(enc && { enc }) };
        const open = { ...said, object: bytesFromDigest(object ?? digestFromBytes(new Uint8Array(32))) };

        const written = { ...manifest, chunker, mediaType: mediaType || undefined, enc };
        assertSame(encodeManifest(written), encodeDag(open));
        if (enc !== undefined) assertSame(encodeManifest({ ...written, object: undefined }), encodeDag(said));
        assertSame(encodeNode(manifest), encodeDag(node));
      }),
    );
  });

  it("answers to arbitrary and to damaged bytes without throwing, and only with what can be written again", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), (bytes) => {
        assert.equal(typeof decodeManifest(bytes).ok, "boolean");
        assert.equal(typeof decodeNode(bytes).ok, "boolean");
      }),
    );
    fc.assert(
      fc.property(manifests, fc.nat(), fc.integer({ min: 1, max: 255 }), (manifest, at, mask) => {
        const bytes = Uint8Array.from(encodeManifest(manifest));
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ mask;

        const decoded = decodeManifest(bytes);

        // The changed byte may have made a known field an unknown one: what is left is still a manifest.
        if (decoded.ok) assert.deepEqual(decodeManifest(encodeManifest(decoded.value)), decoded);
      }),
    );
  });

  it("ignores fields that it does not know", () => {
    const decoded = decodeManifest(encodeDag({ ...plain, future: [1, 2] }));

    assert(decoded.ok);
    assert.equal(decoded.value.size, 5);
    assert.equal("future" in decoded.value, false);
  });

  const refused: readonly (readonly [MalformedReason, unknown])[] = [
    ["not-a-map", [1, 2]],
    ["not-a-map", cid],
    ["unknown-version", { ...plain, v: 3 }],
    ["bad-size", { ...plain, size: -1 }],
    ["bad-size", { ...plain, size: 5.5 }],
    ["bad-chunker", { ...plain, chunker: "" }],
    ["bad-object", { ...plain, object: object.subarray(1) }],
    ["bad-object", { v: 2, size: 5, chunker: "x", links: [[5, cid]] }],
    ["bad-links", { ...plain, links: [[5, object]] }],
    [
      "bad-links",
      {
        ...plain,
        links: [
          [0, cid],
          [5, cid],
        ],
      },
    ],
    ["bad-links", { ...plain, links: [[5, cid, 1]] }],
    ["sizes-do-not-add-up", { ...plain, size: 6 }],
    ["bad-media-type", { ...plain, mediaType: 1 }],
    ["bad-meta", { ...plain, meta: [1] }],
    ["bad-enc", { ...plain, enc: "key" }],
  ];
  for (const [index, [reason, value]] of refused.entries()) {
    it(`refuses as ${reason} (case ${index})`, () => assert.equal(reasonOf(value), reason));
  }

  it("takes LINKS_MAX links and not one more", () => {
    const links = Array.from({ length: LINKS_MAX }, () => [1, cid]);

    assert.equal(reasonOf({ ...plain, size: LINKS_MAX, links }), undefined);
    assert.equal(reasonOf({ ...plain, size: LINKS_MAX + 1, links: [...links, [1, cid]] }), "too-many-links");
  });

  it("refuses more than MANIFEST_BYTES_MAX bytes before it looks at them", () => {
    const padding = MANIFEST_BYTES_MAX - encodeDag({ ...plain, meta: { a: new Uint8Array(70_000) } }).length + 70_000;
    const meta = (sizeBytes: number): unknown => ({ ...plain, meta: { a: new Uint8Array(sizeBytes) } });

    assert.equal(encodeDag(meta(padding)).length, MANIFEST_BYTES_MAX);
    assert.equal(reasonOf(meta(padding)), undefined);
    assert.equal(reasonOf(meta(padding + 1)), "too-large");
  });

  it("refuses other spellings of the same value", () => {
    const bytes = encodeDag(plain);
    // `v: 2` is the byte 0x02 behind the key; 0x18 0x02 spells the same number with two bytes.
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x61, 0x76, 0x02]));
    const longer = Buffer.concat([bytes.subarray(0, at + 2), Buffer.from([0x18, 0x02]), bytes.subarray(at + 3)]);

    const decoded = decodeManifest(longer);

    assert.deepEqual(decoded, { ok: false, failure: { code: "manifest.malformed", reason: "not-canonical" } });
  });

  it("keeps its bytes: a frozen vector", () => {
    const bytes = encodeManifest({
      size: 5,
      chunker: "gear-nc2/1",
      object: digestFromBytes(object),
      linkKind: "chunk",
      links: [{ length: 5, digest: digestFromBytes(object) }],
    });

    assert.equal(
      Buffer.from(bytes).toString("hex"),
      `a5${"617602"}${"6473697a6505"}${"656c696e6b73"}8182${"05"}d82a5825000155${"1e20"}${"07".repeat(32)}${"666f626a656374"}5820${"07".repeat(32)}${"676368756e6b6572"}6a${Buffer.from("gear-nc2/1").toString("hex")}`,
    );
  });
});

describe("manifest tree: build", () => {
  for (const count of [0, 1, LINKS_MAX, LINKS_MAX + 1, 3 * LINKS_MAX + 5]) {
    it(`names ${count} chunks in order, children before parents`, () => {
      const chunks = Array.from({ length: count }, (_, index) => ({
        length: index + 1,
        digest: digestFromBytes(digestOf(Buffer.from(`${index}`))),
      }));
      const size = chunks.reduce((sum, { length }) => sum + length, 0);
      const facts = { size, chunker: "gear-nc2/1", object: digestFromBytes(object) };

      const { inner, root } = buildManifestTree(facts, chunks, (bytes) => digestFromBytes(digestOf(bytes)));

      const decoded = decodeManifest(root.bytes);
      assert(decoded.ok);
      const nodes = new Map(inner.map((node) => [node.digest, node.bytes]));
      const walked =
        decoded.value.linkKind === "chunk"
          ? decoded.value.links
          : decoded.value.links.flatMap((link) => {
              const node = decodeNode(nodes.get(link.digest) ?? new Uint8Array());
              assert(node.ok && node.value.size === link.length);
              return node.value.links;
            });
      assert.deepEqual(walked, chunks);
    });
  }
});
