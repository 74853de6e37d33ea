/**
 * A real node whose cell, whose Redis and whose Postgres are killed at each step of an event's way, under a load: each event that
 * Redis took is in Postgres once, or a dead letter, when all is back.
 *
 * The node finds its servers behind proxies (`test/kit/steps`), which hold what is said at a step while the victim is killed: no
 * chance decides what was done by then and what was not. By default some steps have a victim, and all are come to; with
 * `CEPA_POINTS` each step has every victim, at an occurrence that `CEPA_SEED` decides. What cannot be seen this way is whether
 * something that was synced to a disk would outlast the power.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it, type TestContext } from "node:test";
import { EVENTS_GROUP } from "#actors/ingest/pipeline.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { mustBeKept, storedIds } from "#test/kit/event-fates.ts";
import { EventLoad } from "#test/kit/event-load.ts";
import { takeNoRows, takeRows } from "#test/kit/full-postgres.ts";
import { eventually } from "#test/kit/node.ts";
import { patient } from "#test/kit/patient.ts";
import { POINTS_STEP } from "#test/kit/points.ts";
import { comeByShell, forgottenToken, type ShellProducer } from "#test/kit/shell-producer.ts";
import { type BehindProxies, startBehindProxies } from "#test/kit/steps/behind-proxies.ts";
import { killProcess } from "#test/kit/steps/kill-process.ts";
import { type ServerName, STEPS, type Step } from "#test/kit/steps/step.ts";
import { type WorkNode, workMissing } from "#test/kit/work-node.ts";

type Victim = "cell" | ServerName;

const VICTIMS: readonly Victim[] = ["cell", "redis", "postgres"];

/** Where there is no time for all: those after which most may be lost or done twice, and each victim. */
const FEW: Readonly<Partial<Record<Step, readonly Victim[]>>> = {
  "new entries given": ["redis"],
  "tokens asked": ["postgres"],
  "insert asked": ["cell"],
  "insert executed, not committed": ["postgres"],
  "insert done": ["cell"],
  "dead letter asked": ["cell"],
  "acknowledge asked": ["cell"],
  "acknowledge done": ["redis"],
};
/** Neither comes by itself more than once. */
const RARE: ReadonlySet<Step> = new Set(["own entries given again", "entries of another claimed"]);
const OCCURRENCES_MAX = 4;

/**
 * The sixth end of a child within a minute would be its quarantine, and each makes the wait for the next life longer. So many
 * may come while Postgres takes no rows.
 */
const CELL_KILLS_MAX = 4;
const INGEST = ['claimIdleMs = "1s"', 'claimIntervalMs = "200ms"', "deliveriesMax = 1000"];
const LOAD = { ratePerSecond: 300, batchCount: 20, badEvery: 10 };

/** Steps of what is spilled, and of what is moved from there. */
const SPILLED: readonly Step[] = ["dead letter asked", "dead letter done", "acknowledge asked", "acknowledge done"];
const MOVED: readonly Step[] = ["insert asked", "insert executed, not committed", "insert done"];

type Kills = readonly (readonly [Step, readonly Victim[]])[];

const skip = workMissing ?? false;
const started = skip === false ? await startBehindProxies() : undefined;
const random = seededRandom(Number(process.env["CEPA_SEED"] ?? 1));

