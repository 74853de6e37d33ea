/**
 * A real node whose parts are killed and stalled under a steady load of events: each that Redis took is in Postgres once, or a
 * dead letter, when all is back.
 *
 * Each wreck is tried once, in their order, and then again in one that `CEPA_SEED` decides, for `CEPA_CHAOS_SECONDS`.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { continueAll, stopTree } from "#chaos/real/process-tree.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { minute, second } from "#runtime/units.ts";
import { mustBeKept, storedIds, unacknowledgedIds } from "#test/kit/event-fates.ts";
import { EventLoad } from "#test/kit/event-load.ts";
import { eventually } from "#test/kit/node.ts";
import { comeByShell, type ShellProducer } from "#test/kit/shell-producer.ts";
import { type PartKind, startWorkNode, type WorkNode, workMissing } from "#test/kit/work-node.ts";

const chaosMs = Number(process.env["CEPA_CHAOS_SECONDS"] ?? 0) * second;
const seed = Number(process.env["CEPA_SEED"] ?? 1);
const ratePerSecond = 1000;
const stallMs = chaosMs === 0 ? 2 * second : 30 * second;
/** The sixth kill of one child within a minute would be its quarantine. */
const killsAMinuteMax = 4;

describe("ingest: chaos", { skip: workMissing ?? false }, () => {
  let work: WorkNode;
  let producer: ShellProducer;
  before(async () => {
    work = await startWorkNode();
    producer = await comeByShell(work, "steady");
  });
  after(() => work?.dispose());

  const kills = new Map<string, number[]>();
  async function kill(kind: PartKind, name: string): Promise<void> {
    const target = `${kind}/${name}`;
    const earlier = kills.get(target) ?? [];
    const [oldestMs = Number.NEGATIVE_INFINITY] = earlier.slice(-killsAMinuteMax).slice(0, 1);
    if (earlier.length >= killsAMinuteMax) await sleep(Math.max(0, oldestMs + 1 * minute - performance.now()));
    kills.set(target, [...earlier, performance.now()]);
    await work.kill(kind, name);
  }

  /** Nothing of it runs for a while, and nobody is told. */
  async function stall(kind: PartKind, name: string, forMs: number): Promise<void> {
    const pid = await work.pidOf(kind, name);
    const stopped = stopTree(pid);
    await sleep(forMs);
    continueAll(stopped);
  }

  const wrecks: Readonly<Record<string, () => Promise<void>>> = {
    "cell/work killed": () => kill("cell", "work"),
    "server/redis killed": () => kill("server", "redis"),
    "server/postgres killed": () => kill("server", "postgres"),
    "server/postgres stalled": () => stall("server", "postgres", stallMs),
    "cell/work and server/redis killed": async () =>
      void (await Promise.all([kill("cell", "work"), kill("server", "redis")])),
    "cell/work killed while server/postgres is stalled": async () => {
      const stalled = stall("server", "postgres", stallMs);
      await sleep(stallMs / 3);
      await Promise.all([stalled, kill("cell", "work")]);
    },
  };

  it("keeps every event that was taken, once, whatever is killed or stalled, in any order", async (context) => {
    const redis = work.open(work.url);
    const load = new EventLoad({ redis, token: producer.token, subjectId: producer.subjectId, ratePerSecond });
    const random = seededRandom(seed);
    const names = Object.keys(wrecks);
    const done: string[] = [];
    const startMs = performance.now();

    for (let turn = 0; turn < names.length || performance.now() - startMs < chaosMs; turn += 1) {
      const name = names[turn < names.length ? turn : random.below(names.length)] ?? "";
      await wrecks[name]?.();
      done.push(name);
      await sleep(random.below(500));
    }
    await load.stop();
    await redis.close();

    const said = { seed, wrecks: done.length, sentAgain: load.repeatedCount };
    const counts = await mustBeKept(work, [load], { withinMs: 90_000, about: { ...said, done } });
    context.diagnostic(JSON.stringify({ ...said, ...counts }));
  });

  it("has all that was acknowledged when its Redis is replaced by an empty one, goes on, and counts what was lost", async (context) => {
    const { token, subjectId } = producer;
    const redis = work.open(work.url);
    const earlier = await countIn(work);
    const pid = await work.pidOf("cell", "work");
    const idle = stopTree(pid);
    const before = new EventLoad({ redis, token, subjectId, ratePerSecond: 1_000_000, batchCount: 1000 });
    await eventually(10_000, "there is a backlog", () => before.eventIds.size > 15_000);
    await before.stop();
    continueAll(idle);
    // So much that each reader has looked at what there is: what comes after a look it cannot tell of.
    await eventually(10_000, "it is being read", async () => (await countIn(work)) > earlier + 3000);
    const stopped = stopTree(pid);
    const unacknowledged = await unacknowledgedIds(work);
    const acknowledged = [...before.eventIds].filter((id) => !unacknowledged.has(id));
    rmSync(join(work.node.dataDirectory, "redis", "appendonlydir"), { recursive: true });
    await kill("server", "redis");
    continueAll(stopped);
    const after = new EventLoad({ redis, token, subjectId, ratePerSecond });
    await sleep(1 * second);
    await after.stop();
    await redis.close();

    await eventually(30_000, "what came later is there", async () => {
      const ids = new Set(await storedIds(work));
      return [...after.eventIds].every((id) => ids.has(id));
    });
    const ids = new Set(await storedIds(work));
    const missing = acknowledged.filter((id) => !ids.has(id));
    const lost = [...before.eventIds].filter((id) => !ids.has(id));
    const metrics = await (await fetch(`${work.node.url}/metrics`)).text();
    const told = Number(/^ingest_lost_total(?:{[^}]*})? (\d+)$/m.exec(metrics)?.[1]);
    const counts = { acknowledged: acknowledged.length, lost: lost.length, told, later: after.eventIds.size };
    context.diagnostic(JSON.stringify(counts));
    assert.deepEqual(missing, []);
    assert(lost.length > 0 && told > 0, `some were lost, and that is told: ${JSON.stringify(counts)}`);
  });
});

async function countIn(work: WorkNode): Promise<number> {
  return Number((await work.rows("select count(*) from ingest.events"))[0]?.["count"]);
}
