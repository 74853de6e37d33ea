/**
 * One run of a plan in a world: clients work, faults come and heal, the node settles, everything is looked at once more, and
 * the node goes down. It knows no executor: time is the world's.
 */
import { Calm } from "#chaos/calm.ts";
import { checkLinearizability } from "#chaos/checkers/linearizability.ts";
import { nameModel } from "#chaos/checkers/name-model.ts";
import { tellProblem } from "#chaos/checkers/tell-problem.ts";
import type { Checks } from "#chaos/checks.ts";
import { NETWORK_KINDS } from "#chaos/fault.ts";
import { Ledger } from "#chaos/ledger.ts";
import { Nemesis } from "#chaos/nemesis.ts";
import { type ClientGroup, groupAt } from "#chaos/network/groups.ts";
import type { Outcome, Sample } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { recoveryOf, unservedIn } from "#chaos/recovery.ts";
import { Sampler } from "#chaos/sampler.ts";
import { Client } from "#chaos/workload/client.ts";
import { NamesWorkload } from "#chaos/workload/names.ts";
import { ReadinessWatch } from "#chaos/workload/readiness.ts";
import { type AtRest, passed, type World } from "#chaos/world.ts";
import type { Random } from "#runtime/random.ts";

/** Clients that set and resolve names, beside those of objects, and where they are. */
const NAME_CLIENTS: ReadonlyMap<string, ClientGroup> = new Map([
  ["first", "a"],
  ["second", "b"],
  ["third", "c"],
]);
/** Between two looks at `/readyz`. The gateway is told how the node stands a few times a second. */
const LOOK_MS = 250;
/** Requests between two looks at what a node at rest holds, and how often it has to have grown. */
const ACTS_BEFORE_REST = 30;
const ROUNDS_BEFORE_REST = 4;
/** So long after the last fault what `/readyz` says is of now. */
const STALE_MS = 1000;

export interface PlayOptions {
  readonly world: World;
  readonly plan: Plan;
  readonly checks: Checks;
  /** Of the clients. */
  readonly random: Random;
  readonly onSample: (sample: Sample) => void;
}

/** What a run leaves to be judged. */
export type Played = Pick<Outcome, "faults" | "samples" | "tally" | "recovery">;

export const NOTHING_PLAYED: Played = { faults: {}, samples: [], tally: {} };

export async function play({ world, plan, checks, random, onSample }: PlayOptions): Promise<Played> {
  const ledger = new Ledger();
  const calm = new Calm();
  const mayHide = plan.faults.some((fault) => fault.kind === "disk-error" && fault.operation === "read");
  const mayPanic = plan.faults.some((fault) => fault.kind === "panic" && fault.actor === "gateway");
  const work = { world, random, ledger, checks, calm, mayHide, mayPanic };
  const operator = new Client(work);
  const names = namesOf(world, plan, random, calm);
  const nemesis = new Nemesis(world, calm, plan.faults, () => {
    // What the network holds back may reach the next life.
    if (!isOfNetwork(plan)) names.endOfLife();
  });
  const sampler = new Sampler(world, ledger, calm, onSample);
  let isOver = false;

  await world.begin();
  const watching = watch(world, calm, () => isOver);
  checks.that("ready-again", await becomesReady(world, calm, plan.settlesWithinMs), () => "not ready after its start");
  await names.prepare();
  const sampling = sampler.run();
  const readiness = new ReadinessWatch({ world, calm, checks });
  const looking = readiness.run();
  const beganMs = world.clock.nowMs();
  const keepDoing = async (act: () => Promise<void>): Promise<void> => {
    while (world.clock.nowMs() - beganMs < plan.durationMs) {
      await act();
      await passed(world, random.below(plan.pauseMs + 1));
    }
  };
  const actOnNames = (who: string) => (): Promise<void> => told(names.act(who), checks, mayHide);
  const working = Promise.all([
    ...Array.from({ length: plan.clients }, (_, at) => {
      const client = new Client({ ...work, from: groupAt(at) });
      return keepDoing(() => client.act());
    }),
    ...[...NAME_CLIENTS.keys()].map((who) => keepDoing(actOnNames(who))),
  ]);
  const healing = nemesis.run().then(async () => {
    const atMs = world.clock.nowMs();
    return { atMs, recovery: await recoveryOf(world, plan.settlesWithinMs) };
  });
  const [{ atMs: healedMs, recovery }] = await Promise.all([healing, working]);
  const unserved = unservedIn(recovery);
  checks.that("clients-are-served-again", unserved.length === 0, () => {
    return `clients of ${unserved.join(", ")} are not served within ${plan.settlesWithinMs} ms after all had healed`;
  });
  // A node may be seen ready while clients still work.
  const settleMs = Math.max(0, plan.settlesWithinMs - (world.clock.nowMs() - healedMs));
  const isReady = await becomesReady(world, calm, settleMs);
  checks.that("ready-again", isReady, () => `not ready within ${plan.settlesWithinMs} ms after all had healed`);
  await judgeParts(world, checks, healedMs + plan.settlesWithinMs);
  if (isReady) {
    for (const object of ledger.acknowledged.values()) await operator.find(object);
    await told(names.lookAtAll("last"), checks, mayHide);
  }
  judgeNames(names, checks);
  isOver = true;
  readiness.stop();
  await Promise.all([watching, looking]);
  await judgeRest(world, operator, checks);
  const samples = sampler.stop();
  await sampling;
  const remains = await world.end();
  checks.that("nothing-is-left", remains.length === 0, () => remains.join("; "));
  const idle = nemesis.withoutEffect;
  const areAllFelt = plan.faults.length === 0 || idle.length === 0;
  checks.that("faults-took-effect", areAllFelt, () => `without effect: ${idle.join("; ")}`);
  return { faults: nemesis.tally, samples, tally: ledger.tally, recovery };
}

