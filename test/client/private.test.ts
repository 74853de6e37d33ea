/** Private objects through the client, against a node that can be told to lie, with an ear on the line. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { CepaClient, CepaError } from "#client/client.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { keyOf, openNaively } from "#test/client/private-vectors.ts";
import { startRecordingProxy, tellsOf } from "#test/kit/recording-proxy.ts";

const node = await startFakeNode();
const proxy = await startRecordingProxy(node.url);
const client = new CepaClient({ url: proxy.url });
after(async () => {
  await proxy[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

const bytes = Uint8Array.from({ length: 2_500_000 }, (_, index) => (index * 7) % 251);

function streamOf(...pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces);
}

async function errorOf(attempt: Promise<unknown>): Promise<CepaError> {
  try {
    await attempt;
  } catch (error) {
    assert(error instanceof CepaError, String(error));
    return error;
  }
  assert.fail("it did not fail");
}

describe("client: putPrivate and getPrivate", () => {
  it("gives back what was put, bytes, blob or stream, with what was said of it", async () => {
    for (const upload of [bytes, new Blob([bytes]), streamOf(bytes.subarray(0, 100), bytes.subarray(100))]) {
      const { link, size } = await client.putPrivate(upload, { name: "a.txt", mediaType: "text/plain" });
      const answer = await client.getPrivate(link);

      const { name, mediaType, length } = answer;
      assert.deepEqual([size, name, mediaType, length], [bytes.length, "a.txt", "text/plain", bytes.length]);
      assert.deepEqual(await answer.bytes(), bytes);
      assert.deepEqual(await client.statPrivate(link), { size, name, mediaType });
    }
  });

  it("gives a range, and refuses one behind the end", async () => {
    const { link } = await client.putPrivate(bytes);

    const part = await client.getPrivate(link, { range: { first: 1_048_319, last: 1_048_320 } });
    const rest = await client.getPrivate(link, { range: { first: bytes.length - 5 } });
    const error = await errorOf(client.getPrivate(link, { range: { first: bytes.length } }));

    assert.deepEqual(await part.bytes(), bytes.slice(1_048_319, 1_048_321));
    assert.deepEqual([rest.length, await rest.bytes()], [5, bytes.slice(-5)]);
    assert.equal(error.code, "client.range-unsatisfiable");
  });

  it("tells the running total of content, not of ciphertext", async () => {
    const [put, got]: [number[], number[]] = [[], []];

    const { link } = await client.putPrivate(bytes, { onProgress: (total) => put.push(total) });
    await (await client.getPrivate(link, { onProgress: (total) => got.push(total) })).bytes();

    assert.deepEqual([put.at(-1), got.at(-1)], [bytes.length, bytes.length]);
  });

  it("sends a node neither key nor name nor content: it stores what opens with the key alone", async () => {
    const secret = Buffer.from("The quick brown fox jumps over the lazy dog.");
    proxy.sent();

    const { link } = await client.putPrivate(secret, { name: "secret-name.txt" });
    await (await client.getPrivate(link)).bytes();
    await client.getPrivate(link, { range: { first: 3, last: 9 } });
    await client.statPrivate(link);

    const sent = proxy.sent();
    const [ciphertext] = [...node.ciphertext.bytes.values()].slice(-1);
    assert(sent.length > 1_048_576 && sent.includes(link.slice(5, 69)), "the line was listened to");
    assert(!tellsOf(sent, keyOf(link)));
    assert(!sent.includes("secret-name") && !sent.includes("quick brown"));
    assert.equal(ciphertext?.length, 1_048_576);
    assert(openNaively(Buffer.from(ciphertext), keyOf(link)).content.equals(secret));
  });

  it("stops the upload when its stream fails, and gives no link", async () => {
    const failing = ReadableStream.from(
      (async function* () {
        yield bytes;
        throw new Error("the source broke");
      })(),
    );

    await assert.rejects(client.putPrivate(failing));
  });

  it("throws the caller's reason when the caller gave up", async () => {
    const { link } = await client.putPrivate(bytes);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);

    await assert.rejects(client.putPrivate(bytes, { signal }), reason);
    await assert.rejects(client.getPrivate(link, { signal }), reason);
  });
});

describe("client: private objects of a node that lies", () => {
  it("refuses a root under which something else is stored", async () => {
    node.misbehave = "wrong-address";
    const error = await errorOf(client.putPrivate(bytes));
    node.misbehave = undefined;

    assert.equal(error.code, "client.bytes-differ");
  });

  it("refuses other bytes, and fails where the connection breaks", async () => {
    const { link } = await client.putPrivate(bytes);
    const answer = await client.getPrivate(link);
    node.misbehave = "wrong-bytes";
    const error = await errorOf(client.getPrivate(link));
    const later = await errorOf(answer.bytes());
    node.misbehave = "cut";
    await assert.rejects(client.getPrivate(link));
    node.misbehave = undefined;

    assert.deepEqual([error.code, later.code], ["client.bytes-differ", "client.bytes-differ"]);
  });

  it("throws what the node says of a root that it does not have", async () => {
    const { code, status } = await errorOf(client.getPrivate(`cepa:${"0".repeat(64)}#${"A".repeat(43)}`));

    assert.deepEqual([code, status], ["storage.manifest-not-found", 404]);
  });
});

describe("client: private links that are none", () => {
  it("are refused before anything is sent, and not repeated", async () => {
    const { link } = await client.putPrivate(bytes);
    proxy.sent();

    for (const text of [link.slice(0, -1), `${link}A`, link.replace("cepa:", ""), "", `b3:${"0".repeat(64)}`]) {
      const error = await errorOf(client.getPrivate(text));

      assert.equal(error.code, "client.bad-link");
      assert(!tellsOf(Buffer.from(error.message), keyOf(link)), error.message);
    }
    assert.equal(proxy.sent().length, 0);
  });

  it("say that the key is wrong without it", async () => {
    const { link } = await client.putPrivate(bytes);
    const other = `${link.slice(0, -43)}${"A".repeat(43)}`;

    const error = await errorOf(client.getPrivate(other));

    assert.equal(error.code, "client.wrong-key");
    assert(!error.message.includes("AAAA") && !(error.stack ?? "").includes("AAAA"));
  });
});

describe("client: where a browser has no WebCrypto", () => {
  it("throws client.no-crypto", async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, "crypto") ?? {};
    Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
    const bare = new CepaClient({ url: node.url });
    Object.defineProperty(globalThis, "crypto", own);

    assert.equal((await errorOf(bare.putPrivate(bytes))).code, "client.no-crypto");
  });
});
