/**
 * Transfers with a node that falls silent. That a socket's time is over is said to it here: waiting for it would take
 * minutes.
 */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { type ClientRequest, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { getStream, putStream, SILENCE_MS, UPLOAD_ANSWER_MS } from "#cli/http.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

const within = { timeout: 10_000 };

/** A server, and the sockets of the requests that are sent to it. */
async function serve(handle: Serve): Promise<AsyncDisposable & { readonly url: string; readonly sockets: Socket[] }> {
  const server = createServer(handle).on("checkContinue", (request, response) => {
    response.writeContinue();
    handle(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const sockets: Socket[] = [];
  const onRequest = (message: unknown): void => {
    (message as { request: ClientRequest }).request.on("socket", (socket) => sockets.push(socket));
  };
  subscribe("http.client.request.created", onRequest);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      unsubscribe("http.client.request.created", onRequest);
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}

/** The time of the only socket is over. */
function timeOut(sockets: readonly Socket[]): number | undefined {
  const [socket, ...others] = sockets;
  assert(socket !== undefined && others.length === 0);
  const { timeout } = socket;
  socket.emit("timeout");
  return timeout;
}

describe("cli: an answer", () => {
  it("breaks off where the node is silent within it", within, async () => {
    await using node = await serve(
      (_, response) => void response.writeHead(200, { "content-length": 1000 }).write("ten bytes."),
    );

    const answer = await getStream(node.url, 5_000);
    assert(answer.ok);
    const pieces = answer.value[Symbol.asyncIterator]();
    const first = await pieces.next();
    const rest = pieces.next();
    const timeout = timeOut(node.sockets);

    assert.deepEqual([String(first.value), timeout], ["ten bytes.", SILENCE_MS]);
    await assert.rejects(rest, /^Error: nothing has moved for 60 s: is the node overloaded\? Try again$/);
  });

  it("does not where it is the reader who takes nothing", within, async () => {
    await using node = await serve((_, response) => void response.end(Buffer.alloc(1_000_000)));

    const answer = await getStream(node.url, 5_000);
    assert(answer.ok);
    await once(answer.value, "readable");
    timeOut(node.sockets);
    timeOut(node.sockets);
    let sizeBytes = 0;
    for await (const piece of answer.value) sizeBytes += piece.length;

    assert.equal(sizeBytes, 1_000_000);
  });
});

describe("cli: an upload", () => {
  it("gives up where the node does not answer, and waits longer for that than for a byte", within, async () => {
    const taken = Promise.withResolvers<void>();
    await using node = await serve((request) => void request.resume().on("end", taken.resolve));

    const put = putStream(node.url, { chunks: chunksOf(Buffer.from("few")), sizeBytes: 3 });
    await taken.promise;
    const timeout = timeOut(node.sockets);
    const outcome = await put;

    assert.deepEqual([timeout, outcome.ok ? undefined : outcome.failure.code], [UPLOAD_ANSWER_MS, "cli.no-answer"]);
    assert.match(outcome.ok ? "" : outcome.failure.message, /has not answered for 300 s/);
  });

  it("gives up where the node takes no more bytes", within, async () => {
    const heard = Promise.withResolvers<void>();
    await using node = await serve(() => heard.resolve());

    const bytes = Buffer.alloc(64 * 1024 * 1024);
    const put = putStream(node.url, { chunks: chunksOf(bytes), sizeBytes: bytes.length });
    await heard.promise;
    const [socket] = node.sockets;
    while ((socket?.writableLength ?? 0) === 0) await new Promise(setImmediate);
    const timeout = timeOut(node.sockets);
    const outcome = await put;

    assert.deepEqual([timeout, outcome.ok ? undefined : outcome.failure.code], [SILENCE_MS, "cli.no-answer"]);
    assert.match(outcome.ok ? "" : outcome.failure.message, /has not answered for 60 s/);
  });

  it("gives up where the node is silent within its answer", within, async () => {
    await using node = await serve((request, response) => {
      request.resume().on("end", () => response.writeHead(201, { "content-length": 100 }).write("{"));
    });

    const put = putStream(node.url, { chunks: chunksOf(Buffer.from("few")), sizeBytes: 3 });
    while (node.sockets[0]?.timeout !== SILENCE_MS || node.sockets[0].bytesRead < 10) await new Promise(setImmediate);
    await new Promise(setImmediate);
    timeOut(node.sockets);
    const outcome = await put;

    assert.equal(outcome.ok ? undefined : outcome.failure.code, "cli.cut-short");
  });

  it("ends with an answer while its source is silent, which it lets go of", within, async () => {
    await using node = await serve((request, response) => {
      request.once("data", () => response.writeHead(408).end("too late"));
    });
    const source = new PassThrough();
    source.write("few");

    const put = putStream(node.url, { chunks: source, sizeBytes: undefined, release: () => void source.destroy() });

    assert.deepEqual(await put, { ok: true, value: { status: 408, body: "too late" } });
    assert(source.destroyed);
  });

  it("waits for its own source without a limit", within, async () => {
    const begun = Promise.withResolvers<void>();
    const more = Promise.withResolvers<void>();
    await using node = await serve((request, response) => {
      request.on("data", () => begun.resolve()).on("end", () => response.end("stored"));
    });
    async function* paused(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("few");
      await more.promise;
      yield Buffer.from("more");
    }

    const put = putStream(node.url, { chunks: paused(), sizeBytes: undefined });
    await begun.promise;
    timeOut(node.sockets);
    timeOut(node.sockets);
    more.resolve();

    assert.deepEqual(await put, { ok: true, value: { status: 200, body: "stored" } });
  });
});

/** Each source has something to send, and then nothing, until the command has ended. */
describe("cli: put of what falls silent", () => {
  const fed = (feed: string, put: string): string =>
    `mkfifo idle; (${feed}; exec sleep 30) > idle & "$@" ${put}; code=$?; kill $!; exit $code`;
  for (const [source, shell, ...args] of [
    ["standard input", fed("printf few", "< idle"), "-"],
    ["a pipe with a name", fed("printf few", ""), "idle"],
    // Less than a chunk waits to be encrypted.
    ["standard input, encrypted", fed("head -c 1100000 /dev/zero", "< idle"), "-", "--private"],
  ] as const) {
    it(`ends with the answer of the node (${source})`, within, async () => {
      await using node = await startFakeNode();
      node.misbehave = "refuse-late";

      const ran = await cepa(["put", ...args, "--url", node.url], { cwd: node.directory, shell });

      const stderr = "cepa: gateway.read-idle: The body paused. (corr-1)\n";
      assert.deepEqual(ran, { code: 1, stdout: "", stderr });
    });
  }
});

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
