/**
 * HTTP in memory: requests come from a test or a simulation, answers go through the same pump as on a socket.
 *
 * It keeps the seam's promises about order, settling, detaching and draining; it has no sockets, so limits of time, pace
 * and header size have nothing to hold on to. Nor has it certificates: with TLS a client is who it says.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import { OpenWork } from "#runtime/cancellation.ts";
import type {
  Edge,
  EdgeBindFailed,
  EdgeOptions,
  EdgeOutcome,
  EdgeResponse,
  EdgeService,
  Edges,
} from "#runtime/edge/edge.ts";
import { pump, type Write } from "#runtime/edge/pump.ts";
import { corrIdOf, type EdgeRefusalCode, edgeRefusal, renderRefusal } from "#runtime/edge/refusal.ts";
import type { EdgeClient } from "#runtime/edge/tls.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";

export interface SimulatedRequest {
  readonly method?: string;
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ByteSource;
  readonly contentLength?: number;
  readonly remote?: string;
  /** Who has a certificate of the listener's authority. */
  readonly client?: EdgeClient;
  /** The client goes away. */
  readonly signal?: AbortSignal;
  /** What the client's socket does with bytes. By default it takes them at once. */
  readonly write?: Write;
}

export interface SimulatedAnswer {
  readonly status: number;
  /** Lower-case names, `content-length` included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** False where a real connection would have been reset. */
  readonly complete: boolean;
}

/** Ports that are taken, and edges by port. One per simulated machine. */
export class SimulatedEdges implements Edges {
  readonly listening: Map<number, SimulatedEdge> = new Map();
  #nextPort = 40_000;

  async listen(options: EdgeOptions): Promise<Result<SimulatedEdge, EdgeBindFailed>> {
    const { host } = options;
    const port = options.port === 0 ? this.#nextPort++ : options.port;
    if (this.listening.has(port)) return fail({ code: "edge.bind-failed", host, port, errno: "EADDRINUSE" });
    const edge = new SimulatedEdge(options, port, () => this.listening.delete(port));
    this.listening.set(port, edge);
    return ok(edge);
  }
}

interface Call {
  readonly service: EdgeService;
  readonly work: OpenWork;
  /** Answers the client in the service's stead, if it was not answered yet. */
  readonly refuse: (code: EdgeRefusalCode) => void;
}

export class SimulatedEdge implements Edge {
  readonly url: string;
  readonly #options: EdgeOptions;
  readonly #onClose: () => void;
  readonly #calls = new Set<Call>();
  #service: EdgeService | undefined;
  #onIdle: (() => void) | undefined;
  #isClosing = false;

  constructor(options: EdgeOptions, port: number, onClose: () => void) {
    this.#options = options;
    this.#onClose = onClose;
    this.url = `${options.tls === undefined ? "http" : "https"}://${options.host}:${port}`;
  }

  get openRequestCount(): number {
    return this.#calls.size;
  }

  /** Every request comes on a connection of its own. */
  get openConnectionCount(): number {
    return this.#calls.size;
  }

