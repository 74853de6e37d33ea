/** A server that says what a test wants a Redis to say, whatever that does to whoever asks. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** What is said to a command, in the words of the protocol, or in pieces `PIECE_MS` apart; undefined: nothing. */
export type Say = (words: readonly string[]) => string | readonly string[] | undefined;

export const PIECE_MS = 25;

export interface FakeServer {
  readonly port: number;
  /** In capitals, in the order in which they came, but for `CLIENT`. */
  readonly heard: readonly string[];
}

/** It ends when the tests of the file have. */
export async function startFakeServer(say: Say, tls?: TlsOptions): Promise<FakeServer> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let text = "";
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      for (let next = readCommand(text); next !== undefined; next = readCommand(text)) {
        text = text.slice(next.length);
        const name = next.words[0]?.toUpperCase() ?? "";
        // As a Redis before version 7 does: it knows nothing of connections that are not evicted, and serves.
        if (name === "CLIENT") {
          socket.write("-ERR unknown subcommand\r\n");
          continue;
        }
        heard.push(name);
        void tell(socket, say(next.words));
      }
    });
  };
  const server: Server = tls === undefined ? createServer(onConnection) : createTlsServer(tls, onConnection);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, heard };
}

async function tell(socket: Socket, said: ReturnType<Say>): Promise<void> {
  for (const [at, piece] of [said ?? []].flat().entries()) {
    if (at > 0) await sleep(PIECE_MS);
    socket.write(piece);
  }
}

/** The first command in `text`, where all of it is there. */
function readCommand(text: string): { readonly words: readonly string[]; readonly length: number } | undefined {
  const [head = "", count] = /^\*(\d+)\r\n/.exec(text) ?? [];
  if (count === undefined) return undefined;
  const words: string[] = [];
  let at = head.length;
  while (words.length < Number(count)) {
    const [size = "", bytes] = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20)) ?? [];
    const end = at + size.length + Number(bytes);
    if (bytes === undefined || text.length < end + 2) return undefined;
    words.push(text.slice(at + size.length, end));
    at = end + 2;
  }
  return { words, length: at };
}
