/** Who is let in, what is refused and how it is said. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpFailureCodes } from "#actors/gateway/status-table.ts";
import type { SimulatedAnswer, SimulatedRequest } from "#runtime/simulated/edge.ts";
import { MemorySource } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const codeOf = (answer: SimulatedAnswer): unknown => json(answer)["code"];

describe("gateway: routes", () => {
  const refused: readonly (readonly [request: SimulatedRequest, status: number, code: string])[] = [
    [{ target: "/" }, 404, "gateway.no-route"],
    [{ target: "/nope" }, 404, "gateway.no-route"],
    [{ target: "/o" }, 404, "gateway.no-route"],
    [{ target: "/o/a/b" }, 404, "gateway.no-route"],
    [{ target: "/o/a/data" }, 404, "gateway.no-route"],
    [{ target: "/m/a/b" }, 404, "gateway.no-route"],
    [{ target: "/m/a/data/b" }, 404, "gateway.no-route"],
    [{ target: "/m/a/data" }, 400, "gateway.bad-address"],
    [{ target: "/m/a/data", method: "PUT" }, 405, "gateway.method-not-allowed"],
    [{ target: "*", method: "OPTIONS" }, 404, "gateway.no-route"],
    [{ target: "/put" }, 405, "gateway.method-not-allowed"],
    [{ target: "/status", method: "POST" }, 405, "gateway.method-not-allowed"],
    [{ target: "/o/b3:x", method: "PATCH" }, 405, "gateway.method-not-allowed"],
    [{ target: "/o/b3:x", method: "DELETE" }, 400, "gateway.bad-address"],
    [{ target: "/o/b3:x/pin", method: "PUT" }, 400, "gateway.bad-address"],
    [{ target: `/o/b3:${"0".repeat(64)}/pin`, method: "POST" }, 405, "gateway.method-not-allowed"],
    [{ target: `/m/${"0".repeat(64)}/restore`, method: "GET" }, 405, "gateway.method-not-allowed"],
    [{ target: `/stat/b3:${"0".repeat(64)}/pin`, method: "PUT" }, 404, "gateway.no-route"],
    [{ target: "/gc", method: "DELETE" }, 405, "gateway.method-not-allowed"],
    [{ target: "/trash", method: "POST" }, 405, "gateway.method-not-allowed"],
    [{ target: "/o/b3:x", method: "PUT" }, 400, "gateway.bad-address"],
  ];
  for (const [request, status, code] of refused) {
    it(`answers ${request.method ?? "GET"} ${request.target} with ${status}`, async () => {
      const { edge } = await openSimulated();

      const answer = await send(edge, request);

      assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
      assert.deepEqual(Object.keys(json(answer)), ["code", "message", "retryable", "corr_id"]);
      assert.equal(answer.headers["x-correlation-id"], json(answer)["corr_id"]);
      assert.equal(answer.headers["allow"] === undefined, status !== 405);
    });
  }

  it("says which methods a path takes", async () => {
    const { edge } = await openSimulated();

    assert.equal((await send(edge, { target: "/put" })).headers["allow"], "POST, PUT");
    assert.equal((await send(edge, { target: "/o/x", method: "POST" })).headers["allow"], "GET, HEAD, PUT, DELETE");
  });
});

describe("gateway: correlation", () => {
  it("takes an id of at most 128 printable characters, and makes one for any other", async () => {
    const { edge } = await openSimulated();
    const echoOf = async (id: string) => {
      return (await send(edge, { target: "/healthz", headers: { "x-correlation-id": id } })).headers[
        "x-correlation-id"
      ];
    };

    assert.equal(await echoOf("a".repeat(128)), "a".repeat(128));
    for (const unfit of ["a".repeat(129), "", "with space", "bell\u0007", "é"]) {
      assert.match((await echoOf(unfit)) ?? "", /^[0-9a-f]{16}$/, JSON.stringify(unfit));
    }
  });
});

describe("gateway: Host and Origin", () => {
  it("answers to its own names only (GW-40)", async () => {
    const { edge, config } = await openSimulated();
    const { port } = new URL(edge.url);
    const statusOf = async (host: string) => (await edge.send({ target: "/healthz", headers: { host } }))?.status;
    const own = [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`];
    const foreign = ["evil.example", `evil.example:${port}`, "127.0.0.1", "127.0.0.1:1", `10.0.0.1:${port}`];

    for (const host of own) assert.equal(await statusOf(host), 200, host);
    for (const host of foreign) assert.equal(await statusOf(host), 421, host);
    assert.equal((await edge.send({ target: "/healthz" }))?.status, 400);

    config.current = { ...config.current, allowedHosts: "cepa.example, other:99" };
    for (const host of ["cepa.example", `cepa.example:${port}`, "other:99"]) assert.equal(await statusOf(host), 200);
    for (const host of ["other", "evil.example"]) assert.equal(await statusOf(host), 421);
  });

  it("answers to any address of its machine when it listens on all of them, but to no name", async () => {
    const { edge } = await openSimulated({ host: "0.0.0.0" });
    const { port } = new URL(edge.url);
    const statusOf = async (host: string) => (await edge.send({ target: "/healthz", headers: { host } }))?.status;

    assert.equal(await statusOf(`192.168.7.9:${port}`), 200);
    assert.equal(await statusOf(`[fe80::1]:${port}`), 200);
    assert.equal(await statusOf(`192.168.7.9:1`), 421);
    assert.equal(await statusOf(`evil.example:${port}`), 421);
  });

  it("refuses writes for pages of other origins, and only writes (GW-41)", async () => {
    const { edge, overlay } = await openSimulated();
    const own = new URL(edge.url).origin;
    const write = async (headers: Record<string, string>) => {
      return await send(edge, { method: "PUT", target: "/put", headers, body: new MemorySource(Buffer.from("x")) });
    };
    const foreign: readonly Record<string, string>[] = [
      { origin: "http://evil.example" },
      { origin: "null" },
      { origin: `${own}.evil.example` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: own, "sec-fetch-site": "cross-site" },
    ];

    for (const headers of foreign) {
      const answer = await write(headers);
      assert.deepEqual([answer.status, codeOf(answer)], [403, "gateway.origin-refused"], JSON.stringify(headers));
    }
    assert.equal(overlay.objects.size, 0);
    for (const headers of [{}, { origin: own }, { "sec-fetch-site": "same-origin" }, { "sec-fetch-site": "none" }]) {
      assert((await write(headers)).status <= 201, JSON.stringify(headers));
    }
    assert.equal((await send(edge, { target: "/healthz", headers: { origin: "http://evil.example" } })).status, 200);
  });
});

describe("gateway: failures of the actors below", () => {
  const seen: readonly (readonly [code: string, status: number, retryable: boolean])[] = [
    ["overlay.unavailable", 503, true],
    ["index.rebuilding", 503, true],
    ["storage.corrupt", 502, false],
    ["storage.read-failed", 503, true],
    ["runtime.mailbox-full", 503, true],
    ["runtime.expired", 503, true],
    ["runtime.call-timeout", 503, true],
    ["runtime.actor-stopped", 503, true],
    ["runtime.actor-crashed", 503, true],
    ["runtime.not-connected", 503, true],
    ["runtime.link-lost", 503, true],
  ];
  for (const [code, status, retryable] of seen) {
    it(`answers ${status} for ${code}`, async () => {
      const { edge, overlay } = await openSimulated();
      overlay.failures.get = { code };

      const answer = await send(edge, { target: `/o/b3:${"0".repeat(64)}` });

      assert.deepEqual([answer.status, codeOf(answer), json(answer)["retryable"]], [status, code, retryable]);
      const wait = Number(answer.headers["retry-after"]);
      if (status === 503) assert(Number.isInteger(wait) && wait >= 1 && wait <= 5, String(wait));
      else assert(Number.isNaN(wait));
    });
  }

  it("spreads Retry-After over 1 to 5 seconds", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.failures.get = { code: "overlay.unavailable" };
    const waits = new Set<string | undefined>();

    for (let round = 0; round < 200; round += 1) {
      waits.add((await send(edge, { target: `/o/b3:${"0".repeat(64)}` })).headers["retry-after"]);
    }

    assert.deepEqual([...waits].sort(), ["1", "2", "3", "4", "5"]);
  });

  it("has a row for every code once, all of them errors", async () => {
    assert.equal(new Set(httpFailureCodes).size, httpFailureCodes.length);
    assert(httpFailureCodes.includes("storage.full") && httpFailureCodes.includes("runtime.link-lost"));
  });
});

describe("gateway: metrics of its own", () => {
  it("counts requests, refusals, bytes and what is open", async () => {
    const { edge, overlay, metrics } = await openSimulated({ config: { objectSizeBytesMax: 5 } });
    const address = overlay.add(Buffer.from("hello"));
    metrics.takeDeltas();

    await send(edge, { target: `/o/${address}` });
    await send(edge, { method: "PUT", target: "/put", body: new MemorySource(Buffer.from("four")) });
    await send(edge, { method: "PUT", target: "/put", body: new MemorySource(Buffer.from("sixsix")) });

    const deltas = metrics.takeDeltas();
    const figureOf = (name: string, labels: Record<string, string> = {}) =>
      deltas.find((delta) => delta.name === name && JSON.stringify(delta.labels) === JSON.stringify(labels))?.value;
    assert.equal(figureOf("requests_total", { route: "object", status_class: "2xx" }), 1);
    assert.equal(figureOf("requests_total", { route: "put", status_class: "2xx" }), 1);
    assert.equal(figureOf("requests_total", { route: "put", status_class: "4xx" }), 1);
    assert.equal(figureOf("rejected_total", { reason: "gateway.object-too-large" }), 1);
    assert.equal(figureOf("bytes_in_total"), 10);
    assert((figureOf("bytes_out_total") ?? 0) > 5);
    assert.equal(figureOf("open_requests"), 0);
    const latency = deltas.find(
      ({ name, labels }) => name === "request_latency_seconds" && labels["route"] === "object",
    );
    assert.equal(
      latency?.counts?.reduce((sum, count) => sum + count, 0),
      1,
    );
  });
});
