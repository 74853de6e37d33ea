/**
 * One run of a plan in a world: clients work, faults come and heal, the node settles, everything is looked at once more, and
 * the node goes down. It knows no executor: time is the world's.
 */
import { Calm } from "#chaos/calm.ts";
import type { Checks } from "#chaos/checks.ts";
import { Ledger } from "#chaos/ledger.ts";
import { Nemesis } from "#chaos/nemesis.ts";
import type { Outcome, Sample } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { Sampler } from "#chaos/sampler.ts";
import { Client } from "#chaos/workload/client.ts";
import { passed, type World } from "#chaos/world.ts";
import type { Random } from "#runtime/random.ts";

/** Between two looks at `/readyz`. The gateway is told how the node stands a few times a second. */
const LOOK_MS = 250;
/** Requests between two looks at what a node at rest holds. */
const ACTS_BEFORE_REST = 30;
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
export type Played = Pick<Outcome, "faults" | "samples" | "tally">;

export const NOTHING_PLAYED: Played = { faults: {}, samples: [], tally: {} };

export async function play({ world, plan, checks, random, onSample }: PlayOptions): Promise<Played> {
  const ledger = new Ledger();
  const calm = new Calm();
  const nemesis = new Nemesis(world, calm, plan.faults);
  const sampler = new Sampler(world, ledger, calm, onSample);
  const mayHide = plan.faults.some((fault) => fault.kind === "disk-error" && fault.operation === "read");
  const client = new Client({ world, random, ledger, checks, calm, mayHide });

  await world.begin();
  const beganMs = world.clock.nowMs();
  let isOver = false;
  const watching = watch(world, calm, () => isOver);
  const sampling = sampler.run();
  const working = Array.from({ length: plan.clients }, async () => {
    while (world.clock.nowMs() - beganMs < plan.durationMs) {
      await client.act();
      await passed(world, random.below(plan.pauseMs + 1));
    }
  });
  await nemesis.run();
  const healedMs = world.clock.nowMs();
  await Promise.all(working);
  // A node may be seen ready while clients still work.
  const settleMs = Math.max(0, plan.settlesWithinMs - (world.clock.nowMs() - healedMs));
  const isReady = await becomesReady(world, calm, settleMs);
  checks.that("ready-again", isReady, () => `not ready within ${plan.settlesWithinMs} ms after all had healed`);
  const status = await world.status();
  const idleParts = [...(status?.cells ?? []), ...(status?.servers ?? []), ...(status?.actors ?? [])].filter(
    ({ state }) => state !== "running",
  );
  checks.that("everything-runs-again", status !== undefined && idleParts.length === 0, () =>
    idleParts.map(({ name, state }) => `${name} is ${state}`).join(", "),
  );
  if (isReady) for (const object of ledger.acknowledged.values()) await client.find(object);
  isOver = true;
  await watching;
  const before = await world.atRest();
  if (before !== undefined) {
    for (let acts = 0; acts < ACTS_BEFORE_REST; acts += 1) await client.act();
    const after = await world.atRest();
    // Fewer is no leak: what a restart has left is over meanwhile.
    const isLeft = after === undefined || after > before;
    checks.that("nothing-is-left", !isLeft, () => `at rest it holds ${after} timers, not ${before}`);
  }
  const samples = sampler.stop();
  await sampling;
  const remains = await world.end();
  checks.that("nothing-is-left", remains.length === 0, () => remains.join("; "));
  const idle = nemesis.withoutEffect;
  if (plan.faults.length > 0)
    checks.that("faults-took-effect", idle.length === 0, () => `without effect: ${idle.join("; ")}`);
  return { faults: nemesis.tally, samples, tally: ledger.tally };
}

/** Says when the node is well again: what was asked before the last fault tells nothing. */
async function watch(world: World, calm: Calm, isOver: () => boolean): Promise<void> {
  let seen = Number.NaN;
  let sinceMs = 0;
  while (!isOver()) {
    await passed(world, LOOK_MS);
    if (calm.faults > 0 || calm.disturbances !== seen) {
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
