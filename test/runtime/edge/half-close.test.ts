/** Clients that have said everything and close their side: an end is no abort. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EdgeOutcome, EdgeResponse } from "#runtime/edge/edge.ts";
import { bodyOf, connect, statusesOf } from "#test/runtime/edge/raw-client.ts";
import { readAll, serviceOf, streamResponse, textResponse } from "#test/runtime/edge/service.ts";
import { codeIn, echo, get, open } from "#test/runtime/edge/sockets.ts";

describe("edge (sockets): a client that half-closes", () => {
  it("is answered whole, and then the connection closes (EDG-9)", async () => {
    const outcomes: EdgeOutcome[] = [];
    const { edge } = await open(
      serviceOf(async () => {
        // Long enough for the end to arrive before the answer begins.
        for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
        return streamResponse(3_000_000, outcomes);
      }),
    );
    const client = connect(edge.url);

    client.socket.end(get);

    assert.equal(await client.ended(), "closed");
    assert.deepEqual(statusesOf(client.text()), [200]);
    assert.equal(bodyOf(client.text()).length, 3_000_000);
    assert.deepEqual(
      outcomes.map(({ complete }) => complete),
      [true],
    );
    assert.equal(edge.openRequestCount, 0);
    await edge.close();
  });

  it("gets the answers to all it asked ahead (EDG-9)", async () => {
    const { edge } = await open(serviceOf(async ({ path }) => textResponse(`<${path}>`)));
    const client = connect(edge.url);

    client.socket.end(["/a", "/b", "/c"].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(""));

    assert.equal(await client.ended(), "closed");
    assert.deepEqual(client.text().match(/<[^>]+>/g), ["</a>", "</b>", "</c>"]);
    await edge.close();
  });

  it("has its whole upload taken", async () => {
    const { edge } = await open(echo);
    const client = connect(edge.url);

    client.socket.end("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");

    assert.equal(await client.ended(), "closed");
    assert.equal(bodyOf(client.text()), "hello");
    await edge.close();
  });

  for (const [name, sent] of [
    ["with a length", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"],
    ["chunked", "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
  ] as const) {
    it(`is told at once that its body broke off (${name}, EDG-9)`, async () => {
      const { edge } = await open(echo);
      const client = connect(edge.url);

      client.socket.end(sent);

      // Manual time stands still: nothing here waits for a limit.
      assert.equal(await client.ended(), "closed");
      assert.deepEqual(statusesOf(client.text()), [200]);
      assert.equal(bodyOf(client.text()), "failed: gateway.body-truncated");
      assert.match(client.text(), /Connection: close/);
      await edge.close();
    });

    it(`is told so also about a body that waited in line behind another request (${name})`, async () => {
      const { edge } = await open(
        serviceOf(async ({ body }) => {
          for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
          return textResponse(await readAll(body));
        }),
      );
      const client = connect(edge.url);

      client.socket.end(`${get}${sent}`);

      assert.equal(await client.ended(), "closed");
      assert.deepEqual(statusesOf(client.text()), [200, 200]);
      assert.equal(bodyOf(client.text()), "failed: gateway.body-truncated");
      await edge.close();
    });
  }

  it("is answered 400 where its header broke off, after what it had asked before", async () => {
    const { edge } = await open(echo);
    const client = connect(edge.url);

    client.socket.end(`${get}GET / HTTP/1.1\r\nHost:`);
    await client.ended();

    assert.deepEqual(statusesOf(client.text()), [200, 400]);
    assert.equal(codeIn(client.text()), "gateway.malformed-request");
    await edge.close();
  });

  it("gets no answer where it asked nothing", async () => {
    const { edge } = await open(echo);
    const client = connect(edge.url);

    client.socket.end();

    assert.equal(await client.ended(), "closed");
    assert.equal(client.text(), "");
    await edge.close();
  });
});

describe("edge (sockets): a client that is gone", () => {
  it("aborts its request at once when it resets", async () => {
    let begin: (signal: AbortSignal) => void = () => undefined;
    const begun = new Promise<AbortSignal>((resolve) => {
      begin = resolve;
    });
    const { edge } = await open(
      serviceOf(({ within }): Promise<EdgeResponse> => {
        begin(within.signal);
        return new Promise(() => undefined);
      }),
    );
    const client = connect(edge.url);
    client.send(get);
    const signal = await begun;

    client.socket.resetAndDestroy();
    while (edge.openRequestCount > 0) await new Promise(setImmediate);

    assert.equal(signal.aborted, true);
    await edge.close();
  });

  it("settles its answer as not complete when it closed for good before taking it", async () => {
    const outcomes: EdgeOutcome[] = [];
    const { edge } = await open(serviceOf(async () => streamResponse(100_000_000, outcomes)));
    const client = connect(edge.url);
    client.send(get);
    await client.until("\r\n\r\n");

    client.socket.destroy();
    while (edge.openRequestCount > 0) await new Promise(setImmediate);

    assert.deepEqual(
      outcomes.map(({ complete }) => complete),
      [false],
    );
    await edge.close();
  });
});
