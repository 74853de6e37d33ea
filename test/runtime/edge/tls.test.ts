/** A listener for those who have a certificate: who is let in, who is not, and what is known of them. */
import assert from "node:assert/strict";
import { request } from "node:https";
import net from "node:net";
import { describe, it } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Edge, EdgeOptions } from "#runtime/edge/edge.ts";
import type { EdgeTls } from "#runtime/edge/tls.ts";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realEdges } from "#runtime/real/edge.ts";
import { SimulatedEdges } from "#runtime/simulated/edge.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { newTestAuthority, type Pem, type TestAuthority } from "#test/kit/authority.ts";
import { serviceOf, testLimits, textResponse } from "#test/runtime/edge/service.ts";

const authority = await newTestAuthority();
const server = await authority.issue("server", "listener");
const other = await authority.issue("server", "other");
const tls: EdgeTls = {
  certificate: server.cert,
  key: server.key,
  clientAuthority: authority.cert,
  handshakeTimeoutMs: 300,
};

const options = (changes: Partial<EdgeOptions> = {}): EdgeOptions => ({
  host: "127.0.0.1",
  port: 0,
  tls,
  limits: () => testLimits,
  clock: realClock,
  random: seededRandom(1),
  metrics: new Metrics(),
  ...changes,
});

/** Answers with the names of whoever asks. */
async function open(): Promise<Edge> {
  const edge = must(await realEdges.listen(options()), "listening");
  edge.attach(serviceOf(async ({ client }) => textResponse(JSON.stringify(client?.names ?? "nobody"))));
  return edge;
}

/** What is answered, or how the connection ends instead. */
function ask(edge: Edge, client: Partial<Pem>, more: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(edge.url, { ca: authority.cert, agent: false, ...client, ...more }, (response) => {
      response.setEncoding("utf8").on("data", resolve);
    });
    asked.on("error", (error) => resolve(`error: ${"code" in error ? error.code : error.message}`));
    asked.end();
  });
}

async function issue(changes: Parameters<TestAuthority["issue"]>[2], by = authority): Promise<Pem> {
  return await by.issue("client", "somebody", changes);
}

const nowSeconds = Math.floor(Date.now() / 1000);

