/** A socket that is destroyed, and has not said so yet: Node drops what is written to it then, and never calls back. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { EdgeOutcome } from "#runtime/edge/edge.ts";
import { connect } from "#test/runtime/edge/raw-client.ts";
import { PatternSource, serviceOf } from "#test/runtime/edge/service.ts";
import { get, open } from "#test/runtime/edge/sockets.ts";

describe("edge (sockets): a socket that is destroyed while a body is read", () => {
  it("settles the response, and counts the request no more", async (context) => {
    const sockets: Socket[] = [];
    const onSocket = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
    subscribe("net.server.socket", onSocket);
    const outcomes: EdgeOutcome[] = [];
    class Destroying extends PatternSource {
      override async read(into: Uint8Array): Promise<number> {
        for (const socket of sockets) socket.destroy();
        return await super.read(into);
      }
    }
    const lengthBytes = 1000;
    const { edge } = await open(
      serviceOf(async () => ({
        status: 200,
        headers: {},
        body: {
          source: new Destroying(lengthBytes, Number.POSITIVE_INFINITY),
          lengthBytes,
          buffer: new Uint8Array(100),
          primedBytes: 100,
        },
        settled: (outcome) => outcomes.push(outcome),
      })),
    );
    context.after(() => edge.close());
    const client = connect(edge.url);

    client.send(get);
    await client.ended();
    for (let count = 0; count < 100 && outcomes.length === 0; count += 1) await turn();

    unsubscribe("net.server.socket", onSocket);
    assert.deepEqual(outcomes, [{ complete: false, bytesSent: 100, cause: { code: "edge.peer-gone" } }]);
    assert.equal(edge.openRequestCount, 0);
  });
});
