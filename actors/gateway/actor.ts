/** Gateway: `protocol.ts` says what it promises, `config.ts` what its limits are, `handler.ts` what HTTP means here. */

import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { readAuthorities } from "#actors/domain/ssh/authority-files.ts";
import { AdminHandler } from "#actors/gateway/administrators/handler.ts";
import { type AdminDoor, listenToAdministrators } from "#actors/gateway/administrators/listener.ts";
import { readTls } from "#actors/gateway/administrators/tls-files.ts";
import { Admission, HEAP_BODY_BYTES_MAX } from "#actors/gateway/admission.ts";
import {
  checkGatewayConfig,
  type GatewayConfig,
  gatewayConfigSchema,
  REQUESTS_BELOW_MAX,
} from "#actors/gateway/config.ts";
import type { Desk } from "#actors/gateway/desk.ts";
import { Handler } from "#actors/gateway/handler.ts";
import { isLoopback } from "#actors/gateway/loopback.ts";
import { Meters } from "#actors/gateway/meters.ts";
import type { GatewayEvents, GatewayProtocol } from "#actors/gateway/protocol.ts";
import { adaptRefusal } from "#actors/gateway/tus-fields.ts";
import { WriteGate } from "#actors/gateway/write-gate.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import type { TelemetryProtocol } from "#actors/telemetry/protocol.ts";
import type { ActorModule, ConfigView, NodeFacts, Wiring } from "#runtime/actor-module.ts";
import type { ActorContext, Behavior } from "#runtime/behavior.ts";
import { Reservations } from "#runtime/buffers.ts";
import type { Edge, EdgeBindFailed, EdgeLimits, EdgeRequest, EdgeResponse } from "#runtime/edge/edge.ts";
import type { EdgeTlsUnusable } from "#runtime/edge/tls.ts";
import { Defect, ok } from "#runtime/errors.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";

export interface GatewayDeps {
  readonly config: ConfigView<GatewayConfig>;
  /** The listener: it outlives incarnations. */
  readonly edge: Edge;
  readonly metrics: Metrics;
  readonly node: NodeFacts;
  readonly overlay: Ref<OverlayProtocol>;
  readonly telemetry: Ref<TelemetryProtocol>;
  /** Where administrators are let in, if they are. */
  readonly admin: AdminDoor | undefined;
}

interface GatewayState {
  /** All listeners: that of everybody, and that of administrators. */
  readonly edges: readonly Edge[];
  readonly edge: Edge;
  readonly desk: Desk;
}

type Ctx = ActorContext<GatewayEvents, GatewayState>;

export const gatewayBehavior: Behavior<GatewayProtocol, GatewayEvents, GatewayDeps, GatewayState> = {
  name: "gateway",

  init: (deps, ctx) => {
    const desk = openDesk(deps, ctx);
    const { edge, admin } = deps;
    // A request is not a turn, so its defect is carried into one, where it ends the incarnation as any other.
    const onDefect = (defect: unknown): void => {
      ctx.after(0, () => {
        throw defect;
      });
    };
    const handler = new Handler(desk);
    const handle = (request: EdgeRequest): Promise<EdgeResponse> => {
      ctx.maybe("request-taken");
      return handler.handle(request);
    };
    ctx.scope.add(edge.attach({ handle, onDefect }));
    if (admin === undefined) return { edges: [edge], edge, desk };

    const orders = new AdminHandler({ ...desk, ...admin });
    ctx.scope.add(admin.edge.attach({ handle: (request) => orders.handle(request), onDefect }));
    return { edges: [edge, admin.edge], edge, desk };
  },

  failpoints: ["request-taken"],

  handlers: {
    drain: ({ edges, desk }, { timeoutMs }, ctx) => {
      desk.writeGate.drain();
      return ctx.later(
        () => drainAll(edges, timeoutMs),
        (_state, unfinishedCount) => ok({ unfinishedCount }),
      );
    },

    describe: ({ edge, desk }) =>
      ok({
        url: edge.url,
        adminUrl: desk.adminUrl,
        openRequestCount: desk.meters.openCount,
        acceptingWrites: desk.writeGate.reasons().length === 0,
      }),
  },

  // Everything below still runs: a node stops from the gateway down.
  terminate: async ({ edges, desk }) => {
    desk.writeGate.drain();
    await drainAll(edges, desk.config.current.stopDrainMs);
  },
};

