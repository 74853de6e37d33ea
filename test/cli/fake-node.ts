/**
 * A node as a client sees it: the HTTP routes over a map, `node.json`, and an admin socket. It can be told to misbehave.
 *
 * Real sockets, because what is tested is a program that opens them.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Server as SocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDigest } from "#cli/digest.ts";
import { FakeStore, gather } from "#test/client/fake-store.ts";

export interface FakeNode extends AsyncDisposable {
  readonly url: string;
  readonly directory: string;
  readonly objects: Map<string, Buffer>;
  /** What was put with `Cepa-Enc`. */
  readonly ciphertext: FakeStore;
  /** Admin commands heard, as they came. */
  readonly asked: unknown[];
  /** What `/volumes` answers, one after another; the last one stays. An order is answered with the first. */
  volumes: readonly unknown[];
  /** What `/gc` answers, one after another, orders too; the last one stays. */
  collections: readonly unknown[];
  /** What `/scrub` answers. */
  scrub: unknown;
  /** What `/repair` was told, in order. */
  readonly orders: (string | null)[];
  /** Headers of the last upload. */
  lastUpload: IncomingMessage["headers"];
  misbehave: Misbehaviour | undefined;
  /** `Retry-After` of the next refusals to send an object or a manifest, each for one request. */
  overloaded: readonly string[];
  /** Runs when it is asked about an object, before it answers. */
  onStat: ((address: string) => void) | undefined;
  /** Runs before it sends an object, which it does when that has settled. */
  onGet: ((address: string) => Promise<void>) | undefined;
  /** Runs when all of a put is there, which it answers when that has settled. */
  onPut: (() => Promise<void>) | undefined;
}

export type Misbehaviour =
  /** Answers a put with the address of something else. */
  | "wrong-address"
  /** Sends other bytes than were stored. */
  | "wrong-bytes"
  /** Breaks the connection in the middle of an object. */
  | "cut"
  /** Breaks the connection in the middle of every answer. */
  | "cut-all"
  /** Breaks it in the middle of a refusal of everything. */
  | "cut-refusal"
  /** Sends half of an object, and then nothing more. */
  | "stall"
  /** Refuses a put before its body. */
  | "refuse"
  /** Refuses it when the first of its body has come. */
  | "refuse-late"
  /** Is no Cepa node: a page for everything. */
  | "page"
  /** Is no Cepa node: a page that says 404 to everything. */
  | "page-404"
  /** Is no Cepa node: JSON of its own for everything. */
  | "json"
  /** The same, and takes all that it is told to do. */
  | "json-202"
  /** Is no Cepa node: JSON errors of its own for everything. */
  | "json-404";

export async function startFakeNode(status: unknown = { cells: [], actors: [] }): Promise<FakeNode> {
  const directory = mkdtempSync(join(tmpdir(), "cepa-cli-"));
  const objects = new Map<string, Buffer>();
  const asked: unknown[] = [];
  const http = createServer({ keepAlive: false });
  const admin = createSocketServer((socket) => {
    socket.on("data", (bytes) => {
      const request = JSON.parse(bytes.toString());
      asked.push(request);
      socket.end(`${JSON.stringify(adminAnswer(request, status))}\n`);
    });
  });
  const socketPath = join(directory, "admin.sock");
  await Promise.all([listen(http, () => http.listen(0, "127.0.0.1")), listen(admin, () => admin.listen(socketPath))]);

  // A test that is passed over must not be kept alive by it.
  http.unref();
  admin.unref();

  const node: FakeNode = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    directory,
    objects,
    ciphertext: new FakeStore(),
    asked,
    volumes: [],
    collections: [],
    scrub: undefined,
    orders: [],
    lastUpload: {},
    misbehave: undefined,
    overloaded: [],
    onStat: undefined,
    onGet: undefined,
    onPut: undefined,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await Promise.all([close(http), close(admin)]);
      rmSync(directory, { recursive: true });
    },
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    // An upload that broke off has nobody to answer to.
    serve(node, request, response).catch(() => response.destroy());
  };
  http.on("request", handle);
  http.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    // Who refuses at once does not ask for the body first.
    if (node.misbehave !== "refuse" && FOREIGN[node.misbehave ?? "cut"] === undefined) response.writeContinue();
    handle(request, response);
  });
  writeRecord(directory, { pid: process.pid, http: node.url, admin: socketPath });
  return node;
}

/** What a running node writes into its data directory. */
export function writeRecord(directory: string, record: { pid: number; http: string; admin: string }): void {
  writeFileSync(join(directory, "node.json"), JSON.stringify({ ...record, runDirectory: directory, version: "0.0.0" }));
}

