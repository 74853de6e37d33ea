/**
 * HTTP/1.1 on TCP, with TLS or without: Node's server behind the seam (docs/decisions/0006-http-without-a-framework.md).
 *
 * No body is parsed, buffered or limited here. The header's size and time are kept by Node's parser; what it refuses is
 * answered in the same form as everything else.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Edge, EdgeBindFailed, EdgeOptions, EdgeService, Edges } from "#runtime/edge/edge.ts";
import { edgeRefusal, type Refusal } from "#runtime/edge/refusal.ts";
import type { EdgeTlsUnusable } from "#runtime/edge/tls.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import { Connection, type ConnectionHost } from "#runtime/real/edge/connection.ts";
import { Handshakes } from "#runtime/real/edge/handshakes.ts";
import { Outbox } from "#runtime/real/edge/outbox.ts";
import { QueuedBytes } from "#runtime/real/edge/queued-bytes.ts";
import { createTlsServer } from "#runtime/real/edge/tls-server.ts";

/** How often Node looks for headers that take too long, ms. Such a header is refused at most this late. */
const headersCheckMs = 1000;

export const realEdges: Edges = {
  async listen(options: EdgeOptions): Promise<Result<Edge, EdgeBindFailed | EdgeTlsUnusable>> {
    const server = serverFor(options);
    if (!server.ok) return server;
    const listener = new Listener(options, server.value);
    const { host, port } = options;
    try {
      await listener.listen();
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code;
      if (errno === undefined) throw error;
      return fail({ code: "edge.bind-failed", host, port, errno });
    }
    return ok(listener);
  },
};

class Listener implements Edge {
  /** Kept from the start: a closed listener has no address to ask for. */
  url = "";
  readonly #options: EdgeOptions;
  readonly #server: Server | TlsServer;
  readonly #connections = new Map<Socket, Connection>();
  /** What was accepted and has not closed: with TLS, also who has not shown a certificate yet. */
  readonly #sockets = new Set<Socket>();
  readonly #handshakes = new Handshakes();
  /** Exchanges under way. */
  #openCount = 0;
  readonly #host: ConnectionHost;
  #onIdle: (() => void) | undefined;
  #service: EdgeService | undefined;
  #isClosing = false;

  constructor(options: EdgeOptions, server: Server | TlsServer) {
    this.#options = options;
    this.#server = server;
    const { clock, random, limits, metrics, adaptRefusal } = options;
    const rejected = metrics.counter("rejected_total", "Work refused, by reason.");
    this.#host = {
      clock,
      random,
      limits,
      adaptRefusal,
      queued: new QueuedBytes(clock),
      outbox: new Outbox(),
      isClosing: () => this.#isClosing,
      service: () => this.#service,
      onOpen: () => {
        this.#openCount += 1;
      },
      onEnd: () => {
        this.#openCount -= 1;
        if (this.#openCount === 0) this.#onIdle?.();
      },
      onReject: (reason) => rejected.add(1, { reason }),
    };
    const { connectionsMax } = limits();
    // With TLS it is not always the one more that goes.
    if (options.tls === undefined) this.#server.maxConnections = connectionsMax;
    // A client may end its side once it has asked: it is answered all the same.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    const onDrop = (): void => rejected.add(1, { reason: "connections" });
    this.#server.on("drop", onDrop);
    if (options.tls !== undefined) this.#boundHandshakes(connectionsMax, onDrop);
    this.#adaptServer();
  }

  get openRequestCount(): number {
    return this.#openCount;
  }

  get openConnectionCount(): number {
    return this.#connections.size;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options;
    this.#server.listen({ host, port });
    await once(this.#server, "listening");
    const bound = this.#server.address() as AddressInfo;
    const scheme = this.#options.tls === undefined ? "http" : "https";
    this.url = `${scheme}://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`;
  }

  attach(service: EdgeService): () => void {
    assert(this.#service === undefined, "one service answers at a time");
    this.#service = service;
    return () => {
      if (this.#service !== service) return;
      this.#service = undefined;
      for (const connection of this.#connections.values()) connection.detach(service);
    };
  }

  async drain(timeoutMs: number): Promise<number> {
    this.#isClosing = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#openCount === 0) return 0;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(timeoutMs, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#onIdle = undefined;
    return this.#openCount;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    for (const socket of [...this.#connections.keys(), ...this.#sockets]) socket.destroy();
    await closed;
  }

  /** Before anybody else hears of the connection. */
  #boundHandshakes(connectionsMax: number, onDrop: () => void): void {
    this.#server.on("connection", (socket: Socket) => {
      this.#handshakes.begun(socket);
      if (this.#sockets.size < connectionsMax) return;
      // Where all others have shown a certificate it is the new one.
      const ended = this.#handshakes.endOldest();
      if (ended !== undefined) this.#sockets.delete(ended);
      onDrop();
    });
    this.#server.on("secureConnection", (socket: Socket) => this.#handshakes.finished(socket));
  }

  #adaptServer(): void {
    const { metrics, name } = this.#options;
    const labels = name === undefined ? {} : { listener: name };
    const gauge = metrics.gauge("open_connections", "Client connections that are open.");
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on(this.#options.tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      this.#connections.set(socket, new Connection(this.#host, socket));
      gauge.set(this.#connections.size, labels);
      socket.once("close", () => {
        this.#connections.delete(socket);
        gauge.set(this.#connections.size, labels);
      });
    });
    this.#server.on("request", (message, reply) => this.#accept(message, reply));
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      const connection = this.#connections.get(socket as Socket);
      if (connection === undefined || error.code === "ECONNRESET") socket.destroy();
      else connection.broke(error.code ?? "");
    });
    // With a listener, Node leaves `100 Continue` to us: the body says it when it is first read.
    this.#server.on("checkContinue", (message, reply) => this.#server.emit("request", message, reply));
    this.#server.on("checkExpectation", (message, reply) => {
      this.#accept(message, reply, edgeRefusal("gateway.expectation-failed"));
    });
    this.#server.on("connect", (_message, socket) => {
      this.#connections.get(socket as Socket)?.broke("HPE_INVALID_METHOD");
    });
  }

  #accept(message: IncomingMessage, reply: ServerResponse, refusal?: Refusal): void {
    this.#connections.get(message.socket)?.accept(message, reply, refusal);
  }
}

function serverFor({ limits, tls }: EdgeOptions): Result<Server | TlsServer, EdgeTlsUnusable> {
  const { headersBytesMax, headersTimeoutMs, keepAliveMs } = limits();
  const options: ServerOptions = {
    maxHeaderSize: headersBytesMax,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: headersCheckMs,
    // How long a body may take is the body's business, and whether a host is named the service's.
    requestTimeout: 0,
    requireHostHeader: false,
    keepAliveTimeout: keepAliveMs,
  };
  return tls === undefined ? ok(createServer(options)) : createTlsServer(tls, options);
}
