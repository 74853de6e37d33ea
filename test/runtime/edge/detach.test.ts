/** A service that goes away under its requests, seen from the socket: a whole answer, or a reset, and never both. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EdgeOutcome, EdgeRequest, EdgeResponse } from "#runtime/edge/edge.ts";
import { bodyOf, connect, statusesOf } from "#test/runtime/edge/raw-client.ts";
import { serviceOf, streamResponse, textResponse } from "#test/runtime/edge/service.ts";
import { codeIn, get, open, passTime } from "#test/runtime/edge/sockets.ts";

/** A service that never answers; `begun` settles with its first request. */
function silent(): { readonly service: ReturnType<typeof serviceOf>; readonly begun: Promise<EdgeRequest> } {
  const { promise, resolve } = Promise.withResolvers<EdgeRequest>();
  const service = serviceOf((request) => {
    resolve(request);
    return new Promise<EdgeResponse>(() => undefined);
  });
  return { service, begun: promise };
}

describe("edge (sockets): detach", () => {
  it("answers 503 where nothing was sent, whole, and the connection goes on", async () => {
    const { edge } = await open(undefined);
    const { service, begun } = silent();
    const detach = edge.attach(service);
    const client = connect(edge.url);
    client.send(get + get);
    const { signal } = (await begun).within;

    detach();
    // The one behind it meets no service at all.
    while (statusesOf(client.text()).length < 2 && !client.socket.destroyed) await new Promise(setImmediate);
    const refused = client.text();
    edge.attach(serviceOf(async () => textResponse("back")));
    client.send(get);
    const text = await client.until("\r\n\r\nback");

    assert.equal(signal.aborted, true);
    assert.deepEqual([codeIn(refused), /Connection: close/.test(refused)], ["gateway.restarting", false]);
    assert.deepEqual(statusesOf(text), [503, 503, 200]);
    client.socket.end();
    assert.equal(await client.ended(), "closed");
    await edge.close();
  });

  it("answers 503 and closes in order where the request's body is still on its way", async () => {
    const { edge, clock } = await open(undefined);
    const { service, begun } = silent();
    const detach = edge.attach(service);
    const client = connect(edge.url);
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    await begun;

    detach();
    await client.until("}\n");
    let end: string | undefined;
    void client.ended().then((how) => {
      end = how;
    });
    await passTime(clock, 100, () => end !== undefined);

    const text = client.text();
    assert.deepEqual([statusesOf(text), codeIn(text), end], [[503], "gateway.restarting", "closed"]);
    assert.match(text, /Connection: close/);
    await edge.close();
  });

  it("delivers the 500 of the defect that ends the service whole", async () => {
    const { edge } = await open(undefined);
    const detach = edge.attach(
      serviceOf(
        () => Promise.reject(new RangeError("boom")),
        // As when the incarnation that attached it ends with the defect.
        () => queueMicrotask(detach),
      ),
    );
    const client = connect(edge.url);

    client.send(get);
    const text = await client.until("}\n");
    client.socket.end();

    assert.deepEqual([statusesOf(text), codeIn(text)], [[500], "gateway.defect"]);
    assert.equal(await client.ended(), "closed");
    await edge.close();
  });

  it("resets where an answer had begun, and settles it", async () => {
    const outcomes: EdgeOutcome[] = [];
    const { edge } = await open(undefined);
    const detach = edge.attach(serviceOf(async () => streamResponse(100_000_000, outcomes)));
    const client = connect(edge.url);
    client.send(get);
    await client.until("\r\n\r\n");
    client.socket.pause();

    detach();
    client.socket.resume();

    assert.equal(await client.ended(), "reset");
    while (outcomes.length === 0) await new Promise(setImmediate);
    assert.deepEqual([outcomes[0]?.complete, outcomes[0]?.cause], [false, { code: "edge.detached" }]);
    assert.deepEqual([statusesOf(client.text()), bodyOf(client.text()).length < 100_000_000], [[200], true]);
    await edge.close();
  });
});
