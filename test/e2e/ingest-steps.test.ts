/**
 * A real node whose cell, whose Redis and whose Postgres are killed at each step of an event's way, under a load: each event that
 * Redis took is in Postgres once, or a dead letter, when all is back.
 *
 * The node finds its servers behind proxies (`test/kit/steps`), which hold what is said at a step while the victim is killed: no
 * chance decides what was done by then and what was not. By default some steps have a victim, and all are come to; with
 * `CEPA_POINTS` each step has every victim, at an occurrence that `CEPA_SEED` decides. What cannot be seen this way is whether
 * something that was synced to a disk would outlast the power.
 */
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { EVENTS_GROUP } from "#actors/ingest/pipeline.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { mustBeKept } from "#test/kit/event-fates.ts";
import { EventLoad } from "#test/kit/event-load.ts";
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
const FEW: Readonly<Partial<Record<Step, Victim>>> = {
  "new entries given": "redis",
  "tokens asked": "postgres",
  "insert asked": "cell",
  "insert executed, not committed": "postgres",
  "insert done": "cell",
  "dead letter asked": "cell",
  "acknowledge asked": "cell",
  "acknowledge done": "redis",
};
/** Neither comes by itself more than once. */
const RARE: ReadonlySet<Step> = new Set(["own entries given again", "entries of another claimed"]);
const OCCURRENCES_MAX = 4;

/** The sixth end of a child within a minute would be its quarantine, and each makes the wait for the next life longer. */
const CELL_KILLS_MAX = 4;
const INGEST = ['claimIdleMs = "1s"', 'claimIntervalMs = "200ms"', "deliveriesMax = 1000"];
const LOAD = { ratePerSecond: 300, batchCount: 20, badEvery: 10 };

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

  let cellKills = 0;
  /** Another life of the node where its cell was killed often. */
  async function renew(): Promise<void> {
    if (cellKills < CELL_KILLS_MAX) return;
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

  it("keeps every event that was taken, once, whoever is killed at whatever step", async (context) => {
    const redis = work.open(servers.urls.redis);
    const strangers = [{ token: strangerToken }, { subjectId: randomUUID() }];
    const { token, subjectId } = producer;
    const load = new EventLoad({ ...LOAD, redis, token, subjectId, strangers });
    const kills = new Map<Step, Victim[]>(STEPS.map((step) => [step, []]));

    try {
      for (const step of STEPS) {
        for (const victim of VICTIMS) {
          if (POINTS_STEP === undefined && FEW[step] !== victim) continue;
          await renew();
          const nth = POINTS_STEP === undefined || RARE.has(step) ? 1 : 1 + random.below(OCCURRENCES_MAX);
          await Promise.all([killAt(step, nth, victim), provoke[step]?.()]);
          kills.get(step)?.push(victim);
        }
        // Every step is come to, also where nobody is killed: a step that does not come would be one that nothing looks at.
        if (!watch.seen.has(step)) await Promise.all([watch.at(step, 1, async () => "pass"), provoke[step]?.()]);
      }
    } finally {
      await load.stop();
      await redis.close();
    }

    const killed = Object.fromEntries(kills);
    const counts = await mustBeKept(work, [load], { withinMs: 60_000, about: killed });
    context.diagnostic(JSON.stringify({ sentAgain: load.repeatedCount, ...counts }));
    for (const step of STEPS) {
      context.diagnostic(
        `${step}: come to ${watch.seen.get(step)} times, killed ${kills.get(step)?.join(", ") || "nobody"}`,
      );
    }
  });
});
