/**
 * What the node must not be: a store that lets any page in.
 *
 * It takes every write, under any name and from any origin, and shows what it stores as a web page. A test that puts it
 * in the node's place, and sees everything get through, knows that it would notice a node that lets something through.
 * Its answers have the shape of the node's where a test looks at them.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { addressOf } from "#test/kit/objects.ts";

type Headers = Readonly<Record<string, string>>;

/** Something that answers HTTP on a loopback port of its own. */
export interface Site extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** To whoever asks, with cookies and all. */
function letIn(origin: string | undefined): Headers {
  return {
    "Access-Control-Allow-Origin": origin ?? "*",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Methods": "GET, PUT, POST",
    "Access-Control-Allow-Headers": "content-type",
  };
}

/** `objectHeaders` replace what it says about an object, which is only that it is HTML. */
export async function startCarelessStore(objectHeaders: Headers = { "Content-Type": "text/html" }): Promise<Site> {
  const objects = new Map<string, Buffer>();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = ""] = (request.url ?? "").split("?");
    const body = await buffer(request);
    for (const [name, value] of Object.entries(letIn(request.headers.origin))) response.setHeader(name, value);
    if (request.method === "PUT" || request.method === "POST") {
      const address = addressOf(body);
      objects.set(address, body);
      answerJson(response, 201, { address, size: body.byteLength });
      return;
    }
    const object = objects.get(path.replace("/o/", ""));
    if (path === "/status") answerJson(response, 200, { store: { index: { entryCount: objects.size } } });
    else if (request.method === "OPTIONS") response.writeHead(204).end();
    else if (object === undefined) answerJson(response, 404, {});
    else response.writeHead(200, objectHeaders).end(object);
  };
  return await startSite((request, response) => void serve(request, response));
}

/** A server on `127.0.0.1`; `dispose` also ends the connections that a browser keeps. */
export async function startSite(serve: RequestListener): Promise<Site> {
  const server: Server = createServer(serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  assert(bound !== null && typeof bound === "object");
  return {
    url: `http://127.0.0.1:${bound.port}`,
    port: bound.port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}
