/** Ingest: `protocol.ts` says what it promises, `config.ts` what its limits are. */
import { join } from "node:path";
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { reviewBinding } from "#actors/ingest/binding-reviews.ts";
import { checkIngestConfig, type IngestConfig, ingestConfigSchema } from "#actors/ingest/config.ts";
import { Meters } from "#actors/ingest/meters.ts";
import { Pipeline } from "#actors/ingest/pipeline.ts";
import type {
  DeadLetterUnknown,
  IngestEvents,
  IngestProtocol,
  IngestUnavailable,
  ProducerUnknown,
  SubjectUnknown,
} from "#actors/ingest/protocol.ts";
import { redrive } from "#actors/ingest/redrive.ts";
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import { guardedRows } from "#actors/ingest/rows/guarded-rows.ts";
import { postgresRows } from "#actors/ingest/rows/postgres-rows.ts";
import { headOf, shownOf } from "#actors/ingest/shown-letter.ts";
import type { ActorModule, CellEnv, ConfigView } from "#runtime/actor-module.ts";
import type { Behavior } from "#runtime/behavior.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { troubleOf } from "#runtime/trouble-of.ts";
import { second } from "#runtime/units.ts";

/** Longest statement, as the database counts it; past it the database ends it. */
export const INGEST_STATEMENT_MS_MAX: number = 30 * second;

/** A Redis that says nothing for so long is given up; longer than a reader waits for an entry. */
export const INGEST_SILENCE_MS_MAX: number = 10 * second;

export interface IngestDeps {
  readonly config: ConfigView<IngestConfig>;
  readonly auth: Ref<AuthProtocol>;
  /** One for each life, closed with it. */
  readonly openRedis: CellEnv["redis"];
  /** Opened for every life, and closed with it. */
  readonly openRows: (connectionsMax: number) => Promise<EventRows>;
  readonly disk: Disk;
  readonly metrics: Metrics;
  /** Belongs to this actor alone: what was spilled, and what this node is called. */
  readonly directory: string;
}

export interface IngestState {
  readonly pipeline: Pipeline;
}

export const ingestBehavior: Behavior<IngestProtocol, IngestEvents, IngestDeps, IngestState> = {
  name: "ingest",

  init: async (deps, ctx) => {
    const { config, openRedis, openRows, metrics } = deps;
    const { readersMax } = config.current;
    const { clock, random, log } = ctx;
    const rows = guardedRows(await openRows(readersMax + 2), { clock, random, log, metrics });
    ctx.scope.add(() => rows.close());
    const open = async (): Promise<Redis> => {
      const redis = await openRedis({ silenceMs: INGEST_SILENCE_MS_MAX });
      ctx.scope.add(() => redis.close());
      return redis;
    };
    const redis = await open();
    const reading: Redis[] = [];
    while (reading.length < readersMax) reading.push(await open());
    const pipeline = new Pipeline({
      ...deps,
      rows,
      redis,
      reading,
      subjectsReading: await open(),
      meters: new Meters(metrics),
      clock,
      random,
      log,
      maybe: (failpoint) => ctx.maybe(failpoint),
      onTrouble: (trouble) => {
        if (trouble === undefined) ctx.health("ready");
        else ctx.health("degraded", trouble);
      },
    });
    ctx.scope.add(() => pipeline.close());
    // For the whole life: it takes one of the actor's task slots, and the runtime ends it with the incarnation.
    ctx.later(
      (task) => pipeline.run(task),
      () => undefined,
    );
    return { pipeline };
  },

  failpoints: ["rows-written", "rows-spilled", "replayed"],

  handlers: {
    describe: ({ pipeline }) => ok(pipeline.facts),

    listBindingRequests: ({ pipeline }, { after, limit }, ctx) =>
      ctx.later(
        (task) => pipeline.rows.bindingRequests(after, limit, task),
        (_state, listed) => (listed.ok ? listed : unavailable(listed.failure)),
      ),

    reviewBinding: ({ pipeline }, order, ctx) =>
      ctx.later(
        (task) => reviewBinding(pipeline.reviewing, order, task),
        (_state, reviewed) => {
          if (reviewed.ok) return reviewed;
          const { failure } = reviewed;
          return isUnknown(failure) ? fail(failure) : unavailable(failure);
        },
      ),

    readEvent: ({ pipeline }, { eventId }, ctx) =>
      ctx.later(
        (task) => pipeline.rows.event(eventId, task),
        (_state, found) => {
          if (!found.ok) {
            const { failure } = found;
            return failure.code === "ingest.event-too-long" ? fail(failure) : unavailable(failure);
          }
          return found.value === undefined ? fail({ code: "ingest.event-unknown", eventId }) : ok(found.value);
        },
      ),

    listDeadLetters: ({ pipeline }, { after, limit }, ctx) =>
      ctx.later(
        async (task) => {
          const { deadLetters } = pipeline;
          const letters = await deadLetters.list(after, limit, task);
          if (!letters.ok) return letters;
          const totalCount = await deadLetters.count(task);
          return totalCount.ok ? ok({ totalCount: totalCount.value, letters: letters.value.map(headOf) }) : totalCount;
        },
        (_state, page) => (page.ok ? page : unavailable(page.failure)),
      ),

    readDeadLetter: ({ pipeline }, { letterId }, ctx) =>
      ctx.later(
        (task) => pipeline.deadLetters.find(letterId, task),
        (_state, found) => {
          if (!found.ok) return unavailable(found.failure);
          return found.value === undefined ? unknownLetter(letterId) : ok(shownOf(found.value));
        },
      ),

    redriveDeadLetter: ({ pipeline }, { letterId }, ctx) =>
      ctx.later(
        (task) => redrive(pipeline, letterId, task),
        (_state, redriven) => {
          if (redriven.ok) return redriven;
          return redriven.failure.code === "ingest.dead-letter-unknown"
            ? unknownLetter(letterId)
            : unavailable(redriven.failure);
        },
      ),

    dropDeadLetter: ({ pipeline }, { letterId }, ctx) =>
      ctx.later(
        (task) => pipeline.deadLetters.drop(letterId, task),
        (_state, dropped) => {
          if (!dropped.ok) return unavailable(dropped.failure);
          return dropped.value ? ok() : unknownLetter(letterId);
        },
      ),
  },
};

export const ingestModule: ActorModule<IngestProtocol, IngestEvents, IngestDeps, IngestState, IngestConfig> = {
  behavior: ingestBehavior,
  storesData: true,
  configSchema: ingestConfigSchema,
  checkConfig: checkIngestConfig,
  wire: ({ env, config, ref }) => ({
    config,
    auth: ref<AuthProtocol>("auth"),
    openRedis: env.redis,
    openRows: async (connectionsMax) =>
      postgresRows(await env.sql({ connectionsMax, statementTimeoutMs: INGEST_STATEMENT_MS_MAX })),
    disk: env.disk,
    metrics: env.metrics,
    directory: join(env.node.dataDirectory, "ingest"),
  }),
};
export { ingestModule as actorModule };

function unavailable(failure: Failure): Result<never, IngestUnavailable> {
  return fail({ code: "ingest.unavailable", cause: troubleOf(failure) });
}

function isUnknown(failure: Failure): failure is ProducerUnknown | SubjectUnknown {
  return failure.code === "ingest.subject-unknown" || failure.code === "ingest.producer-unknown";
}

function unknownLetter(letterId: string): Result<never, DeadLetterUnknown> {
  return fail({ code: "ingest.dead-letter-unknown", letterId });
}
