/** HTTP as it comes: heads and bodies on a socket of the edge, paths, and the fields that the gateway reads. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { parseAdminRoute } from "#actors/gateway/administrators/routes.ts";
import { parseDictionary } from "#actors/gateway/dictionary.ts";
import { expectedDigests, wantedAlgorithm } from "#actors/gateway/digest-fields.ts";
import { AllowedHosts, checkHost, checkOrigin } from "#actors/gateway/origin.ts";
import { ifRangeHolds, judge } from "#actors/gateway/preconditions.ts";
import { kindOf, parseRoute } from "#actors/gateway/routes.ts";
import { checksumIn, lengthIn, metadataIn, numberIn } from "#actors/gateway/tus-fields.ts";
import type { Edge, EdgeRequest } from "#runtime/edge/edge.ts";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realEdges } from "#runtime/real/edge.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { bytesOf, latin1Of } from "#test/fuzz/bytes.ts";
import { dictionaryModel, metadataModel } from "#test/fuzz/readers/field-models.ts";
import { requestsIn } from "#test/fuzz/readers/http-model.ts";
import type { Target } from "#test/fuzz/target.ts";
import { readAll, serviceOf, testLimits, textResponse } from "#test/runtime/edge/service.ts";

const DIGEST = "ab".repeat(32);

/** What the service was asked, and what it read of each body. */
interface Served {
  readonly request: EdgeRequest;
  readonly body: string;
}

class HeadsOnTheEdge {
  #edge: Promise<Edge> | undefined;
  #served: Served[] = [];
  #defects: unknown[] = [];

  /** Sends the bytes on a connection of their own and ends its side. */
  async send(input: Uint8Array): Promise<{ readonly served: readonly Served[]; readonly answer: string }> {
    this.#edge ??= this.#listen();
    const { url } = await this.#edge;
    this.#served = [];
    this.#defects = [];
    const answer = await talk(Number(new URL(url).port), input);
    assert.deepEqual(this.#defects, [], "no request is a defect");
    return { served: this.#served, answer };
  }

  async close(): Promise<void> {
    const open = this.#edge;
    this.#edge = undefined;
    await (await open)?.close();
  }

  async #listen(): Promise<Edge> {
    const edge = must(
      await realEdges.listen({
        host: "127.0.0.1",
        port: 0,
        clock: realClock,
        random: seededRandom(1),
        metrics: new Metrics(),
        limits: () => ({ ...testLimits, headersBytesMax: 4096, drainMs: 50, drainBytesMax: 1024 }),
      }),
      "a port is free",
    );
    edge.attach(
      serviceOf(
        async (request) => {
          this.#served.push({ request, body: await readAll(request.body) });
          return textResponse("ok");
        },
        (defect) => this.#defects.push(defect),
      ),
    );
    return edge;
  }
}

function talk(port: number, input: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const pieces: Buffer[] = [];
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    // It is reset where the edge has heard enough.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(Buffer.concat(pieces).toString("latin1")));
    socket.end(input);
  });
}

