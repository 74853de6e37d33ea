/** A TCP proxy in front of a Redis that loses its answers, or breaks off in the middle of one. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after } from "node:test";

export interface RedisProxy {
  readonly url: string;
  /** Connections so far. */
  readonly connectionCount: () => number;
  /** Of the bytes that come back from now on so many pass; then the connection breaks. */
  breakAfter(answerBytes: number): void;
  /** Nothing passes from now on, and nothing is broken. */
  swallow(isSwallowing: boolean): void;
}

/** In front of `url`, a URL over TCP. It ends when the tests of the file have. */
export async function startProxy(url: string): Promise<RedisProxy> {
  const { port: serverPort } = new URL(url);
  let leftBytes = Number.POSITIVE_INFINITY;
  let isSwallowing = false;
  let connectionCount = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    connectionCount += 1;
    const upstream = connect(Number(serverPort), "127.0.0.1");
    const breakBoth = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", breakBoth);
      socket.on("close", breakBoth);
    }
    client.on("data", (bytes: Buffer) => isSwallowing || upstream.write(bytes));
    upstream.on("data", (bytes: Buffer) => {
      if (isSwallowing) return;
      const passing = bytes.subarray(0, leftBytes);
      leftBytes -= passing.length;
      if (passing.length < bytes.length) {
        leftBytes = Number.POSITIVE_INFINITY;
        if (passing.length === 0) breakBoth();
        else client.end(passing, breakBoth);
      } else client.write(passing);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: url.replace(`:${serverPort}`, `:${port}`),
    connectionCount: () => connectionCount,
    breakAfter(answerBytes) {
      leftBytes = answerBytes;
    },
    swallow(isOn) {
      isSwallowing = isOn;
    },
  };
}
