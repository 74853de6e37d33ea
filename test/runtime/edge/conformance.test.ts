/** What both edges promise: the one on sockets and the one in memory. */
import assert from "node:assert/strict";
import { request as httpsRequest } from "node:https";
import { describe, it } from "node:test";
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Edge, EdgeOptions, EdgeOutcome } from "#runtime/edge/edge.ts";
import type { EdgeTls } from "#runtime/edge/tls.ts";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realEdges } from "#runtime/real/edge.ts";
import { SimulatedEdges } from "#runtime/simulated/edge.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { newTestAuthority, type Pem } from "#test/kit/authority.ts";
import { connect } from "#test/runtime/edge/raw-client.ts";
import { isPattern, readAll, serviceOf, streamResponse, testLimits, textResponse } from "#test/runtime/edge/service.ts";

interface Sent {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined when the body broke off. */
  readonly body: Uint8Array | undefined;
}

interface Client {
  readonly edge: Edge;
  send(method: string, target: string, body?: string, signal?: AbortSignal): Promise<Sent>;
}

const options = (tls?: EdgeTls): EdgeOptions => ({
  host: "127.0.0.1",
  port: 0,
  tls,
  limits: () => testLimits,
  clock: realClock,
  random: seededRandom(1),
  metrics: new Metrics(),
});

async function openReal(): Promise<Client> {
  const edge = must(await realEdges.listen(options()), "listening");
  return {
    edge,
    send: async (method, target, body, signal) => {
      if (signal !== undefined) return await sendUntil(edge.url, method, target, signal);
      const response = await fetch(`${edge.url}${target}`, {
        method,
        headers: { "x-correlation-id": "c" },
        ...(body === undefined ? {} : { body }),
      });
      const bytes = await response.arrayBuffer().catch(() => undefined);
      const headers = Object.fromEntries(response.headers);
      return { status: response.status, headers, body: bytes === undefined ? undefined : new Uint8Array(bytes) };
    },
  };
}

