/** A Redis and a Postgres of a test's own, and nodes that work with them: the test kills them, and each node may find them elsewhere. */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { startNode } from "#test/kit/node.ts";
import { startPostgres, type TestPostgres } from "#test/kit/postgres.ts";
import { addressOf, startRedis, type TestRedis } from "#test/kit/redis.ts";
import { makeTrust, WorkNode } from "#test/kit/work-node.ts";

/** Each command is on disk before it is answered: nothing that it took is lost with it. */
const DURABLE = { appendfsync: "always" };

export interface OuterServers {
  readonly redis: Pick<TestRedis, "kill">;
  readonly postgres: Pick<TestPostgres, "kill" | "start">;
  /** After `redis.kill`. */
  startRedis(): Promise<void>;
  readonly urls: Urls;
  /** Of their Unix sockets. */
  readonly paths: Urls;
  /** A node that finds them at `urls`, or where they are. Without a data directory, with one of its own. */
  node(options?: OuterNodeOptions): Promise<WorkNode>;
}

interface Urls {
  readonly redis: string;
  readonly postgres: string;
}

export interface OuterNodeOptions {
  readonly urls?: Urls;
  readonly dataDirectory?: string;
  /** Lines of the section `[ingest]`. */
  readonly ingest?: readonly string[];
}

/** They end when the tests of the file have, and so do the files that their nodes trust. */
export async function startOuterServers(): Promise<OuterServers> {
  const [redis, postgres, trust] = await Promise.all([startRedis(), startPostgres(), makeTrust()]);
  after(() => rmSync(trust, { recursive: true, force: true }));
  const durably = (): Promise<void> => redis.start(DURABLE);
  await redis.kill();
  await durably();
  const { place } = addressOf(redis.url);
  assert(place.kind === "socket");
  const paths = { redis: place.path, postgres: postgres.socket };
  const urls = { redis: redisUrlAt(redis.secret, redis.port), postgres: postgres.url };
  let nodeCount = 0;
  return {
    redis,
    postgres,
    startRedis: durably,
    urls,
    paths,
    async node({ urls: found = urls, dataDirectory, ingest = [] } = {}) {
      nodeCount += 1;
      const config = join(trust, `node-${nodeCount}.toml`);
      const said = readFileSync(join(trust, "cepa.toml"), "utf8").replace(
        "[ingest]\n",
        `[ingest]\n${ingest.join("\n")}\n`,
      );
      writeFileSync(config, `${said}\n[redis]\nurl = "${found.redis}"\n[postgres]\nurl = "${found.postgres}"\n`);
      const known = dataDirectory === undefined ? {} : { dataDirectory };
      const node = await startNode({ ...known, args: ["--config", config] });
      const servers = { producers: urls.redis, looker: urls.redis, postgres: urls.postgres };
      return new WorkNode(node, trust, servers);
    },
  };
}

/** Over TCP, as the node's user. */
export function redisUrlAt(secret: string, port: number): string {
  return `redis://cepa:${secret}@127.0.0.1:${port}`;
}
