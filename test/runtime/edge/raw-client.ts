/** A client of nothing but a socket: it sends what it is told, and keeps what comes. */
import net from "node:net";

export interface Raw {
  readonly socket: net.Socket;
  /** All that came so far. */
  text(): string;
  send(text: string | Uint8Array): void;
  /** Waits until what came includes `part`. */
  until(part: string): Promise<string>;
  /** Waits for the end; answers with how it ended. */
  ended(): Promise<"closed" | "reset">;
}

export function connect(url: string): Raw {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  const pieces: Buffer[] = [];
  let watchers: (() => void)[] = [];
  let reset = false;
  const changed = (): void => {
    const woken = watchers;
    watchers = [];
    for (const wake of woken) wake();
  };
  socket.on("data", (piece: Buffer) => {
    pieces.push(piece);
    changed();
  });
  socket.on("error", () => {
    reset = true;
  });
  socket.on("close", changed);
  const text = (): string => Buffer.concat(pieces).toString("latin1");
  const change = (): Promise<void> => new Promise((resolve) => watchers.push(resolve));

  return {
    socket,
    text,
    send: (sent) => void socket.write(sent),
    until: async (part) => {
      while (!text().includes(part)) {
        if (socket.destroyed) throw new Error(`the connection ended before ${JSON.stringify(part)}: ${text()}`);
        await change();
      }
      return text();
    },
    ended: async () => {
      while (!socket.destroyed) await change();
      return reset ? "reset" : "closed";
    },
  };
}

/** What comes after the header of the last answer. */
export function bodyOf(text: string): string {
  return text.slice(text.lastIndexOf("\r\n\r\n") + 4);
}

export function statusesOf(text: string): readonly number[] {
  return [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
}
