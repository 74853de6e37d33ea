/** Sealing and reading, with content in any pieces and ranges of any kind. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { blocksOf } from "#client/blocks.ts";
import { parseLink } from "#client/link.ts";
import {
  type About,
  CHUNK_BYTES,
  CHUNK_ROOM,
  encodeFacts,
  isMediaType,
  isName,
  NAME_BYTES_MAX,
  readFacts,
  SEGMENT_ROOM,
  sealedLength,
} from "#client/private-format.ts";
import { extentOf, openPrivate, type PrivateObject } from "#client/private-object.ts";
import { Sealing } from "#client/sealing.ts";
import { CepaError } from "#client/wire.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { FakeStore, gather, once, primitives, sealInto } from "#test/client/fake-store.ts";

const random = seededRandom(7).bytes(3 * CHUNK_ROOM);

async function open(store: FakeStore, text: string): Promise<PrivateObject> {
  const link = parseLink(text);
  assert(link !== undefined);
  return await openPrivate(link, store, primitives);
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    assert(error instanceof CepaError, String(error));
    return error.code;
  }
  return "none";
}

describe("blocks: blocksOf", () => {
  it("has the same bytes in blocks of one length, however they come", async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 17 }), async (given, length) => {
        const blocks: Buffer[] = [];
        for await (const block of blocksOf(ReadableStream.from(given), length)) blocks.push(Buffer.from(block));

        assert.deepEqual(Buffer.concat(blocks), Buffer.concat(given));
        assert(blocks.slice(0, -1).every((block) => block.length === length));
        assert(blocks.every((block) => block.length > 0 && block.length <= length));
      }),
    );
  });
});

describe("private objects: sealing", () => {
  it("takes content of any length in any pieces, announces its length, and seals it for the reader", async () => {
    const sizes = fc.oneof(
      fc.integer({ min: 0, max: 3 * CHUNK_ROOM }),
      fc.constantFrom(0, 1, CHUNK_ROOM - 11, CHUNK_ROOM - 10, CHUNK_ROOM - 9, CHUNK_ROOM, 2 * CHUNK_ROOM),
    );
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 2_000_000 }), async (size, pieceLength) => {
        const content = random.subarray(0, size);
        const pieces = [];
        for (let at = 0; at < size; at += pieceLength) pieces.push(content.subarray(at, at + pieceLength));
        const store = new FakeStore();

        const sealing = await Sealing.begin(ReadableStream.from(pieces), { name: "a" }, primitives);
        const ciphertext = await gather(sealing.chunks);
        const link = await sealing.link(store.put(ciphertext), (digest) => store.node(digest));
        const object = await open(store, link);

        assert.equal(ciphertext.length, sealedLength(size, { name: "a" }));
        assert.deepEqual([sealing.size, object.facts], [size, { size, name: "a" }]);
        assert((await gather(object.read({ first: 0, length: size }))).equals(content));
      }),
      { numRuns: 25 },
    );
  });

  it("is never more than a chunk ahead of who reads it, so that content of any length fits in memory", async () => {
    let given = 0;
    const content = async function* (): AsyncGenerator<Uint8Array> {
      for (; given < 60 * CHUNK_ROOM; given += 100_000) yield random.subarray(0, 100_000);
    };
    const sealing = await Sealing.begin(content(), {}, primitives);
    let ahead = 0;
    let taken = 0;
    for await (const chunk of sealing.chunks) {
      taken += chunk.length;
      ahead = Math.max(ahead, given - taken);
    }

    assert.equal(taken, sealedLength(sealing.size, {}));
    assert(ahead <= CHUNK_ROOM + 100_000, `${ahead} bytes ahead`);
  });

  it("makes another key and other ciphertext each time", async () => {
    const store = new FakeStore();
    const links = [await sealInto(store, random.subarray(0, 5)), await sealInto(store, random.subarray(0, 5))];

    assert.equal(new Set(links.map((link) => link.split("#")[1])).size, 2);
    assert.equal(store.bytes.size, 2);
  });

  it("makes no link for a root under which other chunks are stored", async () => {
    const store = new FakeStore();
    const other = parseLink(await sealInto(store, random.subarray(0, 5)))?.root ?? "";
    const sealing = await Sealing.begin(once(random.subarray(0, 5)), {}, primitives);
    const ciphertext = await gather(sealing.chunks);
    const longer = store.put(Buffer.concat([ciphertext, ciphertext]));

    for (const root of [other, longer]) {
      assert.equal(await codeOf(sealing.link(root, (digest) => store.node(digest))), "client.bytes-differ");
    }
  });

  it("refuses a name or media type that cannot stand in it, before it reads the content", async () => {
    const content = gather(once(random));
    for (const about of [{ name: "a/b" }, { name: "" }, { mediaType: "é" }] satisfies About[]) {
      assert.equal(await codeOf(Sealing.begin(once(await content), about, primitives)), "client.bad-name");
    }
  });
});

describe("private objects: facts", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 60 }).filter(isName);
  const mediaType = fc.string({ unit: "grapheme-ascii", maxLength: NAME_BYTES_MAX }).filter(isMediaType);

  it("are read as they were written", () => {
    const about = fc.record({ name, mediaType }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.nat(2 * CHUNK_ROOM), about, (size, said) => {
        const segment = new Uint8Array(SEGMENT_ROOM);
        const facts = encodeFacts({ size, ...said });
        segment.set(facts, SEGMENT_ROOM - facts.length);

        assert.deepEqual(readFacts(segment, 3), { size, ...said });
      }),
    );
  });

  it("throw at no bytes, and give no name that would do harm", () => {
    const ending = fc.uint8Array({ minLength: 0, maxLength: 600 });
    fc.assert(
      fc.property(ending, (bytes) => {
        const segment = new Uint8Array(SEGMENT_ROOM);
        segment.set(bytes, SEGMENT_ROOM - bytes.length);
        // Else no random size would ever fit.
        segment.fill(0, SEGMENT_ROOM - 10, SEGMENT_ROOM - 3);
        const facts = readFacts(segment, 1);

        assert(facts?.name === undefined || isName(facts.name));
        assert(facts === undefined || facts.size <= CHUNK_ROOM);
      }),
      { numRuns: 1000 },
    );
  });

  it(`have names of up to ${NAME_BYTES_MAX} bytes, counted in UTF-8`, () => {
    const names = ["a".repeat(255), "a".repeat(256), "ü".repeat(127), "ü".repeat(128), "\ud800", "a\u0000", "…"];

    assert.deepEqual(names.map(isName), [true, false, true, false, false, false, true]);
  });
});

describe("private objects: ranges", () => {
  const size = 2 * CHUNK_ROOM + 1000;
  const content = random.subarray(0, size);

  it("gives any range of the content, as a slice of the whole would be", async () => {
    const store = new FakeStore();
    const object = await open(store, await sealInto(store, content));
    const near = [0, SEGMENT_ROOM, CHUNK_ROOM, 2 * CHUNK_ROOM, size].flatMap((at) => [at - 1, at, at + 1]);
    const offset = fc.oneof(fc.integer({ min: 0, max: size - 1 }), fc.constantFrom(...near.filter((at) => at >= 0)));
    await fc.assert(
      fc.asyncProperty(offset, fc.option(offset, { nil: undefined }), async (first, last) => {
        fc.pre(first < size && (last === undefined || last >= first));
        const extent = extentOf(last === undefined ? { first } : { first, last }, size);

        const got = await gather(object.read(extent));

        assert.equal(got.length, extent.length);
        assert(got.equals(content.subarray(first, (last ?? size) + 1)));
      }),
      { numRuns: 60 },
    );
  });

  it("fetches the last chunk once, and of the others those that are needed", async () => {
    const store = new FakeStore();
    const object = await open(store, await sealInto(store, content));

    await gather(object.read({ first: CHUNK_ROOM, length: 1 }));
    await gather(object.read({ first: 2 * CHUNK_ROOM, length: 5 }));
    await gather(object.read({ first: CHUNK_ROOM - 1, length: CHUNK_ROOM + 500 }));
    await gather(object.read({ first: 0, length: 0 }));

    const span = (first: number, count: number): string =>
      `${first * CHUNK_BYTES}-${(first + count) * CHUNK_BYTES - 1}`;
    assert.deepEqual(store.asked, [span(2, 1), span(1, 1), span(0, 2)]);
  });

  it("has ends past the content cut, and no beginning there", async () => {
    const outside: unknown[] = [];
    for (const [range, of] of [
      [{ first: 10 }, 10],
      [{ first: 10, last: 20 }, 10],
      [{ first: 0 }, 0],
      [{ first: 5, last: 4 }, 10],
    ] as const) {
      outside.push(await codeOf(Promise.resolve().then(() => extentOf(range, of))));
    }

    assert.deepEqual(extentOf({ first: 9, last: 100 }, 10), { first: 9, length: 1 });
    assert.deepEqual(extentOf(undefined, 0), { first: 0, length: 0 });
    assert.deepEqual(new Set(outside), new Set(["client.range-unsatisfiable"]));
  });
});

describe("private objects: damage", () => {
  it("of one chunk gives what is before it, and nothing of it", async () => {
    const store = new FakeStore();
    const link = await sealInto(store, random.subarray(0, 2 * CHUNK_ROOM + 5));
    const ciphertext = store.bytes.get(parseLink(link)?.root ?? "");
    assert(ciphertext !== undefined);
    ciphertext[2 * CHUNK_BYTES - 1] = (ciphertext[2 * CHUNK_BYTES - 1] ?? 0) ^ 128;
    const object = await open(store, link);

    const given: Buffer[] = [];
    const reading = async (): Promise<void> => {
      for await (const piece of object.read({ first: 0, length: object.facts.size })) given.push(Buffer.from(piece));
    };

    assert.equal(await codeOf(reading()), "client.bytes-differ");
    assert(Buffer.concat(given).equals(random.subarray(0, CHUNK_ROOM)));
    const behind = await gather(object.read({ first: 2 * CHUNK_ROOM, length: 5 }));
    assert(behind.equals(random.subarray(2 * CHUNK_ROOM, 2 * CHUNK_ROOM + 5)));
  });

  it("of any one bit, anywhere, is refused", async () => {
    const store = new FakeStore();
    const link = await sealInto(store, random.subarray(0, 1000));
    const ciphertext = store.bytes.get(parseLink(link)?.root ?? "");
    assert(ciphertext !== undefined);

    await fc.assert(
      fc.asyncProperty(fc.nat(CHUNK_BYTES - 1), fc.nat(7), async (at, bit) => {
        ciphertext[at] = (ciphertext[at] ?? 0) ^ (1 << bit);
        const asIs = await codeOf(open(store, link));
        // The manifest is made to fit: the tags are alone.
        const key = link.split("#")[1];
        const fitting = await codeOf(open(store, `cepa:${store.put(ciphertext)}#${key}`));
        ciphertext[at] = (ciphertext[at] ?? 0) ^ (1 << bit);

        assert.deepEqual([asIs, fitting], ["client.bytes-differ", "client.wrong-key"]);
      }),
      { numRuns: 40 },
    );
    assert.equal(await codeOf(open(store, link)), "none");
  });

  it("that ends the ciphertext too early is refused, where the node does not say so", async () => {
    const store = new FakeStore();
    const link = await sealInto(store, random.subarray(0, CHUNK_ROOM + 5));
    const root = parseLink(link)?.root ?? "";
    const object = await open(store, link);
    store.bytes.set(root, (store.bytes.get(root) ?? new Uint8Array()).subarray(0, CHUNK_BYTES - 1));

    assert.equal(await codeOf(gather(object.read({ first: 0, length: 1 }))), "client.bytes-differ");
    store.bytes.set(root, new Uint8Array());
    assert.equal(await codeOf(gather(object.read({ first: 0, length: 1 }))), "client.bytes-differ");
  });

  it("of a key by one bit is refused, and so is the key of another object", async () => {
    const store = new FakeStore();
    const links = [await sealInto(store, random.subarray(0, 9)), await sealInto(store, random.subarray(0, 9))];
    const [one, other] = links.map((link) => parseLink(link));
    assert(one !== undefined && other !== undefined);
    const changed = Uint8Array.from(one.key, (byte, index) => (index === 31 ? byte ^ 1 : byte));

    for (const key of [changed, other.key]) {
      assert.equal(await codeOf(openPrivate({ root: one.root, key }, store, primitives)), "client.wrong-key");
    }
  });
});
