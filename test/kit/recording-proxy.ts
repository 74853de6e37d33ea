/** A TCP proxy that keeps every byte that clients send through it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

export interface RecordingProxy extends AsyncDisposable {
  readonly url: string;
  /** Everything that was sent to the node since the last call. */
  sent(): Buffer;
}

/** In front of the server at `url`. */
export async function startRecordingProxy(url: string): Promise<RecordingProxy> {
  const { hostname, port } = new URL(url);
  let pieces: Buffer[] = [];
  const server = createServer((client) => {
    const node = connect(Number(port), hostname);
    client.on("data", (piece: Buffer) => pieces.push(piece));
    client.pipe(node).pipe(client);
    client.on("error", () => node.destroy());
    node.on("error", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent() {
      const sent = Buffer.concat(pieces);
      pieces = [];
      return sent;
    },
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

/** Whether `bytes` have a part of `key`, 32 bytes, in any spelling: as it is, in hex, in base64 of either kind. */
export function tellsOf(bytes: Buffer, key: Buffer): boolean {
  const text = bytes.toString("latin1");
  const spellings = [key.toString("latin1"), key.toString("hex"), key.toString("base64"), key.toString("base64url")];
  return spellings.some((spelling) => {
    const parts = Array.from({ length: spelling.length - 7 }, (_, at) => spelling.slice(at, at + 8));
    return parts.some((part) => text.includes(part) || text.toLowerCase().includes(part));
  });
}