/** Goes away with a reset: an end alone may be that of a client that has said everything and waits. */
function sendUntil(url: string, method: string, target: string, signal: AbortSignal): Promise<never> {
  const { socket, send } = connect(url);
  return new Promise((_resolve, reject) => {
    socket.on("close", () => reject(new Error("the client went away")));
    signal.addEventListener("abort", () => socket.resetAndDestroy(), { once: true });
    send(`${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  });
}

const certified = (async () => {
  const authority = await newTestAuthority();
  const server = await authority.issue("server", "listener");
  const client = await authority.issue("client", "somebody", { dnsNames: ["a.example", "*.b.example"] });
  const given = { certificate: server.cert, key: server.key, clientAuthority: authority.cert };
  return { client, tls: { ...given, handshakeTimeoutMs: 2000 } };
})();

async function openTls(): Promise<Client> {
  const { tls, client } = await certified;
  const edge = must(await realEdges.listen(options(tls)), "listening");
  return {
    edge,
    send: (method, target, body, signal) => sendCertified(edge.url, { tls, client, method, target, body, signal }),
  };
}

interface Certified {
  readonly tls: EdgeTls;
  readonly client: Pem;
  readonly method: string;
  readonly target: string;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

function sendCertified(url: string, { tls, client, method, target, body, signal }: Certified): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const headers = { "x-correlation-id": "c" };
    const how = { ...client, ca: tls.clientAuthority, agent: false, method, headers };
    const request = httpsRequest(`${url}${target}`, { ...how, ...(signal === undefined ? {} : { signal }) });
    request.on("error", reject);
    request.on("response", (response) => {
      const pieces: Buffer[] = [];
      const done = (isWhole: boolean): void => {
        const told = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        const whole = isWhole ? new Uint8Array(Buffer.concat(pieces)) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(told), body: whole });
      };
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () => done(true));
      response.on("error", () => done(false));
    });
    request.end(body);
  });
}

async function openSimulated(): Promise<Client> {
  const edge = must(await new SimulatedEdges().listen(options()), "listening");
  return {
    edge,
    send: async (method, target, body, signal) => {
      const answer = await edge.send({
        method,
        target,
        headers: { "x-correlation-id": "c" },
        ...(body === undefined ? {} : { body: sourceOf(body), contentLength: body.length }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (answer === undefined) throw new Error("nobody accepts");
      return { ...answer, body: answer.complete ? answer.body : undefined };
    },
  };
}

function sourceOf(text: string): ByteSource {
  let isRead = false;
  return {
    failure: undefined,
    read: (into) => {
      if (isRead) return Promise.resolve(0);
      isRead = true;
      into.set(Buffer.from(text));
      return Promise.resolve(text.length);
    },
    cancel: () => undefined,
  };
}

for (const [name, open] of [
  ["sockets", openReal],
  ["sockets with TLS", openTls],
  ["memory", openSimulated],
] as const) {
  describe(`edge (${name})`, () => {
    it("hands the request over as it is, and the answer back", async () => {
      const { edge, send } = await open();
      const seen: unknown[] = [];
      edge.attach(
        serviceOf(async ({ method, path, query, remote, contentLength, headers, body }) => {
          seen.push({ method, path, query, remote, contentLength, id: headers["x-correlation-id"] });
          return { status: 201, headers: { Location: "/x" }, body: Buffer.from(await readAll(body)) };
        }),
      );

      const answer = await send("PUT", "/a%20b?c=d&e", "hello");

      assert.deepEqual(seen, [
        { method: "PUT", path: "/a%20b", query: "c=d&e", remote: "127.0.0.1", contentLength: 5, id: "c" },
      ]);
      assert.deepEqual([answer.status, answer.headers["location"]], [201, "/x"]);
      assert.equal(Buffer.from(answer.body ?? []).toString(), "hello");
      await edge.close();
    });

    it("has no body where none was sent", async () => {
      const { edge, send } = await open();
      let body: unknown = "unset";
      edge.attach(
        serviceOf(async (request) => {
          body = request.body;
          return textResponse("ok");
        }),
      );

      await send("GET", "/");

      assert.equal(body, undefined);
      await edge.close();
    });

    for (const lengthBytes of [1, 128 * 1024, 256 * 1024, 256 * 1024 + 1, 3_000_000]) {
      it(`streams ${lengthBytes} bytes and settles`, async () => {
        const { edge, send } = await open();
        const outcomes: EdgeOutcome[] = [];
        edge.attach(serviceOf(async () => streamResponse(lengthBytes, outcomes)));

        const answer = await send("GET", "/");

        assert.equal(answer.headers["content-length"], String(lengthBytes));
        assert.equal(answer.body?.length, lengthBytes);
        assert(isPattern(answer.body));
        await edge.drain(1000);
        assert.deepEqual(outcomes, [{ complete: true, bytesSent: lengthBytes, cause: undefined }]);
        await edge.close();
      });
    }

    it("shows a body that fails as an error, never as its end", async () => {
      const { edge, send } = await open();
      const outcomes: EdgeOutcome[] = [];
      edge.attach(serviceOf(async () => streamResponse(3_000_000, outcomes, 2_000_000)));

      const answer = await send("GET", "/");

      assert.equal(answer.body, undefined);
      assert.deepEqual([outcomes.length, outcomes[0]?.complete], [1, false]);
      assert.equal(outcomes[0]?.cause?.code, "storage.corrupt");
      await edge.close();
    });

    it("answers HEAD with the length and no body, and cancels a stream that was given", async () => {
      const { edge, send } = await open();
      const outcomes: EdgeOutcome[] = [];
      const response = streamResponse(1000, outcomes);
      edge.attach(serviceOf(async () => response));

      const answer = await send("HEAD", "/");

      assert.equal(answer.headers["content-length"], "1000");
      assert.equal(answer.body?.length, 0);
      assert.equal(outcomes[0]?.bytesSent, 0);
      assert(response.body !== undefined && "source" in response.body);
      assert.equal(response.body.source.failure?.code, "edge.body-unwanted");
      await edge.close();
    });

    it("answers 503 gateway.restarting without a service, and 500 for one that throws", async () => {
      const { edge, send } = await open();
      const defects: unknown[] = [];

      const without = await send("GET", "/");
      const broken = new Error("broken");
      edge.attach(
        serviceOf(
          () => Promise.reject(broken),
          (defect) => defects.push(defect),
        ),
      );
      const failed = await send("GET", "/");

      const codes = [without, failed].map(({ status, body }) => [
        status,
        JSON.parse(Buffer.from(body ?? []).toString()),
      ]);
      assert.deepEqual(
        codes.map(([status, { code, corr_id }]) => [status, code, corr_id]),
        [
          [503, "gateway.restarting", "c"],
          [500, "gateway.defect", "c"],
        ],
      );
      assert.deepEqual(defects, [broken]);
      await edge.close();
    });

    it("fails what a detached service had not answered, and discards what it answers later", async () => {
      const { edge, send } = await open();
      const outcomes: EdgeOutcome[] = [];
      let answerLate: () => void = () => undefined;
      let begin: (signal: AbortSignal) => void = () => undefined;
      const begun = new Promise<AbortSignal>((resolve) => {
        begin = resolve;
      });
      const detach = edge.attach(
        serviceOf((request) => {
          begin(request.within.signal);
          return new Promise((resolve) => {
            answerLate = () => resolve(streamResponse(1000, outcomes));
          });
        }),
      );
      const sending = send("GET", "/");
      const signal = await begun;

      detach();
      const answer = await sending;
      answerLate();
      await new Promise(setImmediate);

      assert.equal(answer.status, 503);
      assert.equal(signal.aborted, true);
      assert.deepEqual(
        outcomes.map(({ complete }) => complete),
        [false],
      );
      await edge.close();
    });

    it("aborts the signal, and fails the body, when the client goes away", async () => {
      const { edge, send } = await open();
      const leaving = new AbortController();
      const gone = new Promise<void>((resolve) => {
        edge.attach(
          serviceOf((request) => {
            request.within.signal.addEventListener("abort", () => resolve());
            leaving.abort();
            return new Promise(() => undefined);
          }),
        );
      });

      void send("GET", "/", undefined, leaving.signal).catch(() => undefined);

      await gone;
      await edge.close();
    });

    it("drains: nothing new is accepted, and what is under way is waited for", async () => {
      const { edge, send } = await open();
      let finish: () => void = () => undefined;
      const begun = new Promise<void>((begin) => {
        edge.attach(
          serviceOf(() => {
            begin();
            return new Promise((resolve) => {
              finish = () => resolve(textResponse("done"));
            });
          }),
        );
      });
      const sending = send("GET", "/");
      await begun;

      const draining = edge.drain(60_000);
      await assert.rejects(send("GET", "/"));
      finish();

      assert.equal(Buffer.from((await sending).body ?? []).toString(), "done");
      assert.equal(await draining, 0);
      assert.equal(edge.openRequestCount, 0);
      await edge.close();
    });
  });
}
