/** Requests whose framing is doubtful: one answer each, and nothing read past it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect, statusesOf } from "#test/runtime/edge/raw-client.ts";
import { readAll, serviceOf, textResponse } from "#test/runtime/edge/service.ts";
import { codeIn, get, open, passTime } from "#test/runtime/edge/sockets.ts";

/** What reached the service, in order. */
function recorder() {
  const seen: string[] = [];
  const service = serviceOf(async ({ method, path, body }) => {
    seen.push(`${method} ${path}`);
    return textResponse(await readAll(body));
  });
  return { seen, service };
}

describe("edge (sockets): framing", () => {
  const put = (fields: string, version = "1.1"): string =>
    `PUT / HTTP/${version}\r\nHost: x\r\n${fields}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
  const unsupported = [501, "gateway.transfer-encoding-unsupported"] as const;
  const malformed = [400, "gateway.malformed-request"] as const;
  for (const [name, sent, [status, code]] of [
    ["an unknown coding", put("Transfer-Encoding: xchunked"), unsupported],
    ["a coding before chunked", put("Transfer-Encoding: gzip, chunked"), unsupported],
    ["a coding in a second field", put("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), unsupported],
    ["chunks of HTTP/1.0", put("Transfer-Encoding: chunked", "1.0"), malformed],
    ["a line without a version", "GET /\r\n\r\n", malformed],
    ["a version that is part of the target", "GET http://x/y!HTTP/1.1\r\nHost: x\r\n\r\n", malformed],
    ["a target of another scheme", "GET ftp://x/y HTTP/1.1\r\nHost: x\r\n\r\n", malformed],
    ["a target that is everything", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", malformed],
    ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", malformed],
    ["two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", malformed],
    ["the same host twice", "GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", malformed],
  ] as const) {
    it(`answers ${name} with ${status} once, asks no service and closes (EDG-10)`, async () => {
      const { seen, service } = recorder();
      const { edge, clock } = await open(service);
      const client = connect(edge.url);

      client.send(sent);
      await client.until("}\n");
      await passTime(clock, 100, () => client.socket.destroyed);

      assert.deepEqual(statusesOf(client.text()), [status]);
      assert.equal(codeIn(client.text()), code);
      assert.match(client.text(), /Connection: close/);
      assert.deepEqual(seen, []);
      await edge.close();
    });
  }

  it("takes chunked in any case", async () => {
    const { edge } = await open(recorder().service);
    const client = connect(edge.url);

    client.send(put("Transfer-Encoding: Chunked"));

    assert.deepEqual(statusesOf(await client.until("abc")), [200]);
    client.socket.destroy();
    await edge.close();
  });

  it("reads nothing more after an answer that closes the connection (EDG-10)", async () => {
    const seen: string[] = [];
    const { edge, clock } = await open(
      serviceOf(async ({ path }) => {
        seen.push(path);
        return textResponse("no", 413);
      }),
    );
    const client = connect(edge.url);

    client.send("PUT /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n");
    await client.until("no");
    client.send(`abcGET /late HTTP/1.1\r\nHost: x\r\n\r\ngarbage\r\n\r\n`);
    await passTime(clock, 100, () => client.socket.destroyed);

    assert.deepEqual([statusesOf(client.text()), seen], [[413], ["/early"]]);
    await edge.close();
  });

  it("gives no service what waits in line behind an answer that closes the connection (EDG-10)", async () => {
    const seen: string[] = [];
    let finish: () => void = () => undefined;
    const { edge } = await open(
      serviceOf(({ path }) => {
        seen.push(path);
        return new Promise((resolve) => {
          finish = () => resolve(textResponse("done"));
        });
      }),
    );
    const client = connect(edge.url);
    client.send(["/a", "/b"].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(""));
    while (edge.openRequestCount < 2) await new Promise(setImmediate);

    const draining = edge.drain(60_000);
    finish();
    await client.ended();

    assert.deepEqual([statusesOf(client.text()), seen, await draining], [[200], ["/a"], 0]);
    await edge.close();
  });

  it("says nothing to what follows a request that asked to close", async () => {
    const { seen, service } = recorder();
    const { edge, clock } = await open(service);
    const client = connect(edge.url);

    client.send(`GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n${get}`);
    await client.until("\r\n\r\n");
    await passTime(clock, 100, () => client.socket.destroyed);

    assert.deepEqual([statusesOf(client.text()), seen], [[200], ["GET /a"]]);
    await edge.close();
  });

  it("answers broken chunks once, however much follows", async () => {
    const { edge, clock } = await open(recorder().service);
    const client = connect(edge.url);

    client.send(`PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n${get}`);
    await client.until("failed");
    client.send(get);
    await passTime(clock, 100, () => client.socket.destroyed);

    assert.deepEqual(statusesOf(client.text()), [200]);
    await edge.close();
  });

  it("delivers 431 to a client that still sends a header of 10 MB, and closes", async () => {
    const { edge, clock } = await open(recorder().service);
    const client = connect(edge.url);

    client.send(`GET / HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(10_000_000)}\r\n\r\n`);
    const text = await client.until("}\n");
    await passTime(clock, 100, () => client.socket.destroyed);

    assert.deepEqual([statusesOf(text), codeIn(text)], [[431], "gateway.headers-too-large"]);
    await edge.close();
  });

  it("closes after drainMs when the client of a broken header says nothing more", async () => {
    const { edge, clock } = await open(recorder().service);
    const client = connect(edge.url);
    // A client that keeps its own side open, whatever it hears.
    client.socket.allowHalfOpen = true;
    client.send("garbage\r\n\r\n");
    await client.until("}\n");

    await clock.advance(999);
    await new Promise(setImmediate);
    const openBefore = edge.openConnectionCount;
    await clock.advance(1);
    while (edge.openConnectionCount > 0) await new Promise(setImmediate);

    assert.equal(openBefore, 1);
    client.socket.destroy();
    await edge.close();
  });
});
