/** Gateway: `protocol.ts` says what it promises, `config.ts` what its limits are, `handler.ts` what HTTP means here. */
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
import type { OverlayProtocol } from "#actors/overlay/protocol.ts";
import type { TelemetryProtocol } from "#actors/telemetry/protocol.ts";
import type { ActorModule, ConfigView, NodeFacts } from "#runtime/actor-module.ts";
import type { ActorContext, Behavior } from "#runtime/behavior.ts";
import { Reservations } from "#runtime/buffers.ts";
import type { Edge, EdgeBindFailed, EdgeLimits } from "#runtime/edge/edge.ts";
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
}

interface GatewayState {
  readonly edge: Edge;
  readonly desk: Desk;
}

type Ctx = ActorContext<GatewayEvents, GatewayState>;

export const gatewayBehavior: Behavior<GatewayProtocol, GatewayEvents, GatewayDeps, GatewayState> = {
  name: "gateway",

  init: (deps, ctx) => {
    const desk = openDesk(deps, ctx);
    const handler = new Handler(desk);
    const detach = deps.edge.attach({
      handle: (request) => handler.handle(request),
      // A request is not a turn, so its defect is carried into one, where it ends the incarnation as any other.
      onDefect: (defect) => {
        ctx.after(0, () => {
          throw defect;
        });
      },
    });
    ctx.scope.add(detach);
    return { edge: deps.edge, desk };
  },

  handlers: {
    drain: ({ edge, desk }, { timeoutMs }, ctx) => {
      desk.writeGate.drain();
      return ctx.later(
        () => edge.drain(timeoutMs),
        (_state, unfinishedCount) => ok({ unfinishedCount }),
      );
    },

    describe: ({ edge, desk }) =>
      ok({
        url: edge.url,
        openRequestCount: desk.meters.openCount,
        acceptingWrites: desk.writeGate.reasons().length === 0,
      }),
  },

  // Everything below still runs: a node stops from the gateway down.
  terminate: async ({ edge, desk }) => {
    desk.writeGate.drain();
    await edge.drain(desk.config.current.stopDrainMs);
  },
};

export const actorModule: ActorModule<GatewayProtocol, GatewayEvents, GatewayDeps, GatewayState, GatewayConfig> = {
  behavior: gatewayBehavior,
  configSchema: gatewayConfigSchema,
  checkConfig: checkGatewayConfig,
  wire: async ({ env, config, ref, scope }) => {
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
    return { config, edge, metrics, node, overlay: ref("overlay"), telemetry: ref("telemetry") };
  },
};

/** Quotas and memory are this incarnation's: what the last one still held went with it. */
function openDesk({ config, metrics, node, overlay, telemetry }: GatewayDeps, { clock, random, log }: Ctx): Desk {
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
    startedMs: clock.nowMs(),
  };
}

function causeOf(failure: EdgeBindFailed | EdgeTlsUnusable): string {
  return failure.code === "edge.bind-failed" ? failure.errno : failure.cause;
}
