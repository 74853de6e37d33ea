/** What is begun with a client and given up, or has no end: nothing is waited for that nobody wants any more. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { CepaClient, CepaError } from "#client/client.ts";
import { TEXT_BYTES_MAX } from "#client/wire.ts";
import { MiB } from "#runtime/units.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const address = `b3:${"ab".repeat(32)}`;

/** Gives `first`, and then nothing any more. */
function stalled(first: Uint8Array<ArrayBuffer>) {
  const given = { isCancelled: false };
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(first),
    cancel: () => {
      given.isCancelled = true;
    },
  });
  return { given, stream };
}

describe("client: what is given up while nothing comes", () => {
  it("ends the answer: of an object", async () => {
    const { given, stream } = stalled(new Uint8Array(10));
    const headers = { "content-length": "1000" };
    const client = new CepaClient({ url: node.url, fetch: async () => new Response(stream, { headers }) });
    const { body } = await client.getObject(address);
    const reader = body.getReader();
    await reader.read();

    await Promise.all([reader.read().catch(() => undefined), reader.cancel()]);

    assert(given.isCancelled);
  });

  it("ends the answer: of a private object", async () => {
    const { given, stream } = stalled(new Uint8Array(10));
    const { link } = await new CepaClient({ url: node.url }).putPrivate(new Uint8Array(3 * MiB));
    const client = new CepaClient({
      url: node.url,
      fetch: async (input, init) => {
        const isFirst = new Headers(init?.headers).get("range")?.startsWith("bytes=0-") === true;
        return isFirst ? new Response(stream, { status: 206 }) : await fetch(input, init);
      },
    });
    const { body } = await client.getPrivate(link);
    const reader = body.getReader();

    await Promise.all([reader.read().catch(() => undefined), reader.cancel()]);

    assert(given.isCancelled);
  });

  it("ends what is uploaded, where the way to the node is broken", async () => {
    const { given, stream } = stalled(new Uint8Array(1.5 * MiB));
    const client = new CepaClient({
      url: node.url,
      fetch: async (_, init) => {
        assert(init?.body instanceof ReadableStream);
        const reader = init.body.getReader();
        await reader.read();
        // The next chunk is asked for by then.
        await setImmediate();
        await Promise.all([reader.read(), reader.cancel()]);
        throw new TypeError("fetch failed");
      },
    });

    await assert.rejects(client.putPrivate(stream), { code: "client.unreachable" });

    assert(given.isCancelled);
  });
});

describe("client: an answer without an end", () => {
  it("is refused as none, and is let go", async () => {
    let sentBytes = 0;
    let isCancelled = false;
    const endless = (): Response =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            sentBytes += MiB;
            controller.enqueue(new Uint8Array(MiB).fill(0x20));
          },
          cancel: () => {
            isCancelled = true;
          },
        }),
      );
    const client = new CepaClient({ url: node.url, fetch: async () => endless() });

    for (const ask of [() => client.stat(address), () => client.listNames("ab".repeat(32))]) {
      sentBytes = 0;
      isCancelled = false;

      await assert.rejects(ask(), (error) => error instanceof CepaError && error.code === "client.bad-answer");

      assert(isCancelled && sentBytes < 2 * TEXT_BYTES_MAX, `${sentBytes} bytes`);
    }
  });
});
