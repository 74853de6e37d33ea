/**
 * One run of a plan in a world: clients work, faults come and heal, the node settles, everything is looked at once more, and
 * the node goes down. It knows no executor: time is the world's.
 */
import { Calm } from "#chaos/calm.ts";
import { EVENT_CHECKS } from "#chaos/checkers/event-checker.ts";
import { checkLinearizability } from "#chaos/checkers/linearizability.ts";
import { nameModel } from "#chaos/checkers/name-model.ts";
import { objectModel } from "#chaos/checkers/object-model.ts";
import { tellProblem } from "#chaos/checkers/tell-problem.ts";
import type { Checks } from "#chaos/checks.ts";
import { cutsPower, endsNode, NETWORK_KINDS } from "#chaos/fault.ts";
import { Ledger } from "#chaos/ledger.ts";
import { Nemesis } from "#chaos/nemesis.ts";
import { type ClientGroup, groupAt } from "#chaos/network/groups.ts";
import type { Outcome, Sample } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { recoveryOf, unservedIn } from "#chaos/recovery.ts";
import { Sampler } from "#chaos/sampler.ts";
import { Client } from "#chaos/workload/client.ts";
import { EventsWorkload } from "#chaos/workload/events.ts";
import { NamesWorkload } from "#chaos/workload/names.ts";
import { mayForgetIn, type PiecesOptions, PiecesWorkload } from "#chaos/workload/pieces.ts";
import { ReadinessWatch } from "#chaos/workload/readiness.ts";
import { RemovalsWorkload } from "#chaos/workload/removals.ts";
import { Room } from "#chaos/workload/room.ts";
import { SupervisionWatch } from "#chaos/workload/supervision.ts";
import { type AtRest, passed, type World } from "#chaos/world.ts";
import { assert } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