describe("ingest: killed at each step", { skip }, () => {
  const { servers, watch, urls } = started ?? ({} as BehindProxies);
  let work: WorkNode;
  let producer: ShellProducer;
  let strangerToken: string;
  before(async () => {
    work = await servers.node({ urls, ingest: INGEST });
    producer = await comeByShell(work, "steady");
    strangerToken = await forgottenToken(work, "steady", producer.producerId);
  });
  after(() => work?.dispose());

  const loads: EventLoad[] = [];
  let cellKills = 0;
  /** Another life of the node where its cell was killed so often. */
  async function renew(kills: number): Promise<void> {
    if (cellKills < kills) return;
    cellKills = 0;
    await work.stop();
    work = await servers.node({ urls, ingest: INGEST, dataDirectory: work.node.dataDirectory });
  }

  /** With all that is said on that connection held; and brings the victim back. */
  async function killAt(step: Step, nth: number, victim: Victim): Promise<void> {
    const cellPid = await work.pidOf("cell", "work");
    const kill: Readonly<Record<Victim, () => Promise<void>>> = {
      cell: () => killProcess(cellPid),
      redis: () => servers.redis.kill(),
      postgres: () => servers.postgres.kill(),
    };
    await watch.at(step, nth, async (server) => {
      await kill[victim]();
      return victim === "cell" || victim === server ? "cut" : "pass";
    });
    if (victim === "redis") await servers.startRedis();
    if (victim === "postgres") await servers.postgres.start();
    if (victim !== "cell") return;
    cellKills += 1;
    await eventually(30_000, "the cell lives again", async () => {
      const pid = await work.pidOf("cell", "work");
      return pid !== 0 && pid !== cellPid;
    });
  }

  /** What makes a step come that does not come by itself. */
  const provoke: Readonly<Partial<Record<Step, () => Promise<void>>>> = {
    // The answer is lost: what was given is pending to the node's own reader.
    "own entries given again": () => watch.at("new entries given", 1, async () => "cut"),
    // A reader that was given something and never says anything again.
    "entries of another claimed": async () => {
      const redis = work.open(servers.urls.redis);
      await eventually(10_000, "somebody else is given entries", async () => {
        const asked = ["XREADGROUP", "GROUP", EVENTS_GROUP, "gone", "COUNT", 5, "STREAMS", "events", ">"] as const;
        const given = await redis.call(asked, patient);
        return given.ok && given.value !== null;
      });
      await redis.close();
    },
  };

  function publish(): AsyncDisposable {
    const redis = work.open(servers.urls.redis);
    const strangers = [{ token: strangerToken }, { subjectId: randomUUID() }];
    const { token, subjectId } = producer;
    const load = new EventLoad({ ...LOAD, redis, token, subjectId, strangers });
    loads.push(load);
    const over = async (): Promise<void> => {
      await load.stop();
      await redis.close();
    };
    return { [Symbol.asyncDispose]: over };
  }

  /** Each of `steps` in turn, with those of `victims` that are its own; answers with those that were killed there. */
  async function killAtAll(steps: readonly Step[], victims: (step: Step) => readonly Victim[]): Promise<Kills> {
    const kills: (readonly [Step, readonly Victim[]])[] = [];
    for (const step of steps) {
      for (const victim of victims(step)) {
        if (victim === "cell") await renew(CELL_KILLS_MAX);
        const nth = POINTS_STEP === undefined || RARE.has(step) ? 1 : 1 + random.below(OCCURRENCES_MAX);
        await Promise.all([killAt(step, nth, victim), provoke[step]?.()]);
      }
      // Every step is come to, also where nobody is killed: one that does not come would be one that nothing looks at.
      if (!watch.seen.has(step)) await Promise.all([watch.at(step, 1, async () => "pass"), provoke[step]?.()]);
      kills.push([step, victims(step)]);
    }
    return kills;
  }

  async function mustAllBeKept(kills: Kills, context: TestContext): Promise<void> {
    const counts = await mustBeKept(work, loads, { withinMs: 60_000, about: Object.fromEntries(kills) });
    context.diagnostic(JSON.stringify({ sentAgain: loads.at(-1)?.repeatedCount, ...counts }));
    for (const [step, victims] of kills) {
      context.diagnostic(`${step}: come to ${watch.seen.get(step)} times, killed ${victims.join(", ") || "nobody"}`);
    }
  }

  it("keeps every event that was taken, once, whoever is killed at whatever step", async (context) => {
    let kills: Kills;
    {
      await using _load = publish();
      kills = await killAtAll(STEPS, (step) => (POINTS_STEP === undefined ? (FEW[step] ?? []) : VICTIMS));
    }

    await mustAllBeKept(kills, context);
  });

  it("keeps what it has on its disk for Postgres, whoever is killed when that is acknowledged, or moved", async (context) => {
    const isShort = POINTS_STEP === undefined;
    const victims = (): readonly Victim[] => (isShort ? ["cell"] : VICTIMS);
    const kills: (readonly [Step, readonly Victim[]])[] = [];
    // A node that begins while Postgres takes no rows does not say that it is ready before it does.
    await renew(1);
    await takeNoRows(work);
    {
      await using _load = publish();
      const before = (await storedIds(work)).length;
      // What is on the disk and nowhere else: some of it is acknowledged before anybody is killed.
      await watch.at("acknowledge done", OCCURRENCES_MAX, async () => "pass");
      kills.push(...(await killAtAll(isShort ? ["acknowledge asked"] : SPILLED, victims)));
      assert.equal((await storedIds(work)).length, before, "all that was acknowledged is on the disk");
      await takeRows(work);
      kills.push(...(await killAtAll(isShort ? ["insert done"] : MOVED, victims)));
    }

    await mustAllBeKept(kills, context);
  });
});