  attach(service: EdgeService): () => void {
    assert(this.#service === undefined, "one service answers at a time");
    this.#service = service;
    return () => {
      if (this.#service === service) this.#service = undefined;
      for (const call of this.#calls) {
        if (call.service !== service) continue;
        call.refuse("gateway.restarting");
        call.work.callOff();
      }
    };
  }

  async drain(timeoutMs: number): Promise<number> {
    this.#isClosing = true;
    if (this.#calls.size === 0) return 0;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(timeoutMs, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
    return this.#calls.size;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const call of this.#calls) call.work.callOff();
    this.#onClose();
  }

  /** One request of a client; undefined when nobody accepts connections, or not from who has no certificate. */
  async send(request: SimulatedRequest): Promise<SimulatedAnswer | undefined> {
    if (this.#isClosing || (this.#options.tls !== undefined && request.client === undefined)) return undefined;
    const corrId = corrIdOf(request.headers?.["x-correlation-id"], this.#options.random);
    const service = this.#service;
    if (service === undefined) return this.#refusal("gateway.restarting", corrId, request);

    return await new Promise((resolve) => {
      let isAnswered = false;
      const answer = (given: SimulatedAnswer): void => {
        isAnswered = true;
        resolve(given);
      };
      const work = new OpenWork();
      const refuse = (code: EdgeRefusalCode): void => {
        if (!isAnswered) answer(this.#refusal(code, corrId, request));
      };
      const call = { service, work, refuse };
      request.signal?.addEventListener("abort", () => work.callOff(), { once: true });
      work.signal.addEventListener("abort", () => request.body?.cancel(truncated), { once: true });
      this.#calls.add(call);
      void this.#serve(call, request, (given) => {
        if (!isAnswered) answer(given);
      });
    });
  }

  async #serve(call: Call, request: SimulatedRequest, answer: (given: SimulatedAnswer) => void): Promise<void> {
    const { signal } = call.work;
    const [path = "/", query = ""] = request.target.split("?");
    let response: EdgeResponse | undefined;
    try {
      response = await call.service.handle({
        method: request.method ?? "GET",
        path,
        query,
        headers: request.headers ?? {},
        remote: request.remote ?? "127.0.0.1",
        client: this.#options.tls === undefined ? undefined : request.client,
        body: request.body,
        contentLength: request.contentLength,
        within: call.work,
      });
    } catch (defect) {
      call.service.onDefect(defect);
      call.refuse("gateway.defect");
    }
    request.body?.cancel({ code: "edge.peer-gone" });
    if (response !== undefined) await this.#deliver(response, request, signal, answer);
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#onIdle?.();
  }

  async #deliver(
    response: EdgeResponse,
    { method, write }: SimulatedRequest,
    signal: AbortSignal,
    answer: (given: SimulatedAnswer) => void,
  ): Promise<void> {
    const pieces: Buffer[] = [];
    const take: Write = async (bytes) => {
      if (signal.aborted) return { code: "edge.peer-gone" };
      const refused = await write?.(bytes);
      // A copy: whoever writes has its memory again.
      if (refused === undefined) pieces.push(Buffer.from(bytes));
      return refused;
    };
    const outcome = await sendBody(response, method === "HEAD", take, signal);
    response.settled?.(outcome);
    const length = response.lengthBytes ?? lengthOf(response.body);
    answer({
      status: response.status,
      headers: lowerCase({ ...response.headers, "Content-Length": String(length) }),
      body: joined(pieces),
      complete: outcome.complete && !signal.aborted,
    });
  }

  #refusal(code: EdgeRefusalCode, corrId: string, { method = "GET", target }: SimulatedRequest): SimulatedAnswer {
    const { random, adaptRefusal = (_request, plain) => plain } = this.#options;
    const [path = ""] = target.split("?");
    const refusal = adaptRefusal({ method, path }, edgeRefusal(code));
    const { headers, body } = renderRefusal(refusal, corrId, random);
    return { status: refusal.status, headers: lowerCase(headers), body, complete: true };
  }
}

const truncated: Failure = { code: "gateway.body-truncated" };

async function sendBody(
  { body, status }: EdgeResponse,
  isHead: boolean,
  write: Write,
  signal: AbortSignal,
): Promise<EdgeOutcome> {
  const isUnwanted = isHead || status === 304;
  if (body === undefined || (body instanceof Uint8Array && isUnwanted)) return { complete: true, bytesSent: 0 };
  if (body instanceof Uint8Array) {
    const cause = await write(body);
    return { complete: cause === undefined, bytesSent: cause === undefined ? body.byteLength : 0, cause };
  }
  if (isUnwanted) {
    body.source.cancel({ code: "edge.body-unwanted" });
    return { complete: true, bytesSent: 0 };
  }
  signal.addEventListener("abort", () => body.source.cancel({ code: "edge.peer-gone" }), { once: true });
  return await pump(body, write);
}

function lengthOf(body: EdgeResponse["body"]): number {
  if (body === undefined) return 0;
  return body instanceof Uint8Array ? body.byteLength : body.lengthBytes;
}

/** Most bodies are one piece, which is as good as a copy of it. */
function joined(pieces: readonly Buffer[]): Buffer {
  const [first, second] = pieces;
  return first !== undefined && second === undefined ? first : Buffer.concat(pieces);
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
