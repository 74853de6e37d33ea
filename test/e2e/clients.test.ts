/** Clients that are slow, many, hostile or gone, against the real process tree. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, request } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { KiB, MiB } from "#runtime/units.ts";
import { eventually, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

describe("clients: slow and many", () => {
  let node: TestNode;
  before(async () => {
    node = await startNode();
  });
  after(() => node.dispose());

  it("makes progress with 64 uploads and 256 slow readers at once, in bounded memory", async () => {
    const big = randomBytes(48 * MiB, 1);
    const { address } = await putObject(node.url, big);
    const readers = await Promise.all(Array.from({ length: 256 }, () => slowReader(node.url, address)));
    const uploads = Array.from({ length: 64 }, (_, index) => randomBytes(1_500_000 + index, 100 + index));

    await Promise.all(uploads.map((bytes) => putObject(node.url, bytes)));
    await mustHold(node.url, big);

    const cell = (await (await fetch(`${node.url}/status`)).json()) as {
      cells: readonly { readonly name: string; readonly residentBytes: number }[];
    };
    for (const reader of readers) assert(reader.receivedBytes() > 0, "every reader got its first bytes");
    const residentBytes = cell.cells.find(({ name }) => name === "data")?.residentBytes ?? Number.POSITIVE_INFINITY;
    assert(residentBytes < 600 * MiB, `the data cell stays bounded: ${residentBytes} bytes`);
    for (const reader of readers) reader.leave();
    for (const bytes of uploads.slice(0, 4)) await mustHold(node.url, bytes);
  });

  it("keeps nothing of an upload that is abandoned, and frees its place", async () => {
    for (let round = 0; round < 8; round += 1) {
      const bytes = randomBytes(20 * MiB, 200 + round);
      const put = request(`${node.url}/put`, { method: "PUT", headers: { "content-length": bytes.byteLength } });
      put.on("error", () => undefined);
      await new Promise<void>((sent) => put.write(bytes.subarray(0, 12 * MiB), () => sent()));
      put.destroy();
    }

    await eventually(5000, "no request is open", async () => {
      const status = (await (await fetch(`${node.url}/status`)).json()) as { gateway: { openRequestCount: number } };
      return status.gateway.openRequestCount <= 1;
    });
    assert.equal((await fetch(`${node.url}/o/${addressOf(randomBytes(20 * MiB, 200))}`)).status, 404);
    await putObject(node.url, randomBytes(20 * MiB, 200));
  });
});

describe("clients: uploads that break off", () => {
  let node: TestNode;
  before(async () => {
    node = await startNode();
  });
  after(() => node.dispose());

  for (const [what, header] of [
    ["of a known size", "Content-Length: 1000000"],
    ["of an unknown size", "Transfer-Encoding: chunked"],
  ] as const) {
    it(`takes an ordinary put after 160 small ones ${what} were cut short (STO-11)`, async () => {
      for (let round = 0; round < 16; round += 1) {
        await Promise.all(Array.from({ length: 10 }, () => cutUpload(node.url, header)));
      }
      await eventually(5000, "no request is open", async () => {
        const status = (await (await fetch(`${node.url}/status`)).json()) as { gateway: { openRequestCount: number } };
        return status.gateway.openRequestCount <= 1;
      });

      const body = randomBytes(900_000, 300);
      const answer = await fetch(`${node.url}/put`, { method: "PUT", body, signal: AbortSignal.timeout(10_000) });

      assert(answer.ok, String(answer.status));
      await mustHold(node.url, body);
    });
  }
});

describe("clients: foreign pages and broken requests", () => {
  let node: TestNode;
  before(async () => {
    node = await startNode();
  });
  after(() => node.dispose());

  it("sandboxes what it serves", async () => {
    const page = Buffer.from("<script>fetch('/put', {method: 'PUT', body: 'owned'})</script>");
    const { address } = await putObject(node.url, page);

    const { headers } = await fetch(`${node.url}/o/${address}`);

    assert.match(headers.get("content-security-policy") ?? "", /sandbox/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("content-type"), "application/octet-stream");
  });

  for (const [name, header] of [
    ["Origin", "https://elsewhere.example"],
    ["Sec-Fetch-Site", "cross-site"],
    ["Host", "elsewhere.example"],
  ] as const) {
    it(`refuses a write with a foreign ${name}, and keeps nothing`, async () => {
      const body = `written by a foreign page (${name})`;

      const status = await rawStatus(node.url, [
        "PUT /put HTTP/1.1",
        ...(name === "Host" ? [] : [`Host: ${new URL(node.url).host}`]),
        `${name}: ${header}`,
        `Content-Length: ${body.length}`,
        "",
        body,
      ]);

      assert(status === 403 || status === 421, String(status));
      assert.equal((await fetch(`${node.url}/o/${addressOf(Buffer.from(body))}`)).status, 404);
    });
  }

  it("answers headers over 64 KiB with 431 and garbage with 400", async () => {
    const host = `Host: ${new URL(node.url).host}`;

    const large = await rawStatus(node.url, [
      "GET /healthz HTTP/1.1",
      host,
      `X-Large: ${"x".repeat(66 * KiB)}`,
      "",
      "",
    ]);
    const garbage = await rawStatus(node.url, ["this is not http", "", ""]);

    assert.deepEqual([large, garbage], [431, 400]);
    assert.equal((await fetch(`${node.url}/healthz`)).status, 200);
  });

  it("serves metrics under the names of the kernel", async () => {
    await putObject(node.url, randomBytes(1000, 5));

    await eventually(5000, "the counters have arrived", async () => {
      const text = await (await fetch(`${node.url}/metrics`)).text();
      return ["bus_lagged_total", "request_latency_seconds_bucket", "scrape_age_seconds", "bytes_in_total"].every(
        (name) => text.includes(name),
      );
    });
  });
});

/** Sends 800 kB of what was announced, and goes when the node has had time to take them. */
async function cutUpload(url: string, header: string): Promise<void> {
  const { host, hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  socket.write(`PUT /put HTTP/1.1\r\nHost: ${host}\r\n${header}\r\n\r\n`);
  const body = Buffer.alloc(800_000, 7);
  // As the one chunk of a body that has no end.
  if (header.startsWith("Transfer")) socket.write(`${body.length.toString(16)}\r\n`);
  socket.write(body);
  await sleep(60);
  socket.destroy();
}

/** Reads the first bytes of an object and then nothing more. */
async function slowReader(url: string, address: string): Promise<{ receivedBytes(): number; leave(): void }> {
  const asked = get(`${url}/o/${address}`);
  const [response] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
  let receivedBytes = 0;
  response.on("error", () => undefined);
  response.once("data", (bytes: Buffer) => {
    receivedBytes = bytes.byteLength;
    response.pause();
  });
  await once(response, "data");
  return { receivedBytes: () => receivedBytes, leave: () => asked.destroy() };
}

async function rawStatus(url: string, lines: readonly string[]): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  socket.write(lines.join("\r\n"));
  let text = "";
  for await (const bytes of socket) {
    text += String(bytes);
    const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
    if (status !== undefined) {
      socket.destroy();
      return Number(status);
    }
  }
  return 0;
}