describe("edge: TLS (EDG-14)", () => {
  it("lets in who has a certificate of the authority, and says who that is", async () => {
    const edge = await open();

    const plain = await ask(edge, await issue({}));
    const named = await ask(edge, await issue({ dnsNames: ["a.example", "b.example"] }));

    assert.match(edge.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.deepEqual([plain, named], ['["somebody"]', '["somebody","a.example","b.example"]']);
    await edge.close();
  });

  it("takes no name out of one that has a comma in it", async () => {
    const edge = await open();

    const names = await ask(edge, await issue({ dnsNames: ["x, DNS:admin.example, DNS:y", "z.example"] }));

    assert.equal(names, '["somebody"]');
    await edge.close();
  });

  for (const [who, client] of [
    ["nobody", async () => ({})],
    ["somebody of another authority", async () => issue({}, await newTestAuthority())],
    ["whose time is over", () => issue({ validAfter: nowSeconds - 7200, validUntil: nowSeconds - 60 })],
    ["whose time has not come", () => issue({ validAfter: nowSeconds + 600, validUntil: nowSeconds + 1200 })],
    ["a server", () => authority.issue("server", "somebody")],
  ] as const) {
    it(`refuses ${who}`, async () => {
      const edge = await open();

      const answer = await ask(edge, await client());

      assert.match(answer, /^error: (ERR_SSL|ECONNRESET|EPIPE)/);
      assert.equal(await ask(edge, await issue({})), '["somebody"]');
      await edge.close();
    });
  }

  it("speaks nothing older than TLS 1.3", async () => {
    const edge = await open();

    const answer = await ask(edge, await issue({}), { maxVersion: "TLSv1.2" });

    assert.match(answer, /^error: (EPROTO|ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION)$/);
    await edge.close();
  });

  it("takes up no session again: every connection shows its certificate", async () => {
    const edge = await open();
    const client = await issue({});
    const { port } = new URL(edge.url);
    const sessions: Buffer[] = [];
    const once = async (session?: Buffer): Promise<boolean> => {
      const how = { port: Number(port), host: "127.0.0.1", ca: authority.cert, ...client };
      const socket: TLSSocket = connect({ ...how, ...(session === undefined ? {} : { session }) });
      socket.on("session", (one) => sessions.push(one));
      let isReused = false;
      socket.once("secureConnect", () => {
        isReused = socket.isSessionReused();
      });
      socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve));
      return isReused;
    };

    await once();
    const again = await once(sessions.at(-1));

    assert.equal(again, false);
    await edge.close();
  });

  it("closes a connection that shows nothing within the time for that", async () => {
    const edge = await open();
    const { port } = new URL(edge.url);
    const silent = net.connect({ port: Number(port), host: "127.0.0.1" }).on("error", () => undefined);
    const beganMs = performance.now();

    await new Promise((resolve) => silent.once("close", resolve));

    const tookMs = performance.now() - beganMs;
    assert(tookMs >= 250 && tookMs < 5000, `${tookMs} ms`);
    await edge.close();
  });

  it("lets somebody in while strangers who show nothing have all places: the oldest of them goes", async () => {
    const places = 3;
    const metrics = new Metrics();
    const limits = () => ({ ...testLimits, connectionsMax: places });
    const waiting = { ...tls, handshakeTimeoutMs: 60_000 };
    const edge = must(await realEdges.listen(options({ tls: waiting, limits, metrics })), "listening");
    edge.attach(serviceOf(async ({ client }) => textResponse(JSON.stringify(client?.names ?? "nobody"))));
    const { port } = new URL(edge.url);
    const closed: number[] = [];
    const strangers = [];
    for (let at = 0; at < places; at += 1) {
      const stranger = net.connect({ port: Number(port), host: "127.0.0.1" }).on("error", () => undefined);
      stranger.once("close", () => closed.push(at));
      await new Promise((resolve) => stranger.once("connect", resolve));
      stranger.write(Buffer.from("160301020001", "hex"));
      strangers.push(stranger);
    }

    const answer = await ask(edge, await issue({}));
    const gone = [...closed];

    assert.equal(answer, '["somebody"]');
    assert.deepEqual(gone, [0]);
    const rejected = metrics.takeDeltas().find(({ name }) => name === "rejected_total");
    assert.deepEqual([rejected?.labels, rejected?.value], [{ reason: "connections" }, 1]);
    for (const stranger of strangers) stranger.destroy();
    await edge.close();
  });

  it("keeps those who have shown a certificate: where they have all places, one more is closed", async () => {
    const limits = () => ({ ...testLimits, connectionsMax: 1 });
    const edge = must(await realEdges.listen(options({ limits })), "listening");
    edge.attach(serviceOf(async () => textResponse("here")));
    const client = await issue({});
    const { port } = new URL(edge.url);
    const first = connect({ port: Number(port), host: "127.0.0.1", ca: authority.cert, ...client });
    const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const answered = (): Promise<boolean> =>
      new Promise((resolve) => first.once("data", () => resolve(true)).once("close", () => resolve(false)));
    first.write(get);
    await answered();

    const second = await ask(edge, client);
    first.write(get);
    const isKept = await answered();
    first.destroy();

    assert.equal(isKept, true);
    assert.match(second, /^error: (ECONNRESET|EPIPE)/);
    await edge.close();
  });

  it("waits for nobody who shows nothing when it ends", async () => {
    const patient = { ...tls, handshakeTimeoutMs: 60_000 };
    const edge = must(await realEdges.listen(options({ tls: patient })), "listening");
    const { port } = new URL(edge.url);
    const silent = net.connect({ port: Number(port), host: "127.0.0.1" }).on("error", () => undefined);
    await new Promise((resolve) => silent.once("connect", resolve));
    // Until the listener has seen it too.
    await ask(edge, await issue({}));
    const beganMs = performance.now();

    await edge.close();

    assert(performance.now() - beganMs < 5000);
  });

  it("outlives what is no TLS at all", async () => {
    const edge = await open();
    const { port } = new URL(edge.url);

    const plain = net.connect({ port: Number(port), host: "127.0.0.1" }).on("error", () => undefined);
    plain.end("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let came = "";
    plain.on("data", (piece: Buffer) => {
      came += piece.toString("latin1");
    });
    await new Promise((resolve) => plain.once("close", resolve));

    assert.doesNotMatch(came, /HTTP/);
    assert.equal(await ask(edge, await issue({})), '["somebody"]');
    await edge.close();
  });

  for (const [what, changes] of [
    ["a certificate that is none", { certificate: "x" }],
    ["the key of another", { key: other.key }],
    [
      "an authority that is none",
      { clientAuthority: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
    ],
  ] as const) {
    it(`does not begin with ${what}, and says nothing of the key`, async () => {
      const listening = await realEdges.listen(options({ tls: { ...tls, ...changes } }));

      assert(!listening.ok && listening.failure.code === "edge.tls-unusable");
      assert.doesNotMatch(listening.failure.cause, /PRIVATE|BEGIN/);
    });
  }

  it("counts its connections apart from those of another listener, by its name", async () => {
    const metrics = new Metrics();
    const named = must(await realEdges.listen(options({ metrics, name: "admin" })), "listening");
    const plain = must(await realEdges.listen(options({ metrics, tls: undefined })), "listening");
    const opened = await Promise.all(
      [new URL(plain.url), new URL(plain.url)].map(async ({ port }) => {
        const socket = net.connect({ port: Number(port), host: "127.0.0.1" });
        await new Promise((resolve) => socket.once("connect", resolve));
        return socket;
      }),
    );
    named.attach(serviceOf(async () => textResponse("ok")));
    await ask(named, await issue({}));

    const counts = metrics.takeDeltas().filter(({ name }) => name === "open_connections");

    const plainCounts = counts.filter(({ labels }) => Object.keys(labels).length === 0);
    assert.deepEqual(
      plainCounts.map(({ value }) => value),
      [2],
    );
    assert.equal(counts.length, 2);
    for (const socket of opened) socket.destroy();
    await Promise.all([named.close(), plain.close()]);
  });

  it("is kept by the one in memory too: who is nobody cannot ask", async () => {
    const edge = must(await new SimulatedEdges().listen(options()), "listening");
    edge.attach(serviceOf(async ({ client }) => textResponse(JSON.stringify(client?.names ?? "nobody"))));

    const nobody = await edge.send({ target: "/" });
    const somebody = await edge.send({ target: "/", client: { names: ["somebody"] } });

    assert.equal(nobody, undefined);
    assert.equal(Buffer.from(somebody?.body ?? []).toString(), '["somebody"]');
    assert.match(edge.url, /^https:/);
  });
});
