/** An HTTP proxy that can lose the way of one PUT: nobody answers it, and it reaches the node after the next GET was answered. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface LateProxy extends AsyncDisposable {
  readonly url: string;
  /** The next PUT is late. */
  delayNext(): void;
}

/** In front of the node at `url`. */
export async function startLateProxy(url: string): Promise<LateProxy> {
  let isDelaying = false;
  let late: (() => Promise<unknown>) | undefined;
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "GET", url: path = "/" } = request;
    const body = Buffer.concat(await request.toArray());
    const ask = (): Promise<Response> => fetch(url + path, { method, ...(method === "PUT" ? { body } : {}) });
    if (method === "PUT" && isDelaying) {
      [isDelaying, late] = [false, ask];
      response.destroy();
      return;
    }
    const answer = await ask();
    const said = Buffer.from(await answer.arrayBuffer());
    await late?.();
    late = undefined;
    response.writeHead(answer.status, { "content-type": "application/json" }).end(said);
  };
  const server = createServer((request, response) => void pass(request, response).catch(() => response.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delayNext() {
      isDelaying = true;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