async function serve(node: FakeNode, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const foreign = FOREIGN[node.misbehave ?? "cut"];
  if (foreign !== undefined) {
    response.writeHead(foreign.status, { "content-type": foreign.type }).end(foreign.body);
    return;
  }
  if (node.misbehave === "cut-all" || node.misbehave === "cut-refusal") {
    response.writeHead(node.misbehave === "cut-all" ? 200 : 503, { "content-length": 100 });
    return void response.write("{", () => response.destroy());
  }
  const [, route = "", name = "", part] = decodeURIComponent(request.url ?? "").split("/");
  if (request.method === "PUT") return take(node, request, response, route === "o" ? name : undefined);
  const { pathname, searchParams } = new URL(request.url ?? "", node.url);
  if (pathname === "/volumes") {
    const [next, ...rest] = node.volumes;
    if (rest.length > 0) node.volumes = rest;
    return answer(response, 200, next);
  }
  if (pathname === "/scrub") return answer(response, 200, node.scrub);
  if (pathname === "/gc") {
    const [next, ...rest] = node.collections;
    if (rest.length > 0) node.collections = rest;
    return answer(response, request.method === "POST" ? 202 : 200, next);
  }
  if (pathname === "/repair" && request.method === "POST") {
    node.orders.push(searchParams.get("action"));
    return answer(response, 202, node.volumes[0]);
  }
  const [retryAfter, ...later] = route === "m" || route === "o" ? node.overloaded : [];
  if (retryAfter !== undefined) {
    node.overloaded = later;
    response.setHeader("retry-after", retryAfter);
    return refuse(response, 503, "gateway.overloaded", "Too many requests.");
  }
  if (route === "m") {
    await node.onGet?.(name);
    return sendCiphertext(node, name, part, request, response);
  }
  if (route === "stat") node.onStat?.(name);
  if (route === "status")
    return answer(response, 200, { version: "0.0.0", store: { chunks: 3 }, actors: [], cells: [] });

  const bytes = node.objects.get(name);
  if (bytes === undefined) return refuse(response, 404, "overlay.unknown", "No such object.");
  if (route === "stat") return answer(response, 200, factsOf(name, bytes));
  if (request.method === "DELETE") return answer(response, 200, { address: name, restorableUntil: "2026-01-01" });
  await node.onGet?.(name);
  response.writeHead(200, { "content-length": bytes.length, etag: `"${name}"` });
  if (node.misbehave === "cut") {
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    return;
  }
  if (node.misbehave === "stall") return void response.write(bytes.subarray(0, bytes.length / 2));
  response.end(node.misbehave === "wrong-bytes" ? Buffer.alloc(bytes.length, 7) : bytes);
}

/** What other servers say, whatever they are asked. */
const FOREIGN: Partial<Record<Misbehaviour, { status: number; type: string; body: string }>> = {
  page: { status: 200, type: "text/html", body: "<h1>It works!</h1>" },
  "page-404": { status: 404, type: "text/html", body: "<h1>Not found</h1>" },
  json: { status: 200, type: "application/json", body: '{"hello":"world"}' },
  "json-202": { status: 202, type: "application/json", body: '{"hello":"world"}' },
  "json-404": { status: 404, type: "application/json", body: '{"code":"NOT_FOUND","message":"no route"}' },
};

async function take(
  node: FakeNode,
  request: IncomingMessage,
  response: ServerResponse,
  expected: string | undefined,
): Promise<void> {
  node.lastUpload = request.headers;
  if (node.misbehave === "refuse") return refuse(response, 507, "storage.full", "The disk is full.");
  if (node.misbehave === "refuse-late") {
    return void request.once("data", () => refuse(response, 408, "gateway.read-idle", "The body paused."));
  }
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece);
  } catch {
    // The client gave up within its body: nothing is kept.
    return;
  }
  await node.onPut?.();
  const bytes = Buffer.concat(pieces);
  if (request.headers["cepa-enc"] !== undefined) {
    const root = node.ciphertext.put(node.misbehave === "wrong-address" ? Buffer.alloc(1_048_576) : bytes);
    return answer(response, 201, { size: bytes.length, chunks: bytes.length / 1_048_576, manifest: root });
  }
  const address = node.misbehave === "wrong-address" ? addressOf(Buffer.from("other")) : addressOf(bytes);
  if (expected !== undefined && expected !== address) {
    return refuse(response, 422, "storage.address-mismatch", "These bytes are another object.");
  }
  const known = node.objects.has(address);
  node.objects.set(address, bytes);
  answer(response, known ? 200 : 201, factsOf(address, bytes));
}

/** A manifest node, or with `part` the range of the ciphertext that was asked for. */
async function sendCiphertext(
  { ciphertext, misbehave }: FakeNode,
  name: string,
  part: string | undefined,
  { headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!ciphertext.nodes.has(name)) return refuse(response, 404, "storage.manifest-not-found", "No such manifest.");
  if (part === undefined) return void response.end(await gather(ciphertext.node(name)));
  const [first = 0, last = 0] = (headers.range?.match(/\d+/g) ?? []).map(Number);
  const bytes = await gather(ciphertext.data(name, first, last));
  response.writeHead(206, { "content-length": bytes.length });
  if (misbehave === "cut") return void response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  if (misbehave === "stall") return void response.write(bytes.subarray(0, bytes.length / 2));
  response.end(misbehave === "wrong-bytes" ? Buffer.alloc(bytes.length, 7) : bytes);
}

export function addressOf(bytes: Uint8Array): string {
  const digest = startDigest();
  digest.update(bytes);
  return digest.address();
}

function factsOf(address: string, bytes: Buffer): unknown {
  return { address, size: bytes.length, chunks: 1, manifest: "ab".repeat(32) };
}

function adminAnswer({ id, command, target }: { id: number; command: string; target?: string }, status: unknown) {
  if (command === "status") return { id, ok: true, ...(status as object) };
  if (target === "actor/nobody") return { id, ok: false, code: "supervisor.unknown-target", message: "No such actor." };
  if (command === "letters") return { id, ok: true, letters: target === "actor/storage" ? LETTERS : [] };
  if (command === "logs") return { id, ok: true, lines: ['{"event":"a"}', '{"event":"b"}'], goneCount: 3 };
  return { id, ok: true };
}

const LETTERS = [
  { id: 7, at: "2026-01-01T00:00:00.000Z", reason: "crashed", name: "put", request: '{"size":3}', isReplayable: true },
  { id: 8, at: "2026-01-01T00:00:01.000Z", reason: "poison", name: "put", request: "", isReplayable: false },
];

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  answer(response, status, { code, message, retryable: false, corr_id: "corr-1" });
}

function listen(server: Server | SocketServer, start: () => void): Promise<void> {
  return new Promise((resolve) => {
    server.once("listening", resolve);
    start();
  });
}

function close(server: Server | SocketServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