function isOfNetwork({ faults }: Plan): boolean {
  return faults.some(({ kind }) => NETWORK_KINDS.has(kind));
}

function namesOf(world: World, plan: Plan, random: Random, calm: Calm): NamesWorkload {
  const groupOf = (client: string | undefined) => (client === undefined ? undefined : NAME_CLIENTS.get(client));
  return new NamesWorkload({
    clock: world.clock,
    random,
    arrivesAtOnce: world.arrivesAtOnce && !isOfNetwork(plan),
    request: (request, client) => world.request({ ...request, from: groupOf(client) }),
    day: (client) => calm.dayOf(groupOf(client)),
  });
}

/** Clients of names throw where an answer is none that they may get. What the disk could not read may be hidden for a while. */
async function told(act: Promise<void>, checks: Checks, mayHide: boolean): Promise<void> {
  try {
    await act;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    checks.that("refusals-may-be-tried-again", mayHide && said.includes(" 502"), () => said);
  }
}

/** What is not on the way of an object may take longer to be well than `/readyz` does, but no longer than until then. */
async function judgeParts(world: World, checks: Checks, untilMs: number): Promise<void> {
  const look = async () => {
    const status = await world.status();
    const parts = [...(status?.cells ?? []), ...(status?.servers ?? []), ...(status?.actors ?? [])];
    return { parts, idle: parts.filter(({ state }) => state !== "running") };
  };
  let { parts, idle } = await look();
  while ((parts.length === 0 || idle.length > 0) && world.clock.nowMs() < untilMs) {
    await passed(world, LOOK_MS);
    ({ parts, idle } = await look());
  }
  checks.that("everything-runs-again", parts.length > 0 && idle.length === 0, () =>
    idle.map(({ name, state }) => `${name} is ${state}`).join(", "),
  );
}

/** What grows with every round of work is left behind by it; what fills a cache, or is over since a restart, is not. */
async function judgeRest(world: World, client: Client, checks: Checks): Promise<void> {
  const held: AtRest[] = [];
  for (let round = 0; round <= ROUNDS_BEFORE_REST; round += 1) {
    const atRest = await world.atRest();
    if (atRest === undefined) return;
    const last = held.at(-1);
    held.push(atRest);
    if (last !== undefined && atRest.count <= last.count) break;
    for (let acts = 0; acts < ACTS_BEFORE_REST; acts += 1) await client.act();
  }
  const counts = held.map(({ count }) => count);
  const isGrowing =
    held.length > ROUNDS_BEFORE_REST && counts.every((count, at) => at === 0 || count > (counts[at - 1] ?? 0));
  checks.that("nothing-is-left", !isGrowing, () => `at rest it holds ever more ${held[0]?.what}: ${counts.join(", ")}`);
}

function judgeNames({ recorder, frozenForNothing }: NamesWorkload, checks: Checks): void {
  const model = nameModel();
  const { problems, operationCount } = checkLinearizability(recorder.operations(), model);
  if (operationCount > 0) {
    checks.that("names-are-linearizable", problems.length === 0, () =>
      problems.map((problem) => tellProblem(problem, model, recorder.incidents)).join("\n"),
    );
  }
  const isFrozen = frozenForNothing.length > 0;
  checks.that(
    "names-are-linearizable",
    !isFrozen,
    () => `frozen, though nobody contradicts: ${frozenForNothing.join(", ")}`,
  );
}

/** Says when the node is well again: what was asked before the last fault tells nothing. */
async function watch(world: World, calm: Calm, isOver: () => boolean): Promise<void> {
  let seen = Number.NaN;
  let sinceMs = 0;
  while (!isOver()) {
    await passed(world, LOOK_MS);
    if (calm.isDisturbed || calm.disturbances !== seen) {
      seen = calm.disturbances;
      sinceMs = world.clock.nowMs();
    }
    if (calm.day !== undefined || world.clock.nowMs() - sinceMs < STALE_MS) continue;
    const answer = await world.request({ target: "/readyz" });
    if (answer?.status === 200 && calm.disturbances === seen) calm.seenReady();
  }
}

async function becomesReady(world: World, calm: Calm, withinMs: number): Promise<boolean> {
  const untilMs = world.clock.nowMs() + withinMs + STALE_MS;
  while (calm.day === undefined) {
    if (world.clock.nowMs() > untilMs) return false;
    await passed(world, LOOK_MS);
  }
  return true;
}
