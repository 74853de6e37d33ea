/** Trees in storage: looked at before they are kept, and told from files by their manifest. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeManifest } from "#actors/domain/manifest.ts";
import { TREE_BYTES_MAX, TREE_MEDIA_TYPE } from "#actors/domain/tree.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { encodeTree, type TreeEntry } from "#client/tree.ts";
import {
  packBytes,
  put,
  randomBytes,
  type StorageKit,
  startStorage,
  within,
} from "#test/actors/storage/storage-kit.ts";

const tree = { kind: "tree" } as const;

async function stored(kit: StorageKit, bytes: Uint8Array, how = {}): Promise<StoredObject> {
  const done = await put(kit, bytes, how);
  assert(done.ok, JSON.stringify(done));
  return done.value;
}

function entryOf({ address, manifest, sizeBytes }: StoredObject, over: Partial<TreeEntry> = {}): TreeEntry {
  assert(address !== undefined);
  return { kind: "file", name: "a", mode: 0o644, address, manifest, size: sizeBytes, ...over } as TreeEntry;
}

async function mediaTypeOf(kit: StorageKit, { manifest: root }: StoredObject): Promise<unknown> {
  const bytes = await kit.ref.call("getManifest", { root }, within);
  assert(bytes.ok);
  const manifest = decodeManifest(bytes.value);
  return manifest.ok && manifest.value.mediaType;
}

describe("storage: putObject of a tree", () => {
  it("keeps one whose objects are stored, with a manifest that says what it is (STO-50)", async () => {
    const kit = await startStorage();
    const small = await stored(kit, randomBytes(1000, 1));
    const large = await stored(kit, randomBytes(3_000_000, 2));
    const entries = [
      entryOf(small),
      entryOf(large, { name: "b" }),
      { kind: "symlink", name: "c", target: "/etc" } as const,
    ];

    const top = await stored(kit, encodeTree({ entries }), tree);
    const above = await stored(kit, encodeTree({ entries: [entryOf(top, { kind: "dir" })] }), tree);
    const parts = [{ first: "a", address: top.address ?? "", manifest: top.manifest, size: top.sizeBytes }];
    const inParts = await stored(kit, encodeTree({ parts }), tree);

    for (const kept of [top, above, inParts]) assert.equal(await mediaTypeOf(kit, kept), TREE_MEDIA_TYPE);
    assert.equal(await mediaTypeOf(kit, small), undefined);
    assert.equal((await stored(kit, encodeTree({ entries }), tree)).known, true);
  });

  it("is another commit than the file with the same bytes, at the same address (STO-50)", async () => {
    const kit = await startStorage();
    const bytes = encodeTree({ entries: [] });

    const file = await stored(kit, bytes);
    const directory = await stored(kit, bytes, tree);

    assert.equal(directory.address, file.address);
    assert.notEqual(directory.manifest, file.manifest);
    assert.equal(directory.known, false);
  });

  it("refuses one that names what is not stored as it says, and keeps nothing (STO-51)", async () => {
    const kit = await startStorage();
    const one = await stored(kit, randomBytes(1000, 1));
    const other = await stored(kit, randomBytes(1001, 2));
    const before = await packBytes(kit.disk);
    const wrong: readonly Partial<TreeEntry>[] = [
      { manifest: "ab".repeat(32) },
      { manifest: other.manifest },
      { address: other.address ?? "" },
      { size: 1001 },
    ];
    for (const over of wrong) {
      const entries = [entryOf(one), entryOf(one, { name: "b", ...over })];

      const done = await put(kit, encodeTree({ entries }), tree);

      assert.deepEqual(done, {
        ok: false,
        failure: { code: "storage.tree-refused", problem: "not-stored", name: "b" },
      });
    }
    assert.equal(await packBytes(kit.disk), before);
  });

  it("refuses one that names what was removed, until that is put again (STO-51)", async () => {
    const kit = await startStorage();
    const one = await stored(kit, randomBytes(1000, 1));
    assert(one.address !== undefined);
    const bytes = encodeTree({ entries: [entryOf(one)] });
    const { manifest } = one;
    const removed = await kit.ref.call("removeObject", { manifest }, within);
    assert(removed.ok);

    const refused = await put(kit, bytes, tree);
    await stored(kit, randomBytes(1000, 1));
    const taken = await put(kit, bytes, tree);

    assert.deepEqual(refused, {
      ok: false,
      failure: { code: "storage.tree-refused", problem: "not-stored", name: "a" },
    });
    assert.equal(taken.ok, true);
  });

  it("holds what it names, also what was put for a time and what was let go (STO-52)", async () => {
    const kit = await startStorage();
    const timed = await stored(kit, randomBytes(1000, 1), { keepMs: 1000 });
    const loose = await stored(kit, randomBytes(1000, 2));
    const { manifest } = loose;
    assert((await kit.ref.call("unpinObject", { manifest }, within)).ok);
    const beside = await stored(kit, randomBytes(1000, 3), { keepMs: 1000 });

    await stored(kit, encodeTree({ entries: [entryOf(timed), entryOf(loose, { name: "b" })] }), tree);
    await kit.clock.advance(1000);
    assert((await kit.ref.call("collectGarbage", { emptyTrash: true }, within)).ok);
    for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));

    const roots = [timed, loose, beside].map(({ manifest: root }) => kit.ref.call("getManifest", { root }, within));
    assert.deepEqual(
      (await Promise.all(roots)).map(({ ok }) => ok),
      [true, true, false],
    );
  });

  it("does not take an inner node of a manifest for a root (STO-51)", async () => {
    const kit = await startStorage({ config: { objectSizeBytesMax: 80_000_000 } });
    const large = await stored(kit, randomBytes(80_000_000, 3), { chunker: "gear-fine/1" });
    const root = await kit.ref.call("getManifest", { root: large.manifest }, within);
    assert(root.ok);
    const manifest = decodeManifest(root.value);
    assert(manifest.ok && manifest.value.linkKind === "node");
    const [inner] = manifest.value.links;
    assert(inner !== undefined);

    const done = await put(kit, encodeTree({ entries: [entryOf(large, { manifest: inner.digest })] }), tree);

    assert(!done.ok && done.failure.code === "storage.tree-refused");
  });

  it("refuses what is no tree, and what is longer than one, before it is read where that is known (STO-51)", async () => {
    const kit = await startStorage();
    const long = new Uint8Array(TREE_BYTES_MAX + 1);

    const rubbish = await put(kit, randomBytes(100, 1), tree);
    const longest = await put(kit, new Uint8Array(TREE_BYTES_MAX), tree);
    const announced = await put(kit, long, { ...tree, sizeBytes: long.length });
    const streamed = await put(kit, long, { ...tree, sizeBytes: undefined });

    const refused = (problem: string) => ({ ok: false, failure: { code: "storage.tree-refused", problem } });
    assert.deepEqual([rubbish, longest], [refused("not-a-tree"), refused("not-a-tree")]);
    assert.deepEqual([announced, streamed], [refused("too-large"), refused("too-large")]);
  });
});
