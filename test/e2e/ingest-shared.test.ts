/** Two nodes with one Redis and one Postgres: they share what comes in, and one that is killed whole leaves nothing behind. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EVENTS_GROUP } from "#actors/ingest/pipeline.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import { mustBeKept } from "#test/kit/event-fates.ts";
import { EventLoad } from "#test/kit/event-load.ts";
import { eventually } from "#test/kit/node.ts";
import { POINTS_STEP } from "#test/kit/points.ts";
import { comeByShell, type ShellProducer } from "#test/kit/shell-producer.ts";
import { type BehindProxies, startBehindProxies } from "#test/kit/steps/behind-proxies.ts";
import { type WorkNode, workMissing } from "#test/kit/work-node.ts";

const INGEST = ['claimIdleMs = "2s"', 'claimIntervalMs = "200ms"', "pageCountMax = 50"];
const SHARE_MIN = 200;

/** It takes a quarter of a minute, most of it waiting. */
const tooLong = POINTS_STEP === undefined ? "./cepa verify runs it, and whoever sets CEPA_POINTS" : undefined;
const skip = workMissing ?? tooLong ?? false;
const started = skip === false ? await startBehindProxies() : undefined;

describe("ingest: two nodes on one group", { skip }, () => {
  const { servers, watch, urls } = started ?? ({} as BehindProxies);
  let doomed: WorkNode;
  let other: WorkNode;
  let producer: ShellProducer;
  before(async () => {
    [doomed, other] = await Promise.all([servers.node({ urls, ingest: INGEST }), servers.node({ ingest: INGEST })]);
    producer = await comeByShell(other, "steady");
  });
  after(async () => {
    await doomed?.dispose();
    await other?.dispose();
  });

  it("share the load, and what one had in hand when it was killed whole is the other's after a while", async (context) => {
    const redis = other.open(servers.urls.redis);
    const load = new EventLoad({ redis, token: producer.token, subjectId: producer.subjectId, ratePerSecond: 1000 });
    let shares: readonly number[] = [];
    let leftCount = 0;
    try {
      await eventually(20_000, "both acknowledge", async () => {
        shares = await Promise.all([doomed, other].map(acknowledgedBy));
        return shares.every((count) => count >= SHARE_MIN);
      });

      await watch.at("insert asked", 1, async () => {
        await doomed.node.killAll();
        return "cut";
      });
      const sinceMs = performance.now();
      leftCount = await pendingOf(doomed, other);
      assert(leftCount > 0, "it was given something, and did not acknowledge it");
      await eventually(20_000, "nothing is left of it", async () => (await pendingOf(doomed, other)) === 0);
      context.diagnostic(JSON.stringify({ leftCount, takenOverAfterMs: Math.round(performance.now() - sinceMs) }));
    } finally {
      await load.stop();
      await redis.close();
    }

    const counts = await mustBeKept(other, [load], { withinMs: 30_000, about: { shares } });
    context.diagnostic(JSON.stringify({ acknowledgedByEach: shares, sentAgain: load.repeatedCount, ...counts }));
  });
});

async function acknowledgedBy({ node }: WorkNode): Promise<number> {
  const metrics = await (await fetch(`${node.url}/metrics`)).text();
  return Number(/^ingest_acknowledged_total(?:{[^}]*})? (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

/** Entries that the readers of `node` were given and nobody has acknowledged, as `looker` is told. */
async function pendingOf({ node }: WorkNode, looker: WorkNode): Promise<number> {
  const name = readFileSync(join(node.dataDirectory, "ingest", "node-name"), "utf8").trim();
  const [, , , rows] = (await looker.look("XPENDING", "events", EVENTS_GROUP)) as readonly RedisReply[];
  const counts = (Array.isArray(rows) ? rows : []).map((row) => {
    const [consumer = "", count = "0"] = (row as readonly Uint8Array[]).map((word) => Buffer.from(word).toString());
    return consumer.startsWith(name) ? Number(count) : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
