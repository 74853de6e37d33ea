/** The servers of a node: those that it runs, as children, and where each is reached, also those of others. */
import { unreachable } from "#runtime/errors.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { ServerName } from "#supervisor/child-spec.ts";
import type { Parts } from "#supervisor/root/parts.ts";
import type { Places } from "#supervisor/root/places.ts";
import type { RootConfig } from "#supervisor/root/root-config.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";
import { postgresServer, postgresUrl } from "#supervisor/root/servers/postgres-server.ts";
import { producerUrl, redisSecrets, redisServer, redisUrl } from "#supervisor/root/servers/redis-server.ts";
import { ServerChild, type ServerProgram } from "#supervisor/server/server-child.ts";
import { type ServerUrls, type Urls, withoutPassword } from "#supervisor/server/urls.ts";

export interface Servers {
  /** One for each that the node runs, in the order of its parts. */
  readonly children: readonly ServerChild[];
  readonly urls: Urls;
}

export interface ServersOptions {
  readonly parts: Parts;
  readonly config: Pick<RootConfig, "redis" | "producers">;
  readonly seams: RootSeams;
  readonly places: Pick<Places, "data" | "run">;
  readonly log: Log;
}

interface OwnServer {
  readonly program: ServerProgram;
  /** Undefined where the program cannot be begun. */
  readonly urls: ServerUrls | undefined;
}

export async function makeServers(options: ServersOptions): Promise<Servers> {
  const { parts, seams, log } = options;
  const { processes, clock } = seams.base;
  const urls: Partial<Record<ServerName, ServerUrls>> = {};
  for (const name of Object.keys(parts.others) as ServerName[]) {
    const url = parts.others[name];
    if (url !== undefined) urls[name] = { node: url, others: withoutPassword(url) };
  }
  const children: ServerChild[] = [];
  for (const { name } of parts.own) {
    const own =
      name === "postgres" ? ownPostgres(options) : name === "redis" ? await ownRedis(options) : unreachable(name);
    children.push(new ServerChild({ name, processes, clock, log, ...own.program }));
    if (own.urls !== undefined) urls[name] = own.urls;
  }
  return { children, urls };
}

function ownPostgres({ seams, places }: ServersOptions): OwnServer {
  const { base, userId, programs } = seams;
  const url = postgresUrl(places);
  return {
    program: postgresServer({ base, places, userId, programs: programs.postgres }),
    urls: { node: url, others: url },
  };
}

async function ownRedis({ config, seams, places }: ServersOptions): Promise<OwnServer> {
  const { base, programs } = seams;
  const { memoryBytesMax } = config.redis;
  // One that is taken the server itself complains of.
  const free = config.redis.port === 0 ? await seams.findPort("127.0.0.1", 0) : undefined;
  const port = free?.ok === true ? free.value : config.redis.port;
  const secrets = await redisSecrets(base, places);
  const program = redisServer({
    base,
    places,
    program: programs.redis,
    provide: programs.provideRedis,
    port,
    memoryBytesMax,
    secrets,
    rights: config.producers,
  });
  if (!secrets.ok) return { program, urls: undefined };
  return { program, urls: { node: redisUrl(places, secrets.value), others: producerUrl(port, secrets.value) } };
}
