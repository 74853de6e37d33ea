/** The client, against a node that can be told to lie. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { CepaClient, CepaError } from "#client/client.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";

const node = await startFakeNode();
const client = new CepaClient({ url: `${node.url}/` });
after(() => node[Symbol.asyncDispose]());

const bytes = new Uint8Array(300_000).fill(5);
const address = addressOf(bytes);
const facts = { address, size: bytes.length, chunks: 1, manifest: "ab".repeat(32) };

function streamOf(...pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function errorOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => assert.fail("it did not fail"),
    (error: unknown) => error,
  );
}

describe("client: putObject", () => {
  it("stores bytes, and says whether the node knew them", async () => {
    node.objects.clear();

    const first = await client.putObject(bytes);
    const second = await client.putObject(new Blob([bytes]));

    assert.deepEqual(
      [first, second],
      [
        { ...facts, known: false },
        { ...facts, known: true },
      ],
    );
  });

  it("streams a body of unknown length and tells the running total", async () => {
    const totals: number[] = [];

    const receipt = await client.putObject(streamOf(bytes.subarray(0, 100), bytes.subarray(100)), {
      onProgress: (total) => totals.push(total),
    });

    assert.equal(receipt.address, address);
    assert.deepEqual(totals, [100, bytes.length]);
    assert.equal(node.lastUpload["transfer-encoding"], "chunked");
  });

  it("throws what the node says, with its code and correlation id", async () => {
    node.misbehave = "refuse";
    const error = await errorOf(client.putObject(bytes));
    node.misbehave = undefined;

    assert(error instanceof CepaError);
    const { code, retryable, corrId, status, message } = error;
    assert.deepEqual(
      { code, retryable, corrId, status, message },
      { code: "storage.full", retryable: false, corrId: "corr-1", status: 507, message: "The disk is full." },
    );
  });
});

describe("client: getObject", () => {
  it("answers with length and bytes", async () => {
    node.objects.set(address, Buffer.from(bytes));

    const answer = await client.getObject(address);

    assert.equal(answer.length, bytes.length);
    assert.deepEqual(await answer.bytes(), bytes);
  });

  it("tells the running total of what was read", async () => {
    node.objects.set(address, Buffer.from(bytes));
    const totals: number[] = [];

    const answer = await client.getObject(address, { onProgress: (total) => totals.push(total) });
    await answer.bytes();

    assert.equal(totals.at(-1), bytes.length);
  });

  it("fails rather than ends when the connection breaks", async () => {
    node.objects.set(address, Buffer.from(bytes));
    node.misbehave = "cut";

    const answer = await client.getObject(address);
    const error = await errorOf(answer.bytes());
    node.misbehave = undefined;

    assert(error instanceof CepaError);
    assert.deepEqual([error.code, error.retryable], ["client.unreachable", true]);
    assert.match(error.message, /^the answer from http:.* broke off: /);
  });

  it("refuses the whole object where a range was asked for", async () => {
    node.objects.set(address, Buffer.from(bytes));

    const error = await errorOf(client.getObject(address, { range: { first: 0, last: 9 } }));

    assert(error instanceof CepaError);
    assert.equal(error.code, "client.bad-answer");
  });
});

describe("client: stat and no answer", () => {
  it("answers with the facts", async () => {
    node.objects.set(address, Buffer.from(bytes));

    assert.deepEqual(await client.stat(address), facts);
  });

  it("throws client.unreachable, retryable, when nothing listens", async () => {
    const error = await errorOf(new CepaClient({ url: "http://127.0.0.1:2" }).stat(address));

    assert(error instanceof CepaError);
    assert.deepEqual([error.code, error.retryable, error.status], ["client.unreachable", true, 0]);
    assert.match(error.message, /ECONNREFUSED/);
  });

  it("says so where nothing can be asked on a port", async () => {
    const error = await errorOf(new CepaClient({ url: "http://127.0.0.1:10080" }).stat(address));

    assert(error instanceof CepaError);
    assert.equal(error.code, "client.unreachable");
    assert.match(error.message, /never go to this port/);
  });

  it("throws client.unreachable, whatever was asked, when the connection breaks within the answer", async () => {
    const key = "ab".repeat(32);
    for (const misbehave of ["cut-all", "cut-refusal"] as const) {
      node.misbehave = misbehave;
      const errors = await Promise.all(
        [
          client.stat(address),
          client.putObject(new Uint8Array(3)),
          client.putPrivate(new Uint8Array(3)),
          client.getName(`${key}/site`),
          client.nameHistory(`${key}/site`),
          client.listNames(key),
        ].map(errorOf),
      );
      node.misbehave = undefined;

      assert.deepEqual(
        errors.map((error) => (error instanceof CepaError ? error.code : error)),
        errors.map(() => "client.unreachable"),
      );
    }
  });

  it("throws the caller's own reason when the caller gave up within the answer", async () => {
    const reason = new Error("enough");
    const caller = new AbortController();
    node.objects.set(address, Buffer.from(bytes));
    node.misbehave = "stall";

    const answer = await client.getObject(address, { signal: caller.signal });
    const read = errorOf(answer.bytes());
    caller.abort(reason);
    const error = await read;
    node.misbehave = undefined;

    assert.equal(error, reason);
  });

  it("throws the caller's own reason when the caller gave up", async () => {
    const reason = new Error("enough");

    const error = await errorOf(client.stat(address, { signal: AbortSignal.abort(reason) }));

    assert.equal(error, reason);
  });
});
