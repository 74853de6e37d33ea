/** Auth: `protocol.ts` says what it promises, `config.ts` what its limits are. */
import { join } from "node:path";
import { Admissions } from "#actors/auth/admissions.ts";
import { type AuthConfig, authConfigSchema, checkAuthConfig } from "#actors/auth/config.ts";
import type { Directory } from "#actors/auth/directory/directory.ts";
import { postgresDirectory } from "#actors/auth/directory/postgres-directory.ts";
import { EXCHANGE_STREAM, exchangeJudge } from "#actors/auth/exchanges.ts";
import { Gate } from "#actors/auth/gate.ts";
import { Issuer } from "#actors/auth/issuer.ts";
import { KeyRing } from "#actors/auth/key-ring.ts";
import { legacyRegistrationJudge } from "#actors/auth/legacy-registrations.ts";
import { Outside } from "#actors/auth/outside.ts";
import type { AuthEvents, AuthProtocol, AuthUnavailable } from "#actors/auth/protocol.ts";
import { Pruner } from "#actors/auth/pruner.ts";
import { openReader } from "#actors/auth/readers.ts";
import { REGISTER_STREAM, type RegistrationSeams, registrationJudge } from "#actors/auth/registrations.ts";
import { approveWithToken, type ReviewSeams, reviewKey, revoke } from "#actors/auth/reviews.ts";
import { Revocations } from "#actors/auth/revocations.ts";
import { openSigningKey } from "#actors/auth/signing-key.ts";
import { judgeSubject } from "#actors/auth/subjects.ts";
import { Trusted } from "#actors/auth/trusted.ts";
import { Upkeep } from "#actors/auth/upkeep.ts";
import { readAuthorities } from "#actors/domain/ssh/authority-files.ts";
import { Answers } from "#actors/domain/streams/answers.ts";
import type { Judge } from "#actors/domain/streams/judged.ts";
import { StreamLoop } from "#actors/domain/streams/stream-loop.ts";
import { type TokenSigning, threadSigning } from "#actors/domain/tokens/token-signing.ts";
import type { ActorModule, ConfigView, NodeFacts } from "#runtime/actor-module.ts";
import type { ActorContext, Behavior } from "#runtime/behavior.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { Defect, fail, ok, type Result } from "#runtime/errors.ts";
import { Trimmer } from "#runtime/redis/group/trimmer.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { Troubles } from "#runtime/troubles.ts";

/** Connections to Postgres of one node. */
export const SQL_CONNECTIONS_MAX = 4;

export interface AuthDeps {
  readonly config: ConfigView<AuthConfig>;
  readonly disk: Disk;
  readonly metrics: Metrics;
  /** It outlives an incarnation, and is opened by each. */
  readonly directory: Directory;
  /** For what is answered at once; it outlives an incarnation. */
  readonly redis: Redis;
  /** Another connection, for a read that waits. */
  readonly connect: () => Promise<Redis>;
  readonly signing: TokenSigning;
  /** File of the key that signs tokens. */
  readonly signingKeyPath: string;
}

interface AuthState extends RegistrationSeams, ReviewSeams {
  readonly issuer: Issuer;
  readonly clock: Clock;
  readonly config: ConfigView<AuthConfig>;
  readonly admissions: Admissions;
  readonly ring: KeyRing;
  readonly trusted: Trusted;
  readonly troubles: Troubles;
}

type Ctx = ActorContext<AuthEvents, AuthState>;

