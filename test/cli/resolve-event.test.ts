/** `cepa events get --resolve`: from a store that is a fake, and from a bucket that is a server of HTTPS. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { startDigest } from "#cli/digest.ts";
import type { Outcome } from "#cli/failure.ts";
import { resolveEvent } from "#cli/resolve-event.ts";
import { storedEvent } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { openAdminGateway } from "#test/cli/admin-gateway.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const gateway = await openAdminGateway();
const node = await startFakeNode();
const { ingest, trust } = gateway;
const read = (name: string): string => readFileSync(join(trust, name), "utf8");
const requests: { readonly path: string | undefined; readonly certificate: boolean; readonly fields: string[] }[] = [];
let reply = (response: ServerResponse): unknown => response.end();
const tls = { key: read("admin_server.key"), cert: read("admin_server.pem"), requestCert: true };
const bucket = createServer({ ...tls, rejectUnauthorized: false }, (request, response) => {
  const socket = request.socket as TLSSocket;
  const certificate = Object.keys(socket.getPeerCertificate()).length > 0;
  requests.push({ path: request.url, certificate, fields: Object.keys(request.headers).sort() });
  reply(response);
});
await new Promise<void>((resolve) => bucket.listen(0, "127.0.0.1", resolve));
const url = `https://127.0.0.1:${(bucket.address() as AddressInfo).port}/a/key?X-Amz-Signature=secret`;
after(async () => {
  bucket.closeAllConnections();
  bucket.close();
  await node[Symbol.asyncDispose]();
  await gateway.close();
});

const BOOK = Buffer.from('{"bids": [1, 2, 3]}\n');
const address = addressOf(BOOK);
const { eventId } = storedEvent("{}");
const here = { admin: trust, adminUrl: gateway.adminUrl, url: node.url };
const file = (name: string): string => join(gateway.root, name);

/** Of a process, which trusts the bucket. */
const run = (...args: readonly string[]): Promise<Ran> =>
  cepa(["events", "get", eventId, "--resolve", "--url", node.url, "--admin-url", gateway.adminUrl, ...args], {
    env: { CEPA_ADMIN: trust, NODE_EXTRA_CA_CERTS: join(trust, "admin_x509_ca.pem") },
  });

/** At which certainly nothing listens: it was just given back. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function addressOf(bytes: Uint8Array): string {
  const digest = startDigest();
  digest.update(bytes);
  return digest.address();
}

function link(ref: unknown): void {
  ingest.event = storedEvent(JSON.stringify({ $ref: ref }));
}

async function codeAt(output: string): Promise<string> {
  const outcome: Outcome = await resolveEvent(eventId, { ...here, output });
  return outcome.ok ? "done" : outcome.failure.code;
}

beforeEach(() => {
  requests.length = 0;
  node.misbehave = undefined;
  node.objects.clear();
  node.objects.set(address, BOOK);
  reply = (response) => response.setHeader("content-length", BOOK.length).end(BOOK);
});

describe("cli: events get --resolve, from the store (ING-34)", () => {
  it("writes what the payload links to, to standard output or a file", async () => {
    link({ address, size: BOOK.length });

    const { code, stdout, stderr } = await run();
    const written = await codeAt(file("book"));

    assert.deepEqual([code, stdout, stderr], [0, BOOK.toString(), ""]);
    assert.deepEqual([written, readFileSync(file("book"))], ["done", BOOK]);
    assert.deepEqual(requests, []);
  });

  it("keeps nothing that is of another size, or other bytes, or not there", async () => {
    link({ address, size: BOOK.length + 1 });
    const size = await codeAt(file("none"));
    link({ address, size: BOOK.length });
    node.misbehave = "wrong-bytes";
    const bytes = await codeAt(file("none"));
    node.misbehave = undefined;
    node.objects.clear();
    const gone = await codeAt(file("none"));

    assert.deepEqual([size, bytes, gone], ["cli.link-wrong", "cli.bytes-differ", "overlay.unknown"]);
    assert(!existsSync(file("none")));
  });

  it("blames the event where it says another size than the object has", async () => {
    link({ address, size: 5 });

    const outcome = await resolveEvent(eventId, { ...here, output: file("none") });

    const message = `the link of the event is wrong: ${address} has ${BOOK.length} bytes, and the event says 5`;
    assert.deepEqual(outcome, { ok: false, failure: { code: "cli.link-wrong", message } });
  });

  it("fails where the payload links to nothing, and where there is no event", async () => {
    link({ address });
    const none = await codeAt(file("none"));
    ingest.event = undefined;
    const unknown = await codeAt(file("none"));

    assert.deepEqual([none, unknown], ["cli.no-ref", "ingest.event-unknown"]);
  });
});

describe("cli: events get --resolve, from a bucket (ING-34)", () => {
  it("has it from its URL, which is shown nothing of ours", async () => {
    link({ address, size: BOOK.length, url });

    const { code, stdout, stderr } = await run("-o", file("bucket"), "--json");

    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(JSON.parse(stdout), { address, size: BOOK.length, file: file("bucket") });
    assert.deepEqual(readFileSync(file("bucket")), BOOK);
    assert.deepEqual(requests, [
      { path: "/a/key?X-Amz-Signature=secret", certificate: false, fields: ["connection", "host"] },
    ]);
  });

  it("keeps no other bytes of the same size, and says nothing of the signature in the URL", async () => {
    link({ address, size: BOOK.length, url });
    const other = Buffer.alloc(BOOK.length);
    reply = (response) => response.setHeader("content-length", other.length).end(other);

    const { code, stderr } = await run("-o", file("none"));

    assert.equal(code, 1);
    assert.match(stderr, /cli\.bytes-differ/);
    assert.doesNotMatch(stderr, /secret/);
    assert(!existsSync(file("none")));
  });

  it("writes no byte of another size, nor of none that is said", async () => {
    link({ address, size: BOOK.length + 1, url });
    const longer = await run("-o", "-");
    link({ address, size: BOOK.length, url });
    reply = (response) => {
      response.write(BOOK);
      response.end();
    };
    const unsaid = await run("-o", "-");

    for (const { code, stdout } of [longer, unsaid]) assert.deepEqual([code, stdout], [1, ""]);
    assert.match(longer.stderr, /cli\.link-wrong: .*what 127\.0\.0\.1:\d+ sends has 20 bytes, and the event says 21/);
    assert.match(unsaid.stderr, /cli\.bad-answer: what answers at 127\.0\.0\.1:\d+ does not say/);
  });

  it("says of a bucket that does not listen that it is the bucket, and nothing of the node", async () => {
    const port = await freePort();
    link({ address, size: BOOK.length, url: `https://127.0.0.1:${port}/book` });

    const { code, stderr } = await run();

    const origin = `127.0.0.1:${port}`;
    const why = `the payload is linked to ${origin}: no answer from https://${origin}: nothing listens on ${origin}`;
    assert.deepEqual([code, stderr], [1, `cepa: cli.link-unreachable: ${why}\n`]);
  });

  it("goes nowhere else, and trusts no server that nobody vouches for", async () => {
    link({ address, size: BOOK.length, url });
    reply = (response) => response.writeHead(302, { location: `${node.url}/o/${address}` }).end();
    const sent = await run();
    const distrusted = await codeAt(file("none"));

    assert.deepEqual([sent.code, sent.stdout], [1, ""]);
    assert.match(sent.stderr, /the payload is linked to 127\.0\.0\.1:\d+: .*302/);
    assert.doesNotMatch(sent.stderr, /secret/);
    assert.equal(distrusted, "cli.link-unreachable");
    assert.equal(requests.length, 1);
  });
});
