/** Gateway on a fake overlay: on a simulated edge with manual time, or on real sockets. */
import assert from "node:assert/strict";
import { gatewayBehavior } from "#actors/gateway/actor.ts";
import type { AdminDoor } from "#actors/gateway/administrators/listener.ts";
import { type GatewayConfig, gatewayConfigSchema } from "#actors/gateway/config.ts";
import type { GatewayProtocol } from "#actors/gateway/protocol.ts";
import { adaptRefusal } from "#actors/gateway/tus-fields.ts";
import type { TelemetryProtocol } from "#actors/telemetry/protocol.ts";
import type { ConfigView, NodeFacts, NodeStatus } from "#runtime/actor-module.ts";
import type { Edge, EdgeOptions } from "#runtime/edge/edge.ts";
import { type Failure, fail, must, ok } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { realEdges } from "#runtime/real/edge.ts";
import type { Ref } from "#runtime/ref.ts";
import {
  type SimulatedAnswer,
  type SimulatedEdge,
  SimulatedEdges,
  type SimulatedRequest,
} from "#runtime/simulated/edge.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { FakeOverlay } from "#test/actors/gateway/fake-overlay.ts";
import { type Started, startActor, type TestMachine, testMachine } from "#test/kit/actor.ts";

/** Defaults of the schema, with `changes`. */
export function gatewayConfig(changes: Partial<GatewayConfig> = {}): GatewayConfig {
  const defaults = Object.entries(gatewayConfigSchema).map(([name, field]) => [name, field.default]);
  return { ...Object.fromEntries(defaults), ...changes };
}

export class FakeTelemetry implements Ref<TelemetryProtocol> {
  readonly name = "telemetry";
  text = "up 1\n";
  failure: Failure | undefined;

  async call(): Promise<never> {
    const answer = this.failure === undefined ? ok({ text: this.text, contentType: "text/plain" }) : fail(this.failure);
    return answer as never;
  }
  cast(): "accepted" {
    return "accepted";
  }
  monitor(): () => void {
    return () => undefined;
  }
}

export const runningStatus: NodeStatus = {
  cells: [{ name: "data", pid: 7, state: "running", restarts: 0, residentBytes: 1 }],
  actors: ["storage", "index", "overlay", "gateway"].map((name) => ({
    name,
    cell: "data",
    state: "running",
    incarnation: 1,
    restarts: 0,
    mailbox: { depth: 0, capacity: 128 },
  })),
  servers: [],
  unavailable: [],
  shuttingDown: false,
};

export interface Opened<E extends Edge> extends Started<GatewayProtocol> {
  readonly edge: E;
  readonly overlay: FakeOverlay;
  readonly telemetry: FakeTelemetry;
  readonly config: { current: GatewayConfig };
  /** What the root says of the tree. */
  readonly tree: { status: NodeStatus };
}

interface OpenOptions {
  readonly config?: Partial<GatewayConfig>;
  readonly host?: string;
  readonly shutdownMs?: number;
  /** For a gateway that has a listener of administrators too. */
  readonly admin?: (machine: TestMachine, config: ConfigView<GatewayConfig>) => Promise<AdminDoor>;
}

type Listen<E extends Edge> = (options: EdgeOptions) => Promise<E>;

async function open<E extends Edge>(listen: Listen<E>, options: OpenOptions, isReal: boolean): Promise<Opened<E>> {
  const machine = testMachine();
  const config = { current: gatewayConfig(options.config) };
  const tree = { status: runningStatus };
  const overlay = new FakeOverlay();
  const telemetry = new FakeTelemetry();
  const host = options.host ?? "127.0.0.1";
  const edge = await listen({
    host,
    port: 0,
    limits: () => config.current,
    clock: isReal ? realClock : machine.clock,
    random: seededRandom(2),
    metrics: machine.metrics,
    adaptRefusal,
  });
  const node: NodeFacts = {
    dataDirectory: "/nowhere",
    http: { host, port: Number(new URL(edge.url).port) },
    insecurePublic: false,
    amnesia: false,
    version: "0.0.0-test",
    addresses: {},
    status: () => tree.status,
  };
  const admin = await options.admin?.(machine, config);
  const deps = { config, edge, metrics: machine.metrics, node, overlay, telemetry, admin };
  const started = await startActor(gatewayBehavior, deps, { machine, shutdownMs: options.shutdownMs ?? 1000 });
  return { ...started, edge, overlay, telemetry, config, tree };
}

export async function openSimulated(options: OpenOptions = {}): Promise<Opened<SimulatedEdge>> {
  const edges = new SimulatedEdges();
  return await open(async (edgeOptions) => must(await edges.listen(edgeOptions), "listening"), options, false);
}

/** On 127.0.0.1 and a free port. Close `edge` at the end. */
export async function openReal(options: OpenOptions = {}): Promise<Opened<Edge>> {
  return await open(async (edgeOptions) => must(await realEdges.listen(edgeOptions), "listening"), options, true);
}

/** With the right `Host`, unless the headers name one. */
export async function send(edge: SimulatedEdge, request: SimulatedRequest): Promise<SimulatedAnswer> {
  const host = new URL(edge.url).host;
  const answer = await edge.send({ ...request, headers: { host, ...request.headers } });
  assert(answer !== undefined, "the listener accepts");
  return answer;
}

/** The body as JSON. */
export function json(answer: { readonly body: Uint8Array }): Record<string, unknown> {
  return JSON.parse(Buffer.from(answer.body).toString()) as Record<string, unknown>;
}
