/** An HTTP proxy before one server that does to requests what networks and busy servers do. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";

export type Fault =
  | "none"
  /** 503 at once; the server hears nothing. */
  | "busy"
  /** 403 with a body that gives the reason. */
  | "denied"
  /** The connection is cut when half of the request has passed. */
  | "cut-request"
  /** The server does what it was asked, and the answer is cut off. */
  | "cut-answer"
  /** The server does what it was asked, and no answer ever comes. */
  | "silent";

interface Context {
  after(end: () => Promise<void> | void): void;
}

export class FaultyProxy {
  /** Asked for every request. */
  faultOf: (method: string, url: string) => Fault = () => "none";
  /** Faults done so far, by kind. */
  readonly counts: Map<Fault, number> = new Map();
  readonly #upstreamPort: () => number;
  readonly #server: Server;
  #port = 0;

  private constructor(upstreamPort: () => number) {
    this.#upstreamPort = upstreamPort;
    this.#server = createServer((asked, answer) => this.#pass(asked, answer));
  }

  static async start(context: Context, upstreamPort: () => number): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(upstreamPort);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    const address = proxy.#server.address();
    assert(typeof address === "object" && address !== null);
    proxy.#port = address.port;
    context.after(() => {
      proxy.#server.closeAllConnections();
      proxy.#server.close();
    });
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { method = "", url = "", headers } = asked;
    const fault = this.faultOf(method, url);
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    if (fault === "busy" || fault === "denied") {
      asked.resume();
      answer.writeHead(fault === "busy" ? 503 : 403);
      answer.end("<?xml version='1.0'?><Error><Code>Injected</Code></Error>");
      return;
    }
    const target = { host: "127.0.0.1", port: this.#upstreamPort(), method, path: url, headers, agent: false };
    const onward = request(target, (answered) => {
      if (fault === "silent") return void answered.resume();
      answer.writeHead(answered.statusCode ?? 500, answered.headers);
      answered.on("data", (piece: Uint8Array) => {
        if (fault === "cut-answer") asked.socket.destroy();
        else answer.write(piece);
      });
      answered.on("end", () => (fault === "cut-answer" ? asked.socket.destroy() : answer.end()));
      answered.on("error", () => asked.socket.destroy());
    });
    onward.on("error", () => asked.socket.destroy());
    answer.on("error", () => onward.destroy());
    let passedBytes = 0;
    const halfBytes = Number(headers["content-length"] ?? 0) / 2;
    asked.on("data", (piece: Uint8Array) => {
      passedBytes += piece.length;
      if (fault === "cut-request" && passedBytes > halfBytes) {
        onward.destroy();
        asked.socket.destroy();
      } else onward.write(piece);
    });
    asked.on("end", () => {
      if (fault === "cut-request") asked.socket.destroy();
      else onward.end();
    });
    asked.on("error", () => onward.destroy());
  }
}
