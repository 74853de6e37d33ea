/** Telemetry: `protocol.ts` says what it promises, `config.ts` what its limits are. */
import { Accumulator } from "#actors/telemetry/accumulator.ts";
import { checkTelemetryConfig, type TelemetryConfig, telemetryConfigSchema } from "#actors/telemetry/config.ts";
import type { TelemetryEvents, TelemetryProtocol } from "#actors/telemetry/protocol.ts";
import type { ActorModule, ConfigView } from "#runtime/actor-module.ts";
import type { Behavior } from "#runtime/behavior.ts";
import { ok } from "#runtime/errors.ts";
import { type Exposition, type MetricFamily, renderExposition } from "#runtime/telemetry/exposition.ts";

export interface TelemetryDeps {
  readonly config: ConfigView<TelemetryConfig>;
  readonly render: (families: readonly MetricFamily[]) => Promise<Exposition>;
}

export interface TelemetryState extends TelemetryDeps {
  readonly accumulator: Accumulator;
}

export const telemetryBehavior: Behavior<TelemetryProtocol, TelemetryEvents, TelemetryDeps, TelemetryState> = {
  name: "telemetry",

  init: (deps) => ({ ...deps, accumulator: new Accumulator() }),

  failpoints: ["metrics-pushed"],

  handlers: {
    pushMetrics: ({ accumulator, config }, { cell, deltas }, ctx) => {
      ctx.maybe("metrics-pushed");
      accumulator.push(cell, deltas, config.current, ctx.clock.nowMs());
    },

    // The numbers are taken here, at once; only the rendering may wait, and pushes go on meanwhile (TEL-4).
    scrape: ({ accumulator, config, render }, _request, ctx) => {
      const families = accumulator.families(config.current, ctx.clock.nowMs());
      return ctx.later(
        () => render(families),
        (_state, exposition) => ok(exposition),
      );
    },
  },
};

export const actorModule: ActorModule<
  TelemetryProtocol,
  TelemetryEvents,
  TelemetryDeps,
  TelemetryState,
  TelemetryConfig
> = {
  behavior: telemetryBehavior,
  configSchema: telemetryConfigSchema,
  checkConfig: checkTelemetryConfig,
  wire: ({ config }) => ({ config, render: renderExposition }),
};