export const authBehavior: Behavior<AuthProtocol, AuthEvents, AuthDeps, AuthState> = {
  name: "auth",

  init: async (deps, ctx) => {
    const { config, disk, metrics, signing, signingKeyPath } = deps;
    const { clock, random, log } = ctx;
    const own = await openSigningKey(disk, random, signingKeyPath);
    if (typeof own === "string") throw new Defect(own);
    const troubles = new Troubles((trouble) => ctx.health(trouble === undefined ? "ready" : "degraded", trouble));
    const timeoutMs = (): number => config.current.callTimeoutMs;
    const seams = { clock, random, log, metrics, timeoutMs };
    const directory = new Outside("postgres", deps.directory, { ...seams, onTrouble: troubles.of("postgres") });
    const redis = new Outside("redis", deps.redis, { ...seams, onTrouble: troubles.of("redis") });
    const trusted = new Trusted(disk, config, troubles.of("authority"));
    await trusted.read();

    const ring = new KeyRing(own, directory, clock);
    const issuer = new Issuer(ring, clock, random, () => config.current, signing);
    const revocations = new Revocations(directory, clock, () => config.current.revocationLateMs);
    const answers = new Answers((within, task) => redis.ask(within, task), clock);
    const gate = new Gate(redis);
    const skewSeconds = (): number => config.current.skewSeconds;
    const admissions = new Admissions({ directory, revocations, issuer, ring, clock, skewSeconds });
    const trust = () => trusted.current();
    const pendingMax = (): number => config.current.pendingMax;
    const renewalsMs = (): number => config.current.renewalsMs;
    const judging = { clock, gate, trust, directory, redis, pendingMax, issuer, ring, renewalsMs };

    const entries = metrics.counter("auth_entries_total", "Entries of streams that were judged, by what came of them.");
    const lost = metrics.counter("auth_entries_lost_total", "Entries of streams that were there, and were never read.");
    const loopOf = async (stream: string, judge: Judge): Promise<StreamLoop> => {
      // The name of the key is this node's own, and the same after a restart.
      const place = { clock, redis: deps.redis, connect: deps.connect, consumer: own.kid };
      const reader = await openReader(place, stream, ctx.scope);
      const onTrouble = troubles.of(stream);
      return new StreamLoop({ ...seams, stream, reader, judge, answers, entries, lost, onTrouble });
    };
    const judges = new Map<string, Judge>([
      [REGISTER_STREAM, registrationJudge(judging)],
      [EXCHANGE_STREAM, exchangeJudge(judging)],
    ]);
    const { legacyRegisterStream, legacyResponseStream } = config.current;
    if (legacyRegisterStream !== "") {
      judges.set(legacyRegisterStream, legacyRegistrationJudge(judging, legacyResponseStream));
    }
    const loops: (StreamLoop | Trimmer)[] = [];
    for (const [stream, judge] of judges) {
      const onTrouble = troubles.of(`trimming ${stream}`);
      const onSetBack = (): void => log.error("stream.set-back", { stream });
      loops.push(await loopOf(stream, judge), new Trimmer({ redis: deps.redis, stream, clock, onTrouble, onSetBack }));
    }
    const upkeep = new Upkeep({ directory, ring, trusted, clock, random });
    const pruner = new Pruner({ directory, clock, random, metrics });
    // For the whole life: it takes one of the actor's task slots, and the runtime ends it with the incarnation.
    ctx.later(
      async (life) => {
        await upkeep.open(life);
        const runs = [upkeep, pruner, revocations, ...loops];
        await Promise.all(runs.map((one) => one.run(life)));
      },
      () => undefined,
    );
    return { ...judging, config, admissions, answers, trusted, troubles };
  },

  failpoints: ["key-reviewed", "key-revoked"],

  handlers: {
    admit: ({ admissions }, { tokens }, ctx) =>
      ctx.later(
        (task) => admissions.admit(tokens, task),
        (_state, admitted) => ok(admitted),
      ),

    judgeSubject: (state, request, ctx) => ctx.later((task) => judgeSubject(state, request, task), passOn),

    hasProducer: ({ directory }, { producerId }, ctx) =>
      ctx.later(
        (task) => directory.ask(task, (target, bounded) => target.hasProducer(producerId, bounded)),
        passOnAsked,
      ),

    listKeys: ({ directory }, { filter, limit, before }, ctx) =>
      ctx.later(
        (task) => directory.ask(task, (target, bounded) => target.list(filter, limit, before, bounded)),
        passOnAsked,
      ),

    takeAdminNonce: ({ gate }, asking, ctx) => ctx.later((task) => gate.takeAdminNonce(asking, task), passOnAsked),

    reviewKey: (state, review, ctx) =>
      ctx.later(
        (task) => reviewKey(state, review, task),
        (_state, reviewed, settled) => {
          settled.maybe("key-reviewed");
          return reviewed;
        },
      ),

    approveWithToken: (state, approval, ctx) => ctx.later((task) => approveWithToken(state, approval, task), passOn),

    revoke: (state, revocation, ctx) =>
      ctx.later(
        (task) => revoke(state, revocation, task),
        (_state, revoked, settled) => {
          settled.maybe("key-revoked");
          return revoked;
        },
      ),

    describe: ({ trusted, ring, troubles }) =>
      ok({
        authorityCount: trusted.authorityCount,
        kid: ring.own.kid,
        trouble: troubles.worst,
      }),
  },
};

export const authModule: ActorModule<AuthProtocol, AuthEvents, AuthDeps, AuthState, AuthConfig> = {
  behavior: authBehavior,
  storesData: true,
  configSchema: authConfigSchema,
  checkConfig: checkAuthConfig,
  checkPlace: async ({ disk, random, node }, { producerAuthority }) => {
    const read = await readAuthorities(disk, "auth.producerAuthority", producerAuthority);
    if (typeof read === "string") return read;
    const key = await openSigningKey(disk, random, signingKeyPathIn(node));
    return typeof key === "string" ? key : undefined;
  },
  wire: async ({ env, config, scope }) => {
    const { disk, metrics, node } = env;
    const { callTimeoutMs } = config.current;
    const sql = await env.sql({ connectionsMax: SQL_CONNECTIONS_MAX, statementTimeoutMs: callTimeoutMs });
    const directory = postgresDirectory(sql);
    scope.add(() => directory.close());
    const connect = (): Promise<Redis> => env.redis({ silenceMs: callTimeoutMs });
    const redis = await connect();
    scope.add(() => redis.close());
    const signingKeyPath = signingKeyPathIn(node);
    return { config, disk, metrics, directory, redis, connect, signing: threadSigning, signingKeyPath };
  },
};
export { authModule as actorModule };

function signingKeyPathIn({ dataDirectory }: NodeFacts): string {
  return join(dataDirectory, "auth", "signing-key.pem");
}

function passOn<Outcome>(_state: AuthState, outcome: Outcome, _ctx: Ctx): Outcome {
  return outcome;
}

/** Of what decides nothing: who is not answered asks again, and need not look first. */
function passOnAsked<Value>(
  _state: AuthState,
  outcome: Result<Value, AuthUnavailable>,
  _ctx: Ctx,
): Result<Value, AuthUnavailable> {
  return outcome.ok ? outcome : fail({ ...outcome.failure, executed: "no" });
}