export const actorModule: ActorModule<GatewayProtocol, GatewayEvents, GatewayDeps, GatewayState, GatewayConfig> = {
  behavior: gatewayBehavior,
  configSchema: gatewayConfigSchema,
  checkConfig: checkGatewayConfig,
  checkPlace: async ({ disk, node }, config) => {
    // Once they could be reached, what is gone since keeps nobody else from the node.
    if (config.adminClientAuthority === "" || node.addresses.admin !== undefined) return undefined;
    const tls = await readTls(disk, config);
    const trusted = await readAuthorities(disk, "gateway.adminSshAuthority", config.adminSshAuthority);
    return [tls, trusted].find((problem) => typeof problem === "string");
  },
  wire: async (wiring) => {
    const { env, config, ref, scope } = wiring;
    const { clock, random, metrics, node } = env;
    const { host, port } = node.http;
    if (!node.insecurePublic && host !== "localhost" && !isLoopback(host)) {
      throw new Defect(`gateway listens on ${host} only with --insecure-public: nothing protects writes yet`);
    }

    const limits = (): EdgeLimits => config.current;
    const listening = await env.edges.listen({ host, port, limits, clock, random, metrics, adaptRefusal });
    if (!listening.ok) throw new Defect(`gateway cannot listen on ${host}:${port}: ${causeOf(listening.failure)}`);
    const edge = listening.value;
    scope.add(() => edge.close());
    const admin = await openAdminDoor(wiring);
    return { config, edge, metrics, node, overlay: ref("overlay"), telemetry: ref("telemetry"), admin };
  },
};

/** Undefined where nobody asked for one, where there is no auth, which has ingest beside it, or where it was lost since the node was ready. */
async function openAdminDoor({ env, config, refIfAny, scope }: Wiring<GatewayConfig>): Promise<AdminDoor | undefined> {
  const auth = refIfAny<AuthProtocol>("auth");
  const ingest = refIfAny<IngestProtocol>("ingest");
  if (config.current.adminClientAuthority === "" || auth === undefined || ingest === undefined) return undefined;
  const edge = await listenToAdministrators(env, config);
  if (typeof edge === "string") {
    if (env.node.addresses.admin === undefined) throw new Defect(edge);
    env.log.error("gateway.admin-lost", { problem: edge });
    return undefined;
  }
  scope.add(() => edge.close());
  env.listens({ admin: edge.url });
  return { edge, auth, ingest, disk: env.disk };
}

async function drainAll(edges: readonly Edge[], timeoutMs: number): Promise<number> {
  const unfinished = await Promise.all(edges.map((edge) => edge.drain(timeoutMs)));
  return unfinished.reduce((sum, count) => sum + count, 0);
}

/** Quotas and memory are this incarnation's: what the last one still held went with it. */
function openDesk(
  { config, metrics, node, overlay, telemetry, admin }: GatewayDeps,
  { clock, random, log }: Ctx,
): Desk {
  const { readBufferBytesMax } = config.current;
  const reservations = new Reservations({
    clock,
    quotaBytes: readBufferBytesMax,
    // Whoever waits was let in, and those may become more while this incarnation lives.
    waitingMax: REQUESTS_BELOW_MAX,
    shared: false,
    freeBytesMax: Math.min(readBufferBytesMax, 32 * HEAP_BODY_BYTES_MAX),
  });
  return {
    config,
    clock,
    random,
    log,
    node,
    overlay,
    telemetry,
    admission: new Admission(clock, config),
    reservations,
    writeGate: new WriteGate(clock),
    meters: new Meters(metrics),
    adminUrl: admin?.edge.url,
    startedMs: clock.nowMs(),
  };
}

function causeOf(failure: EdgeBindFailed | EdgeTlsUnusable): string {
  return failure.code === "edge.bind-failed" ? failure.errno : failure.cause;
}