/** Clients that set and resolve names, beside those of objects, and where they are. */
const NAME_CLIENTS: ReadonlyMap<string, ClientGroup> = new Map([
  ["first", "a"],
  ["second", "b"],
  ["third", "c"],
]);
/** Where clients are that remove and restore. */
const REMOVAL_CLIENTS: readonly ClientGroup[] = ["a", "b"];
/** Where clients are that send objects in pieces. */
const PIECE_CLIENTS: readonly ClientGroup[] = ["a", "b"];
/** Between two looks at `/readyz`. The gateway is told how the node stands a few times a second. */
const LOOK_MS = 250;
/** Requests between two looks at what a node at rest holds, and how often it has to have grown. */
const ACTS_BEFORE_REST = 30;
const ROUNDS_BEFORE_REST = 4;
/** State of a part that was given up. */
const QUARANTINED = "quarantined";
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
  const mayHide = plan.faults.some(
    (fault) => fault.kind === "disk-error" && (fault.operation === "read" || fault.operation === "open"),
  );
  // The record of a name may be what decays; then it is refused until it is set again.
  const mayRefuse = mayHide || plan.faults.some(({ kind }) => kind === "bit-flip");
  const mayPanic = plan.faults.some((fault) => fault.kind === "panic" && fault.actor === "gateway");
  const room = new Room(world);
  const work = { world: room, random, ledger, checks, calm, mayHide, mayPanic };
  const operator = new Client(work);
  const names = namesOf(world, room, plan, random, calm);
  // What is drawn for it is drawn apart, as all that came later than the rest.
  const removals = new RemovalsWorkload({ ...work, random: seededRandom(random.below(2 ** 32)) });
  const pieces = piecesOf(plan, work);
  const nemesis = new Nemesis(world, calm, plan.faults, ({ fault, injection }) => {
    // What the network holds back may reach the next life.
    if (endsNode(fault) && !isOfNetwork(plan)) {
      names.endOfLife();
      removals.endOfLife();
    }
    if (cutsPower(fault)) ledger.damage.powerLost();
    ledger.damage.decayed(injection.decays ?? []);
  });
  const sampler = new Sampler(world, ledger, calm, onSample);
  let isOver = false;

  await world.begin();
  const watching = watch(world, calm, () => isOver);
  checks.that("ready-again", await becomesReady(world, calm, plan.settlesWithinMs), () => "not ready after its start");
  await names.prepare();
  const { producers = 0 } = plan;
  const events = producers > 0 ? eventsOf(world, ledger, random) : undefined;
  await events?.prepare(producers);
  const sampling = sampler.run();
  const readiness = new ReadinessWatch({ world, calm, checks, room });
  const supervision = new SupervisionWatch({ world, nemesis, checks });
  const looking = Promise.all([readiness.run(), supervision.run()]);
  const beganMs = world.clock.nowMs();
  const keepDoing = async (act: () => Promise<void>): Promise<void> => {
    while (world.clock.nowMs() - beganMs < plan.durationMs) {
      await act();
      await passed(world, random.below(plan.pauseMs + 1));
    }
  };
  const actOnNames = (who: string) => (): Promise<void> => told(names.act(who), checks, mayRefuse);
  const working = Promise.all([
    ...Array.from({ length: plan.clients }, (_, at) => {
      const client = new Client({ ...work, from: groupAt(at) });
      return keepDoing(() => client.act());
    }),
    ...[...NAME_CLIENTS.keys()].map((who) => keepDoing(actOnNames(who))),
    ...REMOVAL_CLIENTS.map((group) => keepDoing(() => removals.act(group))),
    ...PIECE_CLIENTS.map((group) => keepDoing(() => pieces.act(group))),
    ...Array.from({ length: producers }, (_, at) => keepDoing(async () => await events?.act(at))),
  ]);
  const healing = nemesis.run().then(async () => {
    const atMs = world.clock.nowMs();
    return { atMs, recovery: await recoveryOf(room, plan.settlesWithinMs) };
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
  if (events !== undefined) await judgeEvents(events, plan.settlesWithinMs, checks);
  await judgeParts(world, plan.settlesWithinMs, checks);
  if (isReady) {
    await pieces.finish();
    for (const object of ledger.acknowledged.values()) {
      if (ledger.damage.mayBe(object)) await operator.mend(object);
      else await operator.find(object);
    }
    await told(names.lookAtAll("last"), checks, mayRefuse);
    await removals.lookAtAll();
  }
  judgeNames(names, checks);
  judgeRemovals(removals, checks);
  isOver = true;
  readiness.stop();
  supervision.stop();
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

function namesOf({ arrivesAtOnce, clock }: World, room: Room, plan: Plan, random: Random, calm: Calm): NamesWorkload {
  const groupOf = (client: string | undefined) => (client === undefined ? undefined : NAME_CLIENTS.get(client));
  return new NamesWorkload({
    clock,
    random,
    arrivesAtOnce: arrivesAtOnce && !isOfNetwork(plan),
    request: (request, client) => room.request({ ...request, from: groupOf(client) }),
    day: (client) => calm.dayOf(groupOf(client)),
  });
}

function piecesOf({ faults }: Plan, work: Omit<PiecesOptions, "mayForget">): PiecesWorkload {
  // What these clients do is drawn apart from what all others do.
  const random = seededRandom(work.random.below(2 ** 32));
  return new PiecesWorkload({ ...work, random, mayForget: mayForgetIn(faults) });
}

function eventsOf({ events, clock }: World, ledger: Ledger, random: Random): EventsWorkload {
  assert(events !== undefined, "who has producers has somewhere to publish");
  // What producers do is drawn apart from what all others do.
  const own = seededRandom(random.below(2 ** 32));
  return new EventsWorkload({ port: events, clock, random: own, count: (what) => ledger.count(what) });
}

async function judgeEvents(events: EventsWorkload, withinMs: number, checks: Checks): Promise<void> {
  const judged = await events.judge(withinMs);
  const { openCount, problems = [], looked } = judged ?? {};
  for (const check of EVENT_CHECKS) if ((looked?.[check] ?? 0) > 0) checks.that(check, true, () => "");
  for (const { check, what } of problems) checks.that(check, false, () => what);
  checks.that("events-come-to-rest", openCount === 0, () => `after ${withinMs} ms ${openCount ?? "unknown"} are open`);
}

/** Clients of names throw where an answer is none that they may get. What the disk could not read may be hidden for a while. */
async function told(act: Promise<void>, checks: Checks, mayRefuse: boolean): Promise<void> {
  try {
    await act;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    checks.that("refusals-may-be-tried-again", mayRefuse && said.includes(" 502"), () => said);
  }
}

/** A node is ready before the last of its parts is: not all of them are needed for that. */
async function judgeParts(world: World, withinMs: number, checks: Checks): Promise<void> {
  const untilMs = world.clock.nowMs() + withinMs;
  let idle = await idleParts(world);
  // What is quarantined has failed, also where people or time let it try again.
  while (idle.length > 0 && !idle.some((one) => one.endsWith(QUARANTINED)) && world.clock.nowMs() < untilMs) {
    await passed(world, LOOK_MS);
    idle = await idleParts(world);
  }
  checks.that("everything-runs-again", idle.length === 0, () => idle.join(", "));
}

async function idleParts(world: World): Promise<readonly string[]> {
  const status = await world.status();
  const parts = [...(status?.cells ?? []), ...(status?.servers ?? []), ...(status?.actors ?? [])];
  if (parts.length === 0) return ["nothing"];
  return parts.filter(({ state }) => state !== "running").map(({ name, state }) => `${name} is ${state}`);
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

function judgeRemovals({ recorder, emptiesTrash }: RemovalsWorkload, checks: Checks): void {
  const model = objectModel({ emptiesTrash });
  const { problems, operationCount } = checkLinearizability(recorder.operations(), model);
  if (operationCount === 0) return;
  checks.that("objects-are-linearizable", problems.length === 0, () =>
    problems.map((problem) => tellProblem(problem, model, recorder.incidents)).join("\n"),
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
