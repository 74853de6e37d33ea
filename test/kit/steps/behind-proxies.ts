/** Servers of a test's own, behind proxies that come to steps: a node that finds them there can be killed at each. */
import { type OuterServers, startOuterServers } from "#test/kit/outer-servers.ts";
import { StepWatch } from "#test/kit/steps/step.ts";
import { startStepProxy } from "#test/kit/steps/step-proxy.ts";

export interface BehindProxies {
  readonly servers: OuterServers;
  readonly watch: StepWatch;
  /** Of the proxies. */
  readonly urls: OuterServers["urls"];
}

/** They end when the tests of the file have: it is begun where these are described, and not in one of them. */
export async function startBehindProxies(): Promise<BehindProxies> {
  const watch = new StepWatch();
  const servers = await startOuterServers();
  const redis = new URL(servers.urls.redis);
  redis.port = String(await startStepProxy("redis", servers.paths.redis, watch));
  const postgresPort = await startStepProxy("postgres", servers.paths.postgres, watch);
  const urls = { redis: redis.href, postgres: `postgresql://cepa@127.0.0.1:${postgresPort}/postgres` };
  return { servers, watch, urls };
}