const onTheEdge = new HeadsOnTheEdge();
const get = (more = "", target = "/o/x?y") => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const heads: Target = {
  name: "HTTP requests",
  seeds: [
    get(),
    get() + get("Connection: close\r\n", "/healthz"),
    "PUT /put HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "POST /put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3;x=y\r\nabc\r\n0\r\nX: 1\r\n\r\n",
    "PUT /put HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET /\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ].map(bytesOf),
  words: [
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Host: b\r\n",
    "Upgrade: h2c\r\n",
    "Expect: x\r\n",
    "\r\n\r\n",
    "0\r\n\r\n",
    " HTTP/1.1\r\n",
    "\n\n",
    "\x0b",
    "ffffffffffffffff\r\n",
  ],
  async check(input) {
    const { served, answer } = await onTheEdge.send(input);
    const model = requestsIn(latin1Of(input));
    for (const [index, { request, body }] of served.entries()) {
      const { method, path, query, headers, contentLength } = request;
      assert.match(method, /^[A-Z-]+$/);
      assert(path.startsWith("/") || (method === "OPTIONS" && path === "*"), `a path begins with a slash: ${path}`);
      assert.doesNotMatch(path + query, /[\s\0]/, "a target has no space in it");
      for (const [name, value] of Object.entries(headers)) {
        assert.match(name, /^[!#$%&'*+.^_`|~0-9a-z-]+$/);
        assert.doesNotMatch(String(value), /[\r\n\0]/, "a field is one line");
      }
      const isCoded = headers["transfer-encoding"] !== undefined;
      assert(!isCoded || contentLength === undefined, "a body ends in one way");
      assert(contentLength === undefined || Number.isSafeInteger(contentLength), "a length is one");
      // What was taken is what anybody reads who keeps to the letter.
      const said = model[index];
      assert(said !== undefined, `request ${index} is none that everyone would read`);
      assert.deepEqual([method, said.body], [said.method, said.body]);
      if (!body.startsWith("failed: "))
        assert.equal(Buffer.from(body).toString(), Buffer.from(said.body, "latin1").toString());
    }
    assert(
      answer === "" || /^HTTP\/1\.1 [1-5]\d\d [A-Za-z -]+\r\n/.test(answer),
      `an answer is HTTP: ${answer.slice(0, 40)}`,
    );
    const statuses = answer.match(/^HTTP\/1\.1 [2-5]\d\d /gm) ?? [];
    assert(statuses.length <= model.length + 1, "nobody is answered who has not asked");
  },
  close: () => onTheEdge.close(),
};

const ROUTES = [
  "/put",
  `/o/b3:${DIGEST}`,
  `/m/${DIGEST}/data`,
  `/uploads/${"ab".repeat(16)}`,
  "/auth/pending/before/5",
  "/status",
];
const allowed = new AllowedHosts({ host: "0.0.0.0", port: 7700 }, "a.example, B:1");
const route: Target = {
  name: "HTTP target",
  seeds: [
    ...["GET", "PUT", "DELETE"].flatMap((method) => ROUTES.map((path) => `${method} ${path} localhost:7700`)),
    `GET /n/${"A".repeat(43)}/label/history [::1]:7700`,
  ].map(bytesOf),
  words: ["b3%3A", "%2e%2e", "//", "/history", "/pin", "PATCH ", "HEAD ", "http://", " a.example:7700"],
  check(input) {
    const [method = "", path = "", host = ""] = latin1Of(input).split(" ");
    const read = parseRoute(method, path);
    if (read.ok) {
      const kind = kindOf(read.value.name);
      const isSafe = method === "GET" || method === "HEAD" || method === "OPTIONS";
      // One that asks is never one that changes, but for the question where an upload is, which waits among the writes.
      const waits = read.value.name === "upload-stat";
      if (isSafe && read.value.name !== "tus") assert(kind !== "write" || waits, `${method} ${path} is a write`);
    } else assert.match(read.failure.code, /^gateway\.(no-route|method-not-allowed|bad-address|bad-name)$/);
    const admin = parseAdminRoute(method, path);
    if (admin.ok && "before" in admin.value) assert(Number.isSafeInteger(admin.value.before ?? 1));
    const named = checkHost({ host }, allowed);
    if (named.ok) assert.match(host, /^[\w.:[\]-]+$/, "a host that is ours is a plain one");
    const origin = checkOrigin({ origin: `http://${host}` }, allowed);
    assert.equal(origin.ok, host !== "" && !host.includes("/") && named.ok, "an origin is ours where its host is");
  },
};

const FIELDS = [
  "upload-metadata",
  "upload-length",
  "upload-checksum",
  "repr-digest",
  "want-repr-digest",
  "if-none-match",
];
const fields: Target = {
  name: "HTTP fields",
  seeds: [
    "name YQ==,is_private",
    "12",
    "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
    `sha-256=:${Buffer.alloc(32).toString("base64")}:;a=1, sha-512=:YQ==:`,
    'sha-256=3, sha-512=10;q="x", unixsum=0',
    '"b3:x", W/"b3:y", *',
    "sha-256=3,",
    "a=:YQ==:,",
  ].map(bytesOf),
  words: ["sha-256=:", "sha-512=", ";a", ", ", "?1", '"\\""', "===", "sha256 "],
  bytesMax: 16_384,
  check(input) {
    const field = latin1Of(input);
    const headers = Object.fromEntries(FIELDS.map((name) => [name, field]));
    const metadata = metadataIn(headers);
    assert.equal(metadata.ok, metadataModel(field), "the metadata of tus");
    if (metadata.ok) assert.equal(metadata.value, field, "it is given back as it came");
    const number = numberIn(headers, "upload-length");
    if (number.ok) assert(Number.isSafeInteger(number.value) && Number(number.value) >= 0);
    assert(lengthIn({ "upload-length": field }).ok === number.ok);
    const checksum = checksumIn(headers);
    if (checksum.ok) for (const { digest } of checksum.value) assert([20, 32, 64].includes(digest.length));
    const expected = expectedDigests({ "repr-digest": field });
    if (expected.ok) for (const { digest } of expected.value) assert(digest.length === 32 || digest.length === 64);
    const wanted = wantedAlgorithm(field);
    assert(wanted === undefined || wanted === "sha-256" || wanted === "sha-512");
    for (const type of ["bytes", "integer"] as const) {
      assert.deepEqual(parseDictionary(field, type), dictionaryModel(field, type), `a dictionary of ${type}`);
    }
    judge(headers, '"b3:x"');
    if (ifRangeHolds(field, '"b3:x"')) assert.equal(field.trim(), '"b3:x"');
  },
};

export const TARGETS: readonly Target[] = [heads, route, fields];
