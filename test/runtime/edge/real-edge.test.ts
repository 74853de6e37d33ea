/** HTTP on real sockets: what only a connection can show. Time is manual where a limit of time is met. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { EdgeOutcome } from "#runtime/edge/edge.ts";
import { realEdges } from "#runtime/real/edge.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { bodyOf, connect, statusesOf } from "#test/runtime/edge/raw-client.ts";
import { readAll, serviceOf, streamResponse, testLimits, textResponse } from "#test/runtime/edge/service.ts";
import { codeIn, echo, get, open, passTime } from "#test/runtime/edge/sockets.ts";

describe("edge (sockets): binding", () => {
  it("says which address cannot be listened on, and why", async () => {
    const { edge } = await open(undefined);
    const port = Number(new URL(edge.url).port);
    const options = { host: "127.0.0.1", limits: () => testLimits, clock: new ManualClock(), random: seededRandom(1) };

    const taken = await realEdges.listen({ ...options, port, metrics: new Metrics() });
    const foreign = await realEdges.listen({ ...options, host: "192.0.2.1", port: 0, metrics: new Metrics() });

    const code = "edge.bind-failed";
    assert.deepEqual(taken, { ok: false, failure: { code, host: "127.0.0.1", port, errno: "EADDRINUSE" } });
    assert.deepEqual(foreign, { ok: false, failure: { code, host: "192.0.2.1", port: 0, errno: "EADDRNOTAVAIL" } });
    await edge.close();
  });
});

describe("edge (sockets): malformed requests", () => {
  const cases: readonly (readonly [name: string, sent: string, status: number, code: string])[] = [
    ["garbage", "\u0016\u0003garbage\r\n\r\n", 400, "gateway.malformed-request"],
    ["a broken header", "GET / HTTP/1.1\r\nHost x\r\n\r\n", 400, "gateway.malformed-request"],
    [
      "two lengths",
      "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      400,
      "gateway.malformed-request",
    ],
    [
      "a length beside chunks",
      "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
      "gateway.malformed-request",
    ],
    ["a tunnel", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 400, "gateway.malformed-request"],
    [
      "a header over the limit",
      `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(64 * 1024)}\r\n\r\n`,
      431,
      "gateway.headers-too-large",
    ],
    ["another expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: wine\r\n\r\n", 417, "gateway.expectation-failed"],
  ];
  for (const [name, sent, status, code] of cases) {
    it(`answers ${name} with ${status}, in the form of every error`, async () => {
      const { edge } = await open(echo);
      const client = connect(edge.url);

      client.send(sent);
      const text = await client.until("}\n");

      assert.deepEqual(statusesOf(text), [status]);
      const said = JSON.parse(bodyOf(text)) as Record<string, unknown>;
      assert.deepEqual(Object.keys(said), ["code", "message", "retryable", "corr_id"]);
      assert.equal(said["code"], code);
      assert.match(text, new RegExp(`X-Correlation-Id: ${said["corr_id"]}\r\n`));
      client.socket.destroy();
      await edge.close();
    });
  }

  for (const [when, sent] of [
    ["after it was answered", "CONNECT a:1 HTTP/1.1\r\n\r\n"],
    ["behind a request", `${get}CONNECT a:1 HTTP/1.1\r\n\r\n`],
  ] as const) {
    it(`outlives the reset of one that asks for a tunnel (${when})`, async () => {
      const { edge } = await open(echo);
      for (let count = 0; count < 20; count += 1) {
        const client = connect(edge.url);
        client.send(sent);
        if (count % 2 === 0) await client.until("\r\n\r\n");
        client.socket.resetAndDestroy();
        await client.ended();
      }

      const other = connect(edge.url);
      other.send(get);
      assert.deepEqual(statusesOf(await other.until("\r\n\r\n")), [200]);
      other.socket.destroy();
      await edge.close();
    });
  }

  it("takes a header at the limit", async () => {
    const { edge } = await open(echo);
    const client = connect(edge.url);

    client.send(`GET / HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(60 * 1024)}\r\n\r\n`);

    assert.deepEqual(statusesOf(await client.until("\r\n\r\n")), [200]);
    client.socket.destroy();
    await edge.close();
  });

  it("answers 408 for a header that takes too long, and closes", async () => {
    // The parser has its own clock, so this limit is met on the real one.
    const { edge } = await open(echo, { headersTimeoutMs: 100 });
    const client = connect(edge.url);

    client.send("GET / HTTP/1.1\r\nHost:");
    const text = await client.until("}\n");

    assert.deepEqual([statusesOf(text), codeIn(text)], [[408], "gateway.request-timeout"]);
    await client.ended();
    await edge.close();
  });

  it("answers what was asked before the garbage, then says what is wrong and closes", async () => {
    const { edge } = await open(echo);
    const client = connect(edge.url);

    client.send(`${get}garbage\r\n\r\n`);
    await client.ended();

    assert.deepEqual(statusesOf(client.text()), [200, 400]);
    await edge.close();
  });

  it("takes a target that carries its authority, which then is the host", async () => {
    const { edge } = await open(
      serviceOf(async ({ path, query, headers }) => textResponse(`${path} ${query} ${headers["host"]}`)),
    );
    const client = connect(edge.url);

    client.send("GET http://other:1/a?b HTTP/1.1\r\nHost: x\r\n\r\n");

    assert.equal(bodyOf(await client.until("other:1")), "/a b other:1");

    client.send("GET http://none:1?b HTTP/1.1\r\nHost: x\r\n\r\n");

    assert.match(await client.until("none:1"), /\/ b none:1$/);
    client.socket.destroy();
    await edge.close();
  });
});

describe("edge (sockets): bodies", () => {
  it("reads chunked bodies", async () => {
    const { edge } = await open(echo);
    const client = connect(edge.url);

    client.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.send("2\r\nde\r\n0\r\n\r\n");

    assert.equal(bodyOf(await client.until("abcde")), "abcde");
    client.socket.destroy();
    await edge.close();
  });

  it("hands a body over to its last byte, also to a reader that takes little and pauses", async () => {
    const { edge } = await open(
      serviceOf(async ({ body }) => {
        const into = new Uint8Array(999);
        const hash = createHash("sha256");
        for (let count = (await body?.read(into)) ?? 0; count > 0; count = (await body?.read(into)) ?? 0) {
          hash.update(into.subarray(0, count));
          // Meanwhile the rest of the body arrives, and its end.
          await new Promise(setImmediate);
        }
        return textResponse(hash.digest("hex"));
      }),
    );

    const bodies = [999, 1000, 5000, 300_000].map((lengthBytes) => seededRandom(lengthBytes).bytes(lengthBytes));
    const heard: string[] = [];
    for (const body of bodies) heard.push(await (await fetch(edge.url, { method: "PUT", body })).text());
    await edge.close();

    assert.deepEqual(
      heard,
      bodies.map((body) => createHash("sha256").update(body).digest("hex")),
    );
  });

  it("fails a body whose chunks make no sense, and answers", async () => {
    const { edge } = await open(echo);
    const client = connect(edge.url);

    client.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");

    assert.match(await client.until("failed"), /failed: gateway\.body-malformed/);
    client.socket.destroy();
    await edge.close();
  });

  for (const sent of [
    "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  ]) {
    it(`fails a body whose connection is reset at once (${sent.includes("chunked") ? "chunked" : "with a length"})`, async () => {
      let read: (text: string) => void = () => undefined;
      const body = new Promise<string>((resolve) => {
        read = resolve;
      });
      let begin: () => void = () => undefined;
      const begun = new Promise<void>((resolve) => {
        begin = resolve;
      });
      let isAborted = false;
      const { edge } = await open(
        serviceOf(async (request) => {
          begin();
          request.within.signal.addEventListener("abort", () => {
            isAborted = true;
          });
          read(await readAll(request.body));
          return textResponse("late");
        }),
      );
      const client = connect(edge.url);
      client.send(sent);
      await begun;

      client.socket.resetAndDestroy();

      assert.equal(await body, "failed: gateway.body-truncated");
      assert.equal(isAborted, true);
      await edge.close();
    });
  }

  it("fails a body of which nothing comes for readIdleMs, not earlier (EDG-3)", async () => {
    const { edge, clock } = await open(echo, { readIdleMs: 15_000 });
    const client = connect(edge.url);
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    await passTime(clock, 0, () => clock.armedCount > 0);
    // Let the piece arrive before time moves.
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);

    await clock.advance(14_999);
    assert.equal(client.text(), "");
    await clock.advance(1);

    assert.match(await client.until("failed"), /failed: gateway\.read-idle/);
    client.socket.destroy();
    await edge.close();
  });

  it("does not count as idle what the client waits for: a consumer that does not read (EDG-3)", async () => {
    let proceed: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const service = serviceOf(async ({ body }) => {
      await waiting;
      return textResponse(await readAll(body));
    });
    const { edge, clock } = await open(service);
    const client = connect(edge.url);
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);

    await clock.advance(1_000_000);
    proceed();

    assert.equal(bodyOf(await client.until("abc")), "abc");
    client.socket.destroy();
    await edge.close();
  });

  it("says 100 Continue when the body is first read, and not when it is refused before (EDG-4)", async () => {
    const { edge } = await open(
      serviceOf(async ({ path, body }) =>
        path === "/no" ? textResponse("no", 413) : textResponse(await readAll(body)),
      ),
    );
    const head = "HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    const admitted = connect(edge.url);
    const refused = connect(edge.url);

    admitted.send(`PUT / ${head}`);
    await admitted.until("100 Continue\r\n\r\n");
    admitted.send("abc");
    refused.send(`PUT /no ${head}`);

    assert.deepEqual(statusesOf(await admitted.until("abc")), [100, 200]);
    assert.deepEqual(statusesOf(await refused.until("no")), [413]);
    admitted.socket.destroy();
    refused.socket.destroy();
    await edge.close();
  });

  it("delivers an early refusal whole, drains a little and closes (EDG-5)", async () => {
    const { edge, clock } = await open(serviceOf(async () => textResponse("too large", 413)));
    const client = connect(edge.url);
    let sentBytes = 0;

    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    const piece = Buffer.alloc(16 * 1024);
    const pump = (): void => {
      while (!client.socket.destroyed && client.socket.writableLength < 64 * 1024) {
        sentBytes += piece.length;
        client.socket.write(piece);
      }
    };
    client.socket.on("drain", pump);
    pump();
    const text = await client.until("too large");
    await clock.advance(1000);
    await client.ended();

    assert.deepEqual(statusesOf(text), [413]);
    assert.match(text, /Connection: close/);
    assert(sentBytes < 100_000_000);
    assert.equal(edge.openRequestCount, 0);
    await edge.close();
  });

  it("closes after drainMs when the refused client sends nothing more (EDG-5)", async () => {
    const { edge, clock } = await open(serviceOf(async () => textResponse("no", 413)));
    const client = connect(edge.url);
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    await client.until("no");

    await clock.advance(999);
    await new Promise(setImmediate);
    assert.equal(client.socket.destroyed, false);
    await clock.advance(1);

    assert.equal(await client.ended(), "closed");
    await edge.close();
  });
});

describe("edge (sockets): answers", () => {
  it("resets the connection when a body fails, so that no client takes it for whole (EDG-1)", async () => {
    const { edge } = await open(serviceOf(async () => streamResponse(3_000_000, [], 1_000_000)));
    const client = connect(edge.url);

    client.send(get);

    assert.equal(await client.ended(), "reset");
    assert(client.text().length <= 1_000_000 + 1000);
    await edge.close();
  });

  it("cuts a client that takes nothing for writeIdleMs, and settles (EDG-6)", async () => {
    const outcomes: EdgeOutcome[] = [];
    const { edge, clock, metrics } = await open(serviceOf(async () => streamResponse(100_000_000, outcomes)));
    const client = connect(edge.url);
    client.socket.pause();
    client.send(get);
    await passTime(clock, 0, () => clock.armedCount > 0);

    await passTime(clock, 1000, () => outcomes.length > 0);

    assert.equal(outcomes[0]?.complete, false);
    const rejected = metrics.takeDeltas().filter(({ name }) => name === "rejected_total");
    assert.deepEqual(
      rejected.map(({ labels }) => labels),
      [{ reason: "reader-slow" }],
    );
    assert.equal(edge.openRequestCount, 0);
    client.socket.destroy();
    await edge.close();
  });

  it("waits for a slow client that takes enough", async () => {
    const outcomes: EdgeOutcome[] = [];
    const { edge, clock } = await open(serviceOf(async () => streamResponse(30_000_000, outcomes)));
    const client = connect(edge.url);
    let received = 0;
    client.socket.removeAllListeners("data");
    client.socket.pause();
    client.send(get);
    await passTime(clock, 0, () => clock.armedCount > 0);

    // 1 MiB a second of manual time: slow, but no reason to be cut.
    for (let second = 0; second < 40 && outcomes.length === 0; second += 1) {
      for (let taken = 0; taken < 1024 * 1024; ) {
        const piece = client.socket.read() as Buffer | null;
        if (piece !== null) taken += piece.length;
        if (piece === null) await new Promise(setImmediate);
        received += piece?.length ?? 0;
        if (outcomes.length > 0) break;
      }
      await clock.advance(1000);
    }

    assert.equal(outcomes[0]?.complete, true);
    assert(received > 1_000_000);
    client.socket.destroy();
    await edge.close();
  });
});

describe("edge (sockets): connections", () => {
  it("answers pipelined requests in order, one at a time (EDG-7)", async () => {
    let underWay = 0;
    let underWayMost = 0;
    const service = serviceOf(async ({ path }) => {
      underWay += 1;
      underWayMost = Math.max(underWayMost, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return textResponse(`<${path}>`);
    });
    const { edge } = await open(service);
    const client = connect(edge.url);

    client.send(["/a", "/b", "/c"].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(""));
    const text = await client.until("</c>");

    assert.deepEqual(text.match(/<[^>]+>/g), ["</a>", "</b>", "</c>"]);
    assert.equal(underWayMost, 1);
    client.socket.destroy();
    await edge.close();
  });

  it("resets a connection with more than pipelinedMax requests ahead, not with as many (EDG-7)", async () => {
    const { edge, metrics } = await open(echo, { pipelinedMax: 4 });
    const atLimit = connect(edge.url);
    const pastLimit = connect(edge.url);

    atLimit.send(get.repeat(5));
    pastLimit.send(get.repeat(6));

    while (statusesOf(atLimit.text()).length < 5) await new Promise(setImmediate);
    assert.equal(await pastLimit.ended(), "reset");
    const labels = metrics
      .takeDeltas()
      .filter(({ name }) => name === "rejected_total")
      .map((delta) => delta.labels);
    assert.deepEqual(labels, [{ reason: "pipelined" }]);
    atLimit.socket.destroy();
    await edge.close();
  });

  it("closes connections past connectionsMax, and counts them", async () => {
    const { edge, metrics } = await open(echo, { connectionsMax: 1 });
    const first = connect(edge.url);
    first.send(get);
    await first.until("\r\n\r\n");

    const second = connect(edge.url);
    await second.ended();

    const rejected = metrics.takeDeltas().find(({ name }) => name === "rejected_total");
    assert.deepEqual(rejected?.labels, { reason: "connections" });
    first.socket.destroy();
    await edge.close();
  });

  it("says Connection: close while it drains, and closes idle connections at once", async () => {
    let finish: () => void = () => undefined;
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const service = serviceOf(({ path }) => {
      if (path === "/idle") return Promise.resolve(textResponse("idle"));
      begin();
      return new Promise((resolve) => {
        finish = () => resolve(textResponse("done"));
      });
    });
    const { edge } = await open(service);
    const idle = connect(edge.url);
    idle.send("GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
    await idle.until("\r\n\r\nidle");
    const busy = connect(edge.url);
    busy.send(get);
    await begun;

    const draining = edge.drain(60_000);
    await idle.ended();
    finish();

    assert.equal(await draining, 0);
    assert.match(await busy.until("done"), /Connection: close/);
    await busy.ended();
    await edge.close();
  });

  it("closes with requests under way, and settles them", async () => {
    const outcomes: EdgeOutcome[] = [];
    const { edge } = await open(serviceOf(async () => streamResponse(100_000_000, outcomes)));
    const client = connect(edge.url);
    client.socket.pause();
    client.send(get);
    while (edge.openRequestCount === 0) await new Promise(setImmediate);

    await edge.close();
    while (outcomes.length === 0) await new Promise(setImmediate);

    assert.equal(outcomes[0]?.complete, false);
    client.socket.destroy();
  });
});
