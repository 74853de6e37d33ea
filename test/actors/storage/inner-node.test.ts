/**
 * Objects whose manifest is a tree, after a rebuild: the nodes between root and chunks are records like any other, and may
 * be damaged like any other. A pack is written by hand, because a real object with so many chunks has four gigabytes.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { CHUNKER_DEFAULT } from "#actors/domain/chunk-profiles.ts";
import { LINKS_MAX } from "#actors/domain/manifest.ts";
import { buildManifestTree } from "#actors/domain/manifest-tree.ts";
import { digestChunk } from "#actors/storage/chunks/chunk-digester.ts";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { layOutRecord } from "#actors/storage/packs/pack-write.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { catalogOfNothing, firstPack } from "#test/actors/storage/left-behind.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { life, sizes } from "#test/actors/storage/refused-reads.ts";
import { randomBytes } from "#test/kit/objects.ts";

const chunk = randomBytes(1000, 1);
const linkCount = LINKS_MAX + 100;
const whole = Buffer.concat(Array.from({ length: linkCount }, () => chunk));

interface TreeWorld {
  readonly disk: MemoryDisk;
  readonly root: Digest;
  /** Where the payloads of the two inner nodes are. */
  readonly nodes: readonly number[];
}

/**
 * One object of two inner nodes. `durable` is what nothing can be wrong with, because a later epoch lies behind it: the
 * object, its nodes alone (another object has them too), or nothing.
 */
async function treeWorld(durable: "object" | "nodes" | "nothing"): Promise<TreeWorld> {
  const disk = new MemoryDisk();
  const cpu = inlineCpu({ disk });
  const mark = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const pack = { pack: 1, mark, descriptor: 0, counted: false, end: 0, epoch: 0, recordCount: 0 };
  const parts: Uint8Array[] = [encodePackFront(1, mark)];
  let end = PACK_FRONT_BYTES;
  const add = (kind: "chunk" | "manifest", bytes: Uint8Array, sequence: number, epoch: number): number => {
    const contents = {
      kind,
      payload: [bytes],
      digests: digestChunk([bytes], cpu),
      commit: { sequence, isTransient: false },
    };
    const { entry, end: next } = layOutRecord(parts, { ...pack, epoch }, end, contents, cpu.digest);
    end = next;
    return entry.position + entry.payloadOffset;
  };
  const digest = (bytes: Uint8Array): Digest => digestFromBytes(cpu.digest(bytes));
  const links = Array.from({ length: linkCount }, () => ({ length: chunk.length, digest: digest(chunk) }));
  const facts = { size: whole.length, chunker: CHUNKER_DEFAULT, object: digest(whole) };
  const { inner, root } = buildManifestTree(facts, links, digest);
  add("chunk", chunk, 0, 0);
  const nodes = inner.map(({ bytes }) => add("manifest", bytes, 0, 0));
  add("manifest", root.bytes, 1, durable === "nodes" ? 1 : 0);
  const empty = buildManifestTree({ size: 0, chunker: CHUNKER_DEFAULT, object: digest(new Uint8Array(0)) }, [], digest);
  if (durable === "object") add("manifest", empty.root.bytes, 2, 1);

  await disk.makeDirectory("/data/packs");
  const opened = await disk.open(firstPack, "create-new");
  assert(opened.ok && (await disk.write(opened.value, parts, 0)).ok && (await disk.sync(opened.value)).ok);
  await disk.close(opened.value);
  await disk.syncDirectory("/data/packs");
  return { disk, root: root.digest, nodes };
}

describe("storage: a manifest that is a tree, after a rebuild", () => {
  for (const durable of ["object", "nodes", "nothing"] as const) {
    it(`is whole where its nodes are (durable: ${durable})`, async () => {
      const { disk, root, nodes } = await treeWorld(durable);
      assert.equal(nodes.length, 2);

      await life({ disk, kv: memoryKvStores() }, async (kit) => {
        assert.deepEqual(Buffer.from((await readObject(kit.ref, root)) as Uint8Array), whole);
      });
    });
  }

  for (const index of [0, 1]) {
    for (const durable of ["nodes", "nothing"] as const) {
      it(`does not count where node ${index} is damaged and the root is in doubt (durable: ${durable})`, async () => {
        const { disk, root, nodes } = await treeWorld(durable);
        disk.flipByte(firstPack, (nodes[index] ?? 0) + 50);

        await life({ disk, kv: await catalogOfNothing() }, async (kit) => {
          assert.deepEqual(await readObject(kit.ref, root), { code: "storage.manifest-not-found", root });
        });
        assert.equal((await sizes(disk)).get("00000001.pack"), PACK_FRONT_BYTES, "nothing of it is kept");
      });
    }

    it(`counts where node ${index} is damaged and was durable, and says what is damaged`, async () => {
      const { disk, root, nodes } = await treeWorld("object");
      const before = (await sizes(disk)).get("00000001.pack");
      disk.flipByte(firstPack, (nodes[index] ?? 0) + 50);

      await life({ disk, kv: memoryKvStores() }, async (kit) => {
        const refused = await readObject(kit.ref, root);
        assert(!(refused instanceof Uint8Array));
        assert.match(refused.code, /^storage\.(corrupt|manifest-not-found)$/);
        assert.notEqual((refused as { readonly root?: Digest }).root, root, "the node is damaged, not the root");
      });
      assert.equal((await sizes(disk)).get("00000001.pack"), before);
    });
  }
});
