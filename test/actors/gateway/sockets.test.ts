/** Gateway on real sockets: what clients and crowds of them see. */
import assert from "node:assert/strict";
import http from "node:http";
import { describe, it } from "node:test";
import { actorModule } from "#actors/gateway/actor.ts";
import type { Wiring } from "#runtime/actor-module.ts";
import { realEdges } from "#runtime/real/edge.ts";
import { gatewayConfig, openReal } from "#test/actors/gateway/kit.ts";
import { silentLog, testMachine } from "#test/kit/actor.ts";
import { connect, statusesOf } from "#test/runtime/edge/raw-client.ts";

const MiB = 1024 * 1024;

/** Reads a response in pieces with a pause between them; answers with the bytes read, or how it failed. */
function readSlowly(url: string, pauseTurns: number): Promise<number | string> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false }, async (response) => {
      let total = 0;
      response.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
      for await (const piece of response) {
        total += (piece as Buffer).length;
        for (let turn = 0; turn < pauseTurns; turn += 1) await new Promise(setImmediate);
      }
      resolve(total);
    });
    request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
  });
}

function put(url: string, bytes: Uint8Array): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/put`, { method: "PUT", agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    request.on("error", reject);
    request.end(bytes);
  });
}

describe("gateway on sockets", () => {
  it("shows a body that is damaged in the middle as an error to an ordinary client (GW-12)", async () => {
    const { edge, overlay } = await openReal();
    const address = overlay.add(Buffer.alloc(4 * MiB));
    overlay.failing = { afterBytes: 2 * MiB, failure: { code: "storage.corrupt" } };

    const response = await fetch(`${edge.url}/o/${address}`);

    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-length"), String(4 * MiB));
    await assert.rejects(response.arrayBuffer());
    await edge.close();
  });

  it("keeps nothing of an upload whose client goes away, and is ready for the next (GW-20)", async () => {
    const { edge, overlay } = await openReal({ config: { writeRequestsMax: 1 } });
    for (let round = 0; round < 3; round += 1) {
      const client = connect(edge.url);
      client.send(`PUT /put HTTP/1.1\r\nHost: ${new URL(edge.url).host}\r\nContent-Length: 1000000\r\n\r\n`);
      client.send(Buffer.alloc(100_000));
      while (overlay.receivedBytes < (round + 1) * 100_000) await new Promise(setImmediate);

      client.socket.destroy();
      while (edge.openRequestCount > 0) await new Promise(setImmediate);
    }

    assert.equal(overlay.objects.size, 0);
    assert.equal(await put(edge.url, Buffer.from("next")), 201);
    await edge.close();
  });

  it("refuses an upload that is too large before it is sent, where the client asks first (GW-21)", async () => {
    const { edge } = await openReal({ config: { objectSizeBytesMax: 1000 } });
    const client = connect(edge.url);

    const { host } = new URL(edge.url);
    client.send(`PUT /put HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n`);
    const text = await client.until("gateway.object-too-large");

    assert.deepEqual(statusesOf(text), [413]);
    client.socket.destroy();
    await edge.close();
  });

  it("lets a crowd of uploads and slow readers finish with a few buffers (GW-51, GW-54)", async () => {
    const config = { readBufferBytesMax: 2 * MiB, reservationWaitMs: 30_000 };
    const { edge, overlay } = await openReal({ config });
    const size = 2 * MiB;
    const url = `${edge.url}/o/${overlay.add(Buffer.alloc(size, "slow"))}`;

    const reading = Array.from({ length: 64 }, (_, index) => readSlowly(url, index % 4));
    const writing = Array.from({ length: 16 }, (_, index) => put(edge.url, Buffer.alloc(MiB, index + 1)));
    const health = await fetch(`${edge.url}/healthz`);

    assert.equal(health.status, 200);
    assert.deepEqual(new Set(await Promise.all(writing)), new Set([201]));
    assert.deepEqual(new Set(await Promise.all(reading)), new Set([size]));
    assert.equal(edge.openRequestCount, 0);
    await edge.close();
  });

  it("finishes the answer under way when it drains, and takes no new connection (GW-61)", async () => {
    const { edge, ref, overlay, clock } = await openReal();
    let open: () => void = () => undefined;
    overlay.gate = new Promise((resolve) => {
      open = resolve;
    });
    const reading = fetch(`${edge.url}/o/${overlay.add(Buffer.from("hello"))}`);
    while (edge.openRequestCount === 0) await new Promise(setImmediate);

    const draining = ref.call("drain", { timeoutMs: 10_000 }, { timeoutMs: 20_000 });
    await clock.settle();
    await assert.rejects(fetch(`${edge.url}/healthz`));
    open();
    const response = await reading;

    assert.equal(await response.text(), "hello");
    assert.equal(response.headers.get("connection"), "close");
    assert.deepEqual(await draining, { ok: true, value: { unfinishedCount: 0 } });
    await edge.close();
  });
});

describe("gateway: wire", () => {
  /** Only what `wire` looks at. */
  function wiring(host: string, port: number, insecurePublic: boolean): Wiring<never> {
    const { clock, metrics } = testMachine();
    const closers: (() => void | Promise<void>)[] = [];
    const env = { clock, metrics, edges: realEdges, log: silentLog, random: undefined };
    const node = { http: { host, port }, insecurePublic };
    return {
      env: { ...env, node },
      config: { current: gatewayConfig() },
      ref: () => undefined,
      scope: { add: (close: () => void) => closers.push(close) },
    } as never;
  }

  it("does not listen beyond loopback unless it is told to (GW-62)", async () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "cepa.example"]) {
      await assert.rejects(async () => actorModule.wire(wiring(host, 0, false)), /only with --insecure-public/);
    }
  });

  it("fails its start with address and errno when it cannot listen", async () => {
    const taken = await openReal();
    const port = Number(new URL(taken.edge.url).port);

    await assert.rejects(
      async () => actorModule.wire(wiring("127.0.0.1", port, false)),
      new RegExp(`127\\.0\\.0\\.1:${port}: EADDRINUSE`),
    );
    await taken.edge.close();
  });
});
