/**
 * The client and a second implementation, written from the page alone, against the published vectors and each other.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseLink } from "#client/link.ts";
import type { About } from "#client/private-format.ts";
import { openPrivate } from "#client/private-object.ts";
import { Sealing } from "#client/sealing.ts";
import { CepaError } from "#client/wire.ts";
import { FakeStore, gather, once, primitives, subtleMaking } from "#test/client/fake-store.ts";
import {
  chunkEnding,
  ciphertextOf,
  hash,
  keyOf,
  made,
  makeVectors,
  noise,
  type ObjectVector,
  openNaively,
  publishedVectors,
} from "#test/client/private-vectors.ts";

const vectors = publishedVectors();

function aboutOf({ name, mediaType }: ObjectVector): About {
  return { ...(name === "" ? {} : { name }), ...(mediaType === "" ? {} : { mediaType }) };
}

function linkOf(text: string): NonNullable<ReturnType<typeof parseLink>> {
  const link = parseLink(text);
  assert(link !== undefined, text);
  return link;
}

function objectAt(index: number): ObjectVector {
  const object = vectors.objects[index];
  assert(object !== undefined);
  return object;
}

/** The code that opening or reading all of it fails with, and the bytes that were given out before. */
async function refusalOf(store: FakeStore, link: string): Promise<{ readonly code: string; readonly given: number }> {
  let given = 0;
  try {
    const object = await openPrivate(linkOf(link), store, primitives);
    for await (const piece of object.read({ first: 0, length: object.facts.size })) given += piece.length;
  } catch (error) {
    assert(error instanceof CepaError, String(error));
    return { code: error.code, given };
  }
  return { code: "none", given };
}

describe("private objects: the published vectors", () => {
  it("are those that their generator writes", () => {
    assert.deepEqual(vectors, makeVectors());
  });

  it("are what the client makes of the same content under the same key, and the store of its ciphertext", async () => {
    for (const object of vectors.objects) {
      const { link, bytes, manifest, chunks, begins, ends } = object;
      const store = new FakeStore();
      const subtle = subtleMaking(Uint8Array.from(keyOf(link)));

      const sealing = await Sealing.begin(once(noise(bytes)), aboutOf(object), { ...primitives, subtle });
      const ciphertext = await gather(sealing.chunks);
      const root = store.put(ciphertext);

      const digests = chunks.map((_, index) => hash(ciphertext.subarray(index << 20, (index + 1) << 20)));
      assert.deepEqual(digests, chunks, link);
      assert.equal(ciphertext.length, chunks.length << 20);
      assert.equal(Buffer.from(store.nodes.get(root) ?? []).toString("hex"), manifest);
      assert.deepEqual([ciphertext.toString("hex", 0, 32), ciphertext.subarray(-32).toString("hex")], [begins, ends]);
      assert.equal(await sealing.link(root, (digest) => store.node(digest)), link);
    }
  });

  it("are opened by the client, sealed by the second implementation", async () => {
    for (const vector of vectors.objects) {
      const store = new FakeStore();
      store.put(ciphertextOf(vector));

      const object = await openPrivate(linkOf(vector.link), store, primitives);
      const content = await gather(object.read({ first: 0, length: object.facts.size }));

      assert.deepEqual(object.facts, { size: vector.bytes, ...aboutOf(vector) });
      assert(content.equals(noise(vector.bytes)), vector.link);
    }
  });

  it("are opened by the second implementation, sealed by the client", async () => {
    for (const vector of vectors.objects) {
      const sealing = await Sealing.begin(once(noise(vector.bytes)), aboutOf(vector), primitives);
      const ciphertext = await gather(sealing.chunks);
      const store = new FakeStore();
      const link = await sealing.link(store.put(ciphertext), (digest) => store.node(digest));

      const { content, name, mediaType } = openNaively(ciphertext, keyOf(link));

      assert.deepEqual([name, mediaType], [vector.name, vector.mediaType]);
      assert(content.equals(noise(vector.bytes)), vector.link);
    }
  });
});

describe("private objects: what is refused", () => {
  for (const { what, of, parts, flip, link } of vectors.refused) {
    const edit = { parts, ...(flip === undefined ? {} : { flip }) };

    it(`is ${what}, by the tags where the manifest is made to fit`, async () => {
      const store = new FakeStore();
      const root = store.put(made(ciphertextOf(objectAt(of)), edit));

      assert.equal(root, linkOf(link).root);
      const { code, given } = await refusalOf(store, link);

      assert.equal(code, "client.wrong-key");
      assert.equal(given % 1_048_320, 0);
    });

    it(`is ${what}, by the digests under the link of the object`, async () => {
      const store = new FakeStore();
      const ciphertext = ciphertextOf(objectAt(of));
      const root = store.put(ciphertext);
      store.bytes.set(root, made(ciphertext, edit));

      const { code, given } = await refusalOf(store, objectAt(of).link);

      // One that was only made longer is never asked for what is too much.
      const longer = what === "the last chunk twice";
      assert.equal(code, longer ? "none" : "client.bytes-differ");
      if (!longer) assert.equal(given % 1_048_320, 0);
    });
  }

  for (const { what, ending, link } of vectors.refusedEndings) {
    it(`is ${what}`, async () => {
      const store = new FakeStore();
      const root = store.put(chunkEnding(Buffer.from(ending, "hex"), keyOf(link)));

      assert.equal(root, linkOf(link).root);
      assert.deepEqual(await refusalOf(store, link), { code: "client.not-private", given: 0 });
    });
  }

  for (const { what, manifest, link } of vectors.refusedManifests) {
    it(`is a manifest with ${what}`, async () => {
      const store = new FakeStore();
      store.nodes.set(linkOf(link).root, Buffer.from(manifest, "hex"));

      assert.deepEqual(await refusalOf(store, link), { code: "client.not-private", given: 0 });
      assert.deepEqual(store.asked, []);
    });
  }

  it("is text that is almost a link", () => {
    for (const text of vectors.refusedLinks) assert.equal(parseLink(text), undefined, JSON.stringify(text));
  });
});
